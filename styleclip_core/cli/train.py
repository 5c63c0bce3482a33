"""Commands that make what lies in pretrained/, in the order of their use."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from styleclip_core.cli.common import Pack, Seed, check_output, write
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import BadSetting

app = typer.Typer()
TRAINING_PANEL = "Make the files of pretrained/"


class Part(StrEnum):
    """What `train-directions` computes."""

    GANSPACE = "ganspace"
    INTERFACEGAN = "interfacegan"
    RELEVANCE = "relevance"


State = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where the training is kept, so that it goes on if interrupted.")
]
Folder = Annotated[Path, typer.Argument(help="Folder of synthetic faces.")]
HairModel = Annotated[str, typer.Option("--hair", metavar="FILE", help="hair_segmentation.tflite")]


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} synthesize faces --count 11000
""",
)
def synthesize(
    folder: Folder,
    count: int = 11_000,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = 256,
) -> None:
    """Training, 1: render synthetic faces."""
    from styleclip_core.training.synthesize import synthesize

    synthesize(folder, count, seed, size)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} measure-faces faces/img --hair hair_segmentation.tflite -o measurements.npz
""",
)
def measure_faces(
    folder: Annotated[Path, typer.Argument(help="Folder of aligned faces, measured in name order.")],
    hair: HairModel,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE")] = "measurements.npz",
) -> None:
    """Training, 2: measure the attributes of faces."""
    check_output(output, (".npz",))
    import numpy as np

    from styleclip_core.evaluation.measure import measure_folder

    names, table = measure_folder(folder, hair)
    write(output, lambda path: np.savez_compressed(path, names=names, values=table))
    missed = int(np.isnan(table).all(1).sum())
    print(f"{output}: {len(table)} faces, {len(names)} measurements, no face found in {missed}")


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-face-clip faces --measurements measurements.npz --scorers celeba_w.npz
""",
)
def train_face_clip(
    folder: Folder,
    measurements: Annotated[Path, typer.Option(help="What measure-faces wrote.")],
    scorers: Annotated[Path, typer.Option(help="Linear attribute scorers in W (.npz).")],
    epochs: float = 4,
    seed: Seed = 0,
) -> None:
    """Training, 3: train FaceCLIP and write it to pretrained/; its identity head comes last, see fit-identity."""
    from styleclip_core.training.face_clip import run

    run(folder, measurements, scorers, epochs, seed)


@command(app, TRAINING_PANEL, examples="\n  {prog} fit-heads\n")
def fit_heads(faces: int = 96, seed: Seed = 0) -> None:
    """Training, 4: fit the generator's preview heads and write them to pretrained/."""
    from styleclip_core.training.heads import run

    run(faces, seed)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-encoder faces
""",
)
def train_encoder(
    folder: Folder,
    epochs: float = 4,
    seed: Seed = 0,
    looks: Annotated[int, typer.Option(help="Steps of the second stage.")] = 500,
) -> None:
    """Training, 5: train the encoder and write it to pretrained/."""
    from styleclip_core.training.encoder import run

    run(folder, epochs, looks, seed)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-directions faces --measurements measurements.npz
  {prog} train-directions --pack full --parts relevance
""",
)
def train_directions(
    folder: Annotated[Path | None, typer.Argument(help="Folder of synthetic faces, for interfacegan.")] = None,
    measurements: Annotated[Path | None, typer.Option(help="What measure-faces wrote, for interfacegan.")] = None,
    parts: Annotated[
        list[Part] | None,
        typer.Option(metavar="PART...", help="Which of them to compute.", show_default=" ".join(Part)),
    ] = None,
    pack: Annotated[
        str, typer.Option(help="compact (written to pretrained/), or full and its sisters (to the cache).")
    ] = "compact",
    faces: Annotated[int, typer.Option(help="For relevance.")] = 28,
) -> None:
    """Training, 6: compute directions in W and the relevance of channels."""
    chosen = [part.value for part in parts or Part]
    if "interfacegan" in chosen and not (folder and measurements):
        raise BadSetting("interfacegan needs the folder of faces and --measurements; or choose other --parts.")
    from styleclip_core.packs import load_pack
    from styleclip_core.training.directions import run

    run(load_pack(pack), chosen, folder, measurements, faces)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-parser faces --hair hair_segmentation.tflite
""",
)
def train_parser(
    folder: Folder,
    hair: HairModel,
    faces: Annotated[int, typer.Option(help="Faces to label and learn from.")] = 2900,
    steps: Annotated[int, typer.Option(help="Of 12 faces.")] = 800,
    seed: Seed = 0,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the labels here (.npz), and use them if they are there."),
    ] = None,
) -> None:
    """Training, 7: label faces, train the face parser and write it to pretrained/."""
    from styleclip_core.training.parser import run

    run(folder, hair, faces, steps, seed, labels)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} fit-identity faces
""",
)
def fit_identity(
    folder: Folder,
    faces: Annotated[int, typer.Option(help="Of the folder.")] = 1500,
    edited: Annotated[int, typer.Option(help="Random faces that are edited.")] = 160,
    seed: Seed = 0,
) -> None:
    """Training, 8: fit FaceCLIP's identity head and write it to pretrained/."""
    from styleclip_core.training.identity import run

    run(folder, faces, edited, seed)


@command(
    app,
    TRAINING_PANEL,
    examples="\n  {prog} measure-effects effects --hair hair_segmentation.tflite --scorers celeba_attributes_w.npz\n",
)
def measure_effects(
    folder: Annotated[Path, typer.Argument(help="For what is measured; a second call goes on there.")],
    hair: HairModel,
    scorers: Annotated[Path, typer.Option(help="Linear attribute scorers in W (.npz).")],
    faces: Annotated[int, typer.Option(help="Random faces.")] = 200,
    passes: Annotated[int, typer.Option(help="Of 4, each of which measures a quarter of the sliders on a face.")] = 1,
) -> None:
    """Training, 9: measure what each slider does to each concept and write the table to pretrained/directions/."""
    from styleclip_core.training.effects import run

    run(folder, hair, scorers, faces, passes)


@command(app, TRAINING_PANEL, examples="\n  {prog} optimise-faces optimised --hair hair_segmentation.tflite\n")
def optimise_faces(
    folder: Annotated[Path, typer.Argument(help="For what is measured; a second call goes on there.")],
    hair: HairModel,
    faces: Annotated[int, typer.Option(help="Random faces.")] = 75,
) -> None:
    """Training, not of what is shipped: optimise faces for prompts and measure them, for tune-face-clip."""
    from styleclip_core.training.edited_faces import run

    run(folder, hair, faces)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} tune-face-clip faces effects optimised --measurements measurements.npz --scorers celeba_w.npz
""",
)
def tune_face_clip(
    folder: Folder,
    effects: Annotated[Path, typer.Argument(help="What measure-effects measured.")],
    optimised: Annotated[Path, typer.Argument(help="What optimise-faces measured.")],
    measurements: Annotated[Path, typer.Option(help="What measure-faces wrote.")],
    scorers: Annotated[Path, typer.Option(help="Linear attribute scorers in W (.npz).")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE")] = Path("face_clip.safetensors"),
) -> None:
    """Training, not of what is shipped: tune FaceCLIP's heads on edited faces, and say what that changes."""
    from styleclip_core.training.edited_tuning import run

    run(folder, measurements, scorers, effects, optimised, output)


@command(app, TRAINING_PANEL, examples="\n  {prog} train-concepts\n")
def train_concepts(
    steps: Annotated[int, typer.Option(help="Of 256 texts.")] = 4000,
    seed: Seed = 0,
) -> None:
    """Training, 10: train the reader of prompts and write it to pretrained/."""
    from styleclip_core.training.concepts import run

    run(steps, seed)


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-inverter faces --state inverter.state
""",
)
def train_inverter(
    folder: Folder,
    pack: Pack = "compact",
    chains: Annotated[int, typer.Option(help="Batches of faces that are inverted.")] = 600,
    batch: int = 4,
    seed: Seed = 0,
    state: State = None,
) -> None:
    """Training, 12: train the learned steps of inversion; into pretrained/, or for another pack into the cache."""
    from styleclip_core.training.inverter import run

    print(f"Wrote {run(folder, pack, chains, batch, seed, state)}.")


@command(
    app,
    TRAINING_PANEL,
    examples="""
  {prog} train-carrier faces --state carrier.state
""",
)
def train_carrier(
    folder: Folder,
    pack: Pack = "compact",
    rounds: Annotated[int, typer.Option(help="Batches of faces that are inverted and edited.")] = 100,
    batch: int = 4,
    seed: Seed = 0,
    state: State = None,
) -> None:
    """Training, 13: train how edits carry a photo's residual along; into pretrained/, or the cache as 12."""
    from styleclip_core.training.carrier import run

    print(f"Wrote {run(folder, pack, rounds, batch, seed, state)}.")
