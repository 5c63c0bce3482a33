"""The command that takes the hair from another photo."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from styleclip_core.cli.common import EditFiles, FaceNumber, InversionOptions, NetworkOptions, Photo, find_face
from styleclip_core.cli.edit import PANEL
from styleclip_core.cli.typer_kit import command

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
    files: EditFiles,
    *,
    only: Annotated[
        Only | None, typer.Option(metavar="WHAT", help="shape (length, fringe, curls) or color; else both.")
    ] = None,
    face: FaceNumber = 0,
    inversion: InversionOptions,
    networks: NetworkOptions,
) -> None:
    """Give the face in a photo the hair from another photo."""
    settings, studio = inversion.settings(), networks.load()
    wanted = studio.hair_of(other)
    found = find_face(studio, photo, face, settings)
    files.write(found, studio.hair_from(found, wanted, only is not Only.COLOR, only is not Only.SHAPE))
