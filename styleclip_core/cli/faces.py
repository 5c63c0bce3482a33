"""Commands that give a face: random, invert."""

from __future__ import annotations

from typing import Annotated

import typer

from styleclip_core.cli.common import (
    PICTURES,
    FaceNumber,
    InversionOptions,
    NetworkOptions,
    Photo,
    Seed,
    check_output,
    find_face,
    write,
)
from styleclip_core.cli.typer_kit import command

app = typer.Typer()
PANEL = "Get a face"


@command(
    app,
    PANEL,
    examples="""
  {prog} random --seed 3 -o face.png
""",
)
def random(
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="The picture, 1024 x 1024 (.png, .jpg, .webp)."),
    ],
    *,
    seed: Seed = 0,
    truncation: Annotated[float, typer.Option(help="0 is the mean face, 1 as varied as can be.")] = 0.7,
    latent: Annotated[str | None, typer.Option(metavar="FILE", help="Also write its W+ code (.npz).")] = None,
    badge: Annotated[bool, typer.Option("--badge", help='Write "made by AI" visibly into a corner.')] = False,
    networks: NetworkOptions,
) -> None:
    """Make the picture of a person who does not exist."""
    check_output(output, PICTURES)
    check_output(latent, (".npz",))
    from styleclip_core.results import save_state

    face = networks.load().random_face(seed, truncation)
    write(output, lambda path: face.save(path, badge))
    write(latent, lambda path: save_state(face.state, path))
    print(output)


@command(
    app,
    PANEL,
    examples="""
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png

  # A picture that the code alone draws
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png --faithful 0

  # As like the photo as can be, in minutes
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png --inversion-steps 100 --faithful 1 --tune 60
""",
)
def invert(
    photo: Photo,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The W+ code (.npz, array w_plus, 18 x 512), and what the generator was adapted by.",
        ),
    ],
    *,
    image: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write the generator's picture of it (.png, .jpg, .webp)."),
    ] = None,
    face: FaceNumber = 0,
    inversion: InversionOptions,
    networks: NetworkOptions,
) -> None:
    """Find the code of a face in a photo."""
    check_output(output, (".npz",))
    check_output(image, PICTURES)
    settings = inversion.settings()
    from styleclip_core.results import save_state

    found = find_face(networks.load(), photo, face, settings)
    write(output, lambda path: save_state(found.state, path))
    write(image, found.save)
    print(f"{output}: distance to the photo {found.distance:.2f}, {found.seconds:.0f} s")
