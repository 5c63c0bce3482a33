"""The commands that make what lies in pretrained/, in the order of their use."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from styleclip_core.cli.common import NETWORKS, SEED, arg, check_output, command, write
from styleclip_core.errors import BadSetting

FOLDER = arg("folder", type=Path, help="folder of synthetic faces")


@command(
    FOLDER,
    arg("--count", type=int, default=11_000, help="(default: 11000)"),
    SEED,
    arg("--size", type=int, default=256, help="side in pixels (default: 256)"),
    examples="""
  {prog} synthesize faces --count 11000
""",
)
def synthesize(args: argparse.Namespace) -> None:
    """Training, 1: render synthetic faces."""
    from styleclip_core.training.synthesize import synthesize

    synthesize(args.folder, args.count, args.seed, args.size)


@command(
    arg("folder", type=Path, help="folder of aligned faces, measured in name order"),
    arg("--hair", required=True, metavar="FILE", help="hair_segmentation.tflite"),
    arg("-o", "--output", default="measurements.npz", metavar="FILE", help="(default: measurements.npz)"),
    examples="""
  {prog} measure-faces faces/img --hair hair_segmentation.tflite -o measurements.npz
""",
)
def measure_faces(args: argparse.Namespace) -> None:
    """Training, 2: measure the attributes of faces."""
    check_output(args.output, (".npz",))
    import numpy as np

    from styleclip_core.evaluation.measure import measure_folder

    names, table = measure_folder(args.folder, args.hair)
    write(args.output, lambda: np.savez_compressed(args.output, names=names, values=table))
    missed = int(np.isnan(table).all(1).sum())
    print(f"{args.output}: {len(table)} faces, {len(names)} measurements, no face found in {missed}")


@command(
    FOLDER,
    arg("--measurements", type=Path, required=True, help="what measure-faces wrote"),
    arg("--scorers", type=Path, required=True, help="linear attribute scorers in W (.npz)"),
    arg("--epochs", type=float, default=4, help="(default: 4)"),
    SEED,
    examples="""
  {prog} train-face-clip faces --measurements measurements.npz --scorers celeba_w.npz
""",
)
def train_face_clip(args: argparse.Namespace) -> None:
    """Training, 3: train FaceCLIP and write it to pretrained/; its identity head comes last, see fit-identity."""
    from styleclip_core.training.face_clip import run

    run(args.folder, args.measurements, args.scorers, args.epochs, args.seed)


@command(arg("--faces", type=int, default=96, help="(default: 96)"), SEED, examples="\n  {prog} fit-heads\n")
def fit_heads(args: argparse.Namespace) -> None:
    """Training, 4: fit the generator's preview heads and write them to pretrained/."""
    from styleclip_core.training.heads import run

    run(args.faces, args.seed)


@command(
    FOLDER,
    arg("--epochs", type=float, default=4, help="(default: 4)"),
    SEED,
    arg("--looks", type=int, default=500, help="steps of the second stage (default: 500)"),
    examples="""
  {prog} train-encoder faces
""",
)
def train_encoder(args: argparse.Namespace) -> None:
    """Training, 5: train the encoder and write it to pretrained/."""
    from styleclip_core.training.encoder import run

    run(args.folder, args.epochs, args.looks, args.seed)


@command(
    arg("folder", type=Path, nargs="?", help="folder of synthetic faces, for interfacegan"),
    arg("--measurements", type=Path, help="what measure-faces wrote, for interfacegan"),
    arg(
        "--parts",
        nargs="+",
        default=["ganspace", "interfacegan", "relevance"],
        metavar="PART",
        choices=["ganspace", "interfacegan", "relevance"],
        help="ganspace, interfacegan, relevance (default: all)",
    ),
    arg("--pack", default="compact", help="compact (written to pretrained/), or full and its sisters (to the cache)"),
    arg("--faces", type=int, default=28, help="for relevance (default: 28)"),
    examples="""
  {prog} train-directions faces --measurements measurements.npz
  {prog} train-directions --pack full --parts relevance
""",
)
def train_directions(args: argparse.Namespace) -> None:
    """Training, 6: compute directions in W and the relevance of channels."""
    from styleclip_core import load_pack
    from styleclip_core.errors import BadSetting
    from styleclip_core.training.directions import run

    if "interfacegan" in args.parts and not (args.folder and args.measurements):
        raise BadSetting("interfacegan needs the folder of faces and --measurements; or choose other --parts.")
    run(load_pack(args.pack), args.parts, args.folder, args.measurements, args.faces)


@command(
    FOLDER,
    arg("--hair", required=True, metavar="FILE", help="hair_segmentation.tflite"),
    arg("--faces", type=int, default=2900, help="faces to label and learn from (default: 2900)"),
    arg("--steps", type=int, default=800, help="of 12 faces (default: 800)"),
    SEED,
    arg("--labels", type=Path, metavar="FILE", help="keep the labels here (.npz), and use them if they are there"),
    examples="""
  {prog} train-parser faces --hair hair_segmentation.tflite
""",
)
def train_parser(args: argparse.Namespace) -> None:
    """Training, 7: label faces, train the face parser and write it to pretrained/."""
    from styleclip_core.training.parser import run

    run(args.folder, args.hair, args.faces, args.steps, args.seed, args.labels)


@command(
    FOLDER,
    arg("--faces", type=int, default=1500, help="of the folder (default: 1500)"),
    arg("--edited", type=int, default=160, help="random faces that are edited (default: 160)"),
    SEED,
    examples="""
  {prog} fit-identity faces
""",
)
def fit_identity(args: argparse.Namespace) -> None:
    """Training, 8: fit FaceCLIP's identity head and write it to pretrained/."""
    from styleclip_core.training.identity import run

    run(args.folder, args.faces, args.edited, args.seed)


@command(
    arg("prompt", help="what strength 1 of the slider should look like"),
    arg("--name", required=True, help="of the file and of the slider: letters, digits, _ and -"),
    arg(
        "-o",
        "--output",
        type=Path,
        default=Path("mappers"),
        metavar="FOLDER",
        help="where the mapper, its losses and its samples go; a run that was stopped goes on there (default: mappers)",
    ),
    arg(
        "--levels",
        nargs="+",
        choices=["coarse", "medium", "fine"],
        default=["coarse", "medium", "fine"],
        help="layers that may move (default: all)",
    ),
    arg("--steps", type=int, help="on pictures (default: 160)"),
    SEED,
    *NETWORKS,
    examples="""
  {prog} train-mapper "a person with purple hair" --name purple_hair
  {prog} train-mapper "a person with red lips" --name red_lips --levels fine --steps 300
""",
)
def train_mapper(args: argparse.Namespace) -> None:
    """Train the mapper of a slider, in minutes on a CPU."""
    if not re.fullmatch(r"[\w-]{1,60}", args.name):
        raise BadSetting("--name takes letters, digits, _ and - only, at most 60.")
    from styleclip_core.packs import load_pack
    from styleclip_core.training.mapper import MapperSettings, run

    levels = tuple(level.replace("coarse", "course") for level in args.levels)
    chosen = {"levels": levels, "seed": args.seed} | ({} if args.steps is None else {"steps": args.steps})
    settings, path = MapperSettings(**chosen), args.output / f"{args.name}.pt"
    write(str(path), lambda: args.output.mkdir(parents=True, exist_ok=True))
    pack = load_pack(args.pack, args.device, args.precision)
    write(str(path), lambda: run(pack, args.prompt, path, settings))
    print(f"{path}, and beside it what it learned: .losses.png, .samples.jpg")


@command(
    arg("--prompts", type=int, default=3000, help="captions to learn from (default: 3000)"),
    SEED,
    arg("--steps", type=int, default=400, help="on pictures (default: 400)"),
    examples="""
  {prog} train-text-mapper
""",
)
def train_text_mapper(args: argparse.Namespace) -> None:
    """Training, 9: train the mapper for any prompt and write it to pretrained/."""
    from styleclip_core.training.text_mapper import run

    run(args.prompts, args.steps, args.seed)
