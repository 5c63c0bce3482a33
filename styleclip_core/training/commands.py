"""The commands that make what lies in pretrained/, in the order of their use."""

from __future__ import annotations

import argparse
from pathlib import Path

from styleclip_core.cli_kit import SEED, arg, check_output, command, write

FOLDER = arg("folder", type=Path, help="folder of synthetic faces")


@command(
    FOLDER, arg("--count", type=int, default=11_000, help="(default: 11000)"), SEED,
    arg("--size", type=int, default=256, help="side in pixels (default: 256)"),
    examples="""
  {prog} synthesize faces --count 11000
""",
)  # fmt: skip
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

    from styleclip_core.training.teachers import measure_folder

    names, table = measure_folder(args.folder, args.hair)
    write(args.output, lambda: np.savez_compressed(args.output, names=names, values=table))
    missed = int(np.isnan(table).all(1).sum())
    print(f"{args.output}: {len(table)} faces, {len(names)} measurements, no face found in {missed}")


@command(
    FOLDER,
    arg("--measurements", type=Path, required=True, help="what measure-faces wrote"),
    arg("--scorers", type=Path, required=True, help="linear attribute scorers in W (.npz)"),
    arg("--epochs", type=float, default=4, help="(default: 4)"), SEED,
    examples="""
  {prog} train-face-clip faces --measurements measurements.npz --scorers celeba_w.npz
""",
)  # fmt: skip
def train_face_clip(args: argparse.Namespace) -> None:
    """Training, 3: train FaceCLIP and write it to pretrained/."""
    from styleclip_core.training.face_clip import run

    run(args.folder, args.measurements, args.scorers, args.epochs, args.seed)


@command(arg("--faces", type=int, default=96, help="(default: 96)"), SEED, examples="\n  {prog} fit-heads\n")
def fit_heads(args: argparse.Namespace) -> None:
    """Training, 4: fit the generator's preview heads and write them to pretrained/."""
    from styleclip_core.training.heads import run

    run(args.faces, args.seed)


@command(
    FOLDER, arg("--epochs", type=float, default=4, help="(default: 4)"), SEED,
    arg("--looks", type=int, default=500, help="steps of the second stage (default: 500)"),
    examples="""
  {prog} train-encoder faces
""",
)  # fmt: skip
def train_encoder(args: argparse.Namespace) -> None:
    """Training, 5: train the encoder and write it to pretrained/."""
    from styleclip_core.training.encoder import run

    run(args.folder, args.epochs, args.looks, args.seed)


@command(
    arg("folder", type=Path, nargs="?", help="folder of synthetic faces, for interfacegan"),
    arg("--measurements", type=Path, help="what measure-faces wrote, for interfacegan"),
    arg("--parts", nargs="+", default=["ganspace", "interfacegan", "relevance"], metavar="PART",
        choices=["ganspace", "interfacegan", "relevance"], help="ganspace, interfacegan, relevance (default: all)"),
    arg("--pack", default="compact", help="compact (written to pretrained/), or full and its sisters (to the cache)"),
    arg("--faces", type=int, default=28, help="for relevance (default: 28)"),
    examples="""
  {prog} train-directions faces --measurements measurements.npz
  {prog} train-directions --pack full --parts relevance
""",
)  # fmt: skip
def train_directions(args: argparse.Namespace) -> None:
    """Training, 6: compute directions in W and the relevance of channels."""
    from styleclip_core import load_pack
    from styleclip_core.errors import BadSetting
    from styleclip_core.training.directions import run

    if "interfacegan" in args.parts and not (args.folder and args.measurements):
        raise BadSetting("interfacegan needs the folder of faces and --measurements; or choose other --parts.")
    run(load_pack(args.pack), args.parts, args.folder, args.measurements, args.faces)
