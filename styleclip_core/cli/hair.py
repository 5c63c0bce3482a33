"""The command that takes the hair from another photo."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from styleclip_core.cli.common import (
    Device,
    EditFiles,
    FaceNumber,
    Faithful,
    InversionSteps,
    Pack,
    Photo,
    Precision,
    Tune,
    find_face,
    load,
)
from styleclip_core.cli.edit import PANEL, Aligned, Badge, Latent, Output, Scores
from styleclip_core.cli.typer_kit import command
from styleclip_core.settings import InvertSettings

app = typer.Typer()


class Only(StrEnum):
    """What is taken, if not all of it."""

    SHAPE = "shape"
    COLOR = "color"


@command(
    app,
    PANEL,
    examples="""
  {prog} hair photo.jpg other.jpg -o out.png
  {prog} hair photo.jpg other.jpg -o out.png --only color
""",
)
def hair(
    photo: Photo,
    other: Annotated[str, typer.Argument(help="The photo with the hair; its largest face counts.")],
    output: Output,
    only: Annotated[
        Only | None, typer.Option(metavar="WHAT", help="shape (length, fringe, curls) or color; else both.")
    ] = None,
    aligned: Aligned = None,
    latent: Latent = None,
    scores: Scores = None,
    badge: Badge = False,
    face: FaceNumber = 0,
    inversion_steps: InversionSteps = InvertSettings.steps,
    faithful: Faithful = InvertSettings.faithful,
    tune: Tune = InvertSettings.tune,
    pack: Pack = "auto",
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Give the face in a photo the hair from another photo."""
    files = EditFiles(output, aligned, latent, scores, badge)
    inversion = InvertSettings(steps=inversion_steps, tune=tune, faithful=faithful)
    studio = load(pack, device, precision)
    wanted = studio.hair_of(other)
    found = find_face(studio, photo, face, inversion)
    files.write(found, studio.hair_from(found, wanted, only is not Only.COLOR, only is not Only.SHAPE))
