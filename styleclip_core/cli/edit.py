"""Commands that edit a face in a photo: edit, slide, sliders."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from styleclip_core.cli.common import EditFiles, FaceNumber, InversionOptions, NetworkOptions, Photo, find_face, watch
from styleclip_core.cli.edit_options import (
    Method,
    check_everywhere,
    check_method,
    check_region,
    edit_settings,
    read_mask,
    slider_values,
    use_fs3,
)
from styleclip_core.cli.typer_kit import PROG, command
from styleclip_core.settings import (
    InstructSettings,
    OfficialSettings,
    OptimizeSettings,
    TediGANSettings,
    check_prompt,
)

app = typer.Typer()
PANEL, PLACE_PANEL = "Edit a photo", "Where the edit may show"

Region = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, what the edit is about; everywhere; or a part: person, head, hair, face, eyes, brows, nose, mouth, "
        "lips, beard, glasses, hat, skin, background, ..., also hair+brows, face-eyes, left eye.",
        rich_help_panel=PLACE_PANEL,
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Edit only where this picture of the aligned face is bright, or painted.",
        rich_help_panel=PLACE_PANEL,
    ),
]


@command(
    app,
    PANEL,
    examples="""
  # The edit, pasted back into the photo
  {prog} edit photo.jpg "a smiling person" -o out.png

  # Stronger, the second largest face, everything that is known about the result
  {prog} edit group.jpg "a person with grey hair" -o out.png --face 1 --strength 1.4 \\
      --aligned face.png --latent code.npz --scores scores.json

  # Not only what the prompt is about, or only the lips, or only what is bright in a picture of the aligned face
  {prog} edit photo.jpg "a person with blond hair" -o out.png --region everywhere
  {prog} edit photo.jpg "a person with make-up" -o out.png --region lips
  {prog} edit photo.jpg "a person with a beard" -o out.png --mask mask.png

  # Weights of the loss terms (0 switches one off): clip directional identity likeness preserve latent mixing
  {prog} edit photo.jpg "an old person" -o out.png --set identity=2 preserve=0.5 lr=0.08

  # StyleCLIP's own optimisation, at 1024 px; its settings are steps, lr, l2, identity (0.005 as in its notebook, 0 in
  # its script), mode (edit or free_generation) and space (w_plus or stylespace)
  {prog} edit photo.jpg "an old person" -o out.png --pack full --official --steps 100 --set l2=0.01 identity=0

  # TediGAN's; its settings are steps, lr, clip, pixel, perceptual, latent, start (mean or face) and resolution
  {prog} edit photo.jpg "an old person" -o out.png --method tedigan --set start=face

  # InstructPix2Pix, which takes an instruction; its settings are steps, text, image (guidance by each), size and seed
  {prog} edit photo.jpg "make the person look old" -o out.png --method instruct-pix2pix --set image=1.8
""",
)
def edit(
    photo: Photo,
    prompt: Annotated[str, typer.Argument(help="What the face should look like.")],
    files: EditFiles,
    *,
    strength: Annotated[
        float | None,
        typer.Option(
            help="0 changes nothing, 1 is clearly visible, at most 2.", show_default=f"{OptimizeSettings.strength:g}"
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help=f"Steps of the edit; TediGAN's are {TediGANSettings.steps}.",
            show_default=f"{OptimizeSettings.steps}, with --official {OfficialSettings.steps}",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the augmented views.", show_default=f"{OptimizeSettings.seed}")
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE...", help="Other settings of the edit, see the examples."),
    ] = None,
    method: Annotated[
        Method,
        typer.Option(
            metavar="NAME",
            help="studio; or, for comparison, official (StyleCLIP's own optimisation, needs CLIP) or tedigan, which "
            "edit a code alone, without a residual (--faithful and --tune are 0 then); or instruct-pix2pix, a "
            "diffusion model of about 5 GB, which needs no pack, but the extra diffusion.",
        ),
    ] = Method.STUDIO,
    official: Annotated[
        bool, typer.Option("--official", help="The same as --method official: StyleCLIP's own, with --faithful 0.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Try a prompt of which the model knows nothing.")] = False,
    region: Region = "auto",
    mask: Mask = None,
    face: FaceNumber = 0,
    inversion: InversionOptions,
    networks: NetworkOptions,
) -> None:
    """Edit the face in a photo by a prompt."""
    method = Method.OFFICIAL if official else method
    settings = edit_settings({"strength": strength, "steps": steps, "seed": seed}, more or [], method)
    inverted = inversion.settings()
    if method is not Method.STUDIO:  # papers' methods know no residual, and no adapted generator
        inverted = replace(inverted, faithful=0.0, tune=0)
    prompt, painted = check_prompt(prompt), read_mask(mask)
    if isinstance(settings, InstructSettings):
        from styleclip_core.cli.instruct import instruct

        check_everywhere(method, region, painted)
        instruct(photo, prompt, settings, files, painted, face, networks.device)
        return
    studio = networks.load()
    check_method(studio, method, region, painted)
    check_region(studio, region, painted)
    if not studio.pack.clip.reads_all(prompt):
        print("The prompt is long, and its end will not be read.", file=sys.stderr)
    if not anyway:
        studio.check_known(prompt)
    found = find_face(studio, photo, face, inverted)
    files.write(found, watch(studio.optimize_steps(found, prompt, settings, painted, region)))


@command(
    app,
    PANEL,
    examples="""
  {prog} slide photo.jpg mapper:smiling=1 boundary:age=-0.5 -o out.png

  # Any prompt, without training: composed of the other sliders, or as a direction in StyleSpace
  {prog} slide photo.jpg "text:a man with a beard=1" -o out.png
  {prog} slide photo.jpg "style:blond hair=1.5" --region hair -o out.png

  # A mapper from a file
  {prog} slide photo.jpg mapper:purple_hair=1 --mapper mappers/purple_hair.pt -o out.png
""",
)
def slide(
    photo: Photo,
    files: EditFiles,
    *,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="SLIDER=VALUE", help=f"From -3 to 3; `{PROG} sliders` lists them."),
    ] = None,
    saved: Annotated[
        str | None,
        typer.Option("--load", metavar="FILE", help="Sliders that the app saved (.json); those given override them."),
    ] = None,
    mapper: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE...",
            help="Mappers of StyleCLIP's or train-mapper's: purple_hair.pt is then mapper:purple_hair.",
        ),
    ] = None,
    fs3: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="StyleCLIP's fs3.npy for the pack's generator, for style:PROMPT; S_mean_std beside it is read too.",
        ),
    ] = None,
    region: Region = "everywhere",
    mask: Mask = None,
    face: FaceNumber = 0,
    inversion: InversionOptions,
    networks: NetworkOptions,
) -> None:
    """Edit the face in a photo by sliders, which add up."""
    inverted = inversion.settings()
    from styleclip_core.checkpoints import load_mapper

    values = slider_values(saved, pairs or [])
    own, painted = {Path(file).stem: load_mapper(file) for file in mapper or []}, read_mask(mask)
    studio = networks.load()
    if fs3 is not None:
        use_fs3(studio, fs3)
    values = studio.check_sliders(values, own)
    named = check_region(studio, region, painted)
    found = find_face(studio, photo, face, inverted)
    place = studio.region(found, named) if named else painted
    files.write(found, studio.slide(found, values, own, place))


@command(app, PANEL, examples="\n  {prog} sliders\n")
def sliders(networks: NetworkOptions) -> None:
    """List the sliders that a pack has; prompts make more: text:PROMPT and style:PROMPT."""
    from styleclip_core.edits import sliders

    for slider in sliders.available(networks.load().pack):
        print(f"{slider.key:32} {slider.group}")
