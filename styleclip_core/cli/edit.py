"""The command line: `python -m styleclip_core COMMAND ...`. What the commands share is in cli_kit.py."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from styleclip_core.cli.common import (
    COMMANDS,
    NETWORKS,
    PICTURES,
    PROG,
    SEED,
    Parser,
    arg,
    check_output,
    check_results,
    command,
    read_text,
    save,
    watch,
    write,
    write_results,
)
from styleclip_core.errors import BadSetting, StudioError

if TYPE_CHECKING:
    from styleclip_core.edits.optimize import OptimizeSettings
    from styleclip_core.edits.styleclip_reference import OfficialSettings
    from styleclip_core.results import Face
    from styleclip_core.studio import Studio

FACE = arg("--face", type=int, default=0, metavar="N", help="which face of the photo, 0 the largest (default: 0)")
INVERSION = (
    arg("--inversion-steps", type=int, metavar="N", help="that refine the face's code (default: 30)"),
    arg(
        "--faithful",
        type=float,
        metavar="X",
        help="from 0, a code alone, which edits work best on, to 1, most like the photo (default: 0.5)",
    ),
    arg(
        "--tune",
        type=int,
        metavar="N",
        help="steps that adapt the generator to the photo: slow, more detail (default: 0)",
    ),
)
WHERE = (
    arg(
        "--region",
        metavar="NAME",
        help="edit only there: hair, face, eyes, brows, nose, mouth, lips, beard, glasses, "
        "skin, background, ..., also hair+brows, face-eyes, left eye; auto is what the prompt speaks of",
    ),
    arg("--mask", metavar="FILE", help="edit only where this picture of the aligned face is bright, or painted"),
)
RESULTS = (
    arg("-o", "--output", required=True, metavar="FILE", help="the photo with the edit in it (.png, .jpg, .webp)"),
    arg("--aligned", metavar="FILE", help="also write the edited face alone, 1024 x 1024"),
    arg("--latent", metavar="FILE", help="also write the edited W+ code (.npz)"),
    arg("--scores", metavar="FILE", help="also write the numbers (.json)"),
)


@command(
    arg("photo", help="picture with a face in it"),
    arg("prompt", help="what the face should look like"),
    *RESULTS,
    arg("--strength", type=float, help="0 changes nothing, 1 is clearly visible, at most 2 (default: 1)"),
    arg("--steps", type=int, help="steps of the edit"),
    arg("--seed", type=int, help="(default: 0)"),
    *WHERE,
    FACE,
    *INVERSION,
    arg("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings of the edit, see the examples"),
    arg("--official", action="store_true", help="optimise exactly as StyleCLIP did, for comparison; needs CLIP"),
    *NETWORKS,
    examples="""
  # The edit, pasted back into the photo
  {prog} edit photo.jpg "a smiling person" -o out.png

  # Stronger, the second largest face, everything that is known about the result
  {prog} edit group.jpg "a person with grey hair" -o out.png --face 1 --strength 1.4 \\
      --aligned face.png --latent code.npz --scores scores.json

  # Only the hair, or only what is bright in a picture of the aligned face
  {prog} edit photo.jpg "a person with blond hair" -o out.png --region hair
  {prog} edit photo.jpg "a person with a beard" -o out.png --mask mask.png

  # Weights of the loss terms (0 switches one off): clip directional identity likeness preserve latent mixing
  {prog} edit photo.jpg "an old person" -o out.png --set identity=2 preserve=0.5 lr=0.08

  # StyleCLIP's own optimisation, at 1024 px; its settings are steps, lr, l2 and identity
  {prog} edit photo.jpg "an old person" -o out.png --pack full --official --steps 100 --set l2=0.01
""",
)
def edit(args: argparse.Namespace) -> None:
    """Edit the face in a photo by a prompt."""
    check_results(args)
    from styleclip_core.settings import check_prompt

    settings = edit_settings(args)
    prompt = check_prompt(args.prompt)
    studio = load(args)
    face = find_face(studio, args)
    where = studio.region(face, args.region or "auto", prompt, args.mask) if args.region or args.mask else None
    write_results(args, face, watch(studio.optimize_steps(face, prompt, settings, where)))


@command(
    arg("photo", help="picture with a face in it"),
    arg("sliders", nargs="*", metavar="SLIDER=VALUE", help=f"from -3 to 3; `{PROG} sliders` lists them"),
    arg("--load", metavar="FILE", help="sliders that the app saved (.json); those given override them"),
    arg(
        "--mapper",
        nargs="+",
        default=[],
        metavar="FILE",
        help="mappers of StyleCLIP's or train-mapper's: purple_hair.pt is then mapper:purple_hair",
    ),
    *RESULTS,
    *WHERE,
    FACE,
    *INVERSION,
    *NETWORKS,
    examples="""
  {prog} slide photo.jpg mapper:smiling=1 boundary:age=-0.5 -o out.png

  # Any prompt, without training: learned for all prompts, or as a direction in StyleSpace
  {prog} slide photo.jpg "text:a man with a beard=1" -o out.png
  {prog} slide photo.jpg "style:blond hair=1.5" --region hair -o out.png

  # A mapper from a file
  {prog} slide photo.jpg mapper:purple_hair=1 --mapper mappers/purple_hair.pt -o out.png
""",
)
def slide(args: argparse.Namespace) -> None:
    """Edit the face in a photo by sliders, which add up."""
    check_results(args)
    from styleclip_core.checkpoints import load_mapper
    from styleclip_core.edits import sliders

    values = sliders.from_json(read_text(args.load)) if args.load else {}
    for pair in args.sliders:
        key, equals, number = pair.rpartition("=")
        if not equals:
            raise BadSetting(f"Sliders are given as NAME=VALUE, not {pair!r}.")
        values[key] = number
    values = sliders.check_values(values)
    own = {Path(file).stem: load_mapper(file) for file in args.mapper}
    studio = load(args)
    face = find_face(studio, args)
    where = studio.region(face, args.region or "whole", "", args.mask) if args.region or args.mask else None
    write_results(args, face, studio.slide(face, values, own, where))


@command(*NETWORKS, examples="\n  {prog} sliders\n")
def sliders(args: argparse.Namespace) -> None:
    """List the sliders that a pack has; prompts make more: text:PROMPT and style:PROMPT."""
    from styleclip_core.edits import sliders

    for slider in sliders.available(load(args).pack):
        print(f"{slider.key:32} {slider.group}")


@command(
    SEED,
    arg("--truncation", type=float, default=0.7, help="0 is the mean face, 1 as varied as can be (default: 0.7)"),
    arg("-o", "--output", required=True, metavar="FILE", help="the picture, 1024 x 1024 (.png, .jpg, .webp)"),
    arg("--latent", metavar="FILE", help="also write its W+ code (.npz)"),
    *NETWORKS,
    examples="""
  {prog} random --seed 3 -o face.png
""",
)
def random(args: argparse.Namespace) -> None:
    """Make the picture of a person who does not exist."""
    check_output(args.output, PICTURES)
    check_output(args.latent, (".npz",))
    from styleclip_core.studio import save_latent

    face = load(args).random_face(args.seed, args.truncation)
    write(args.output, lambda: save(face.image, args.output))
    write(args.latent, lambda: save_latent(face.w_plus, args.latent))
    print(args.output)


@command(
    arg("photo", help="picture with a face in it"),
    arg("-o", "--output", required=True, metavar="FILE", help="the W+ code (.npz, array w_plus, 18 x 512)"),
    arg("--image", metavar="FILE", help="also write the generator's picture of it (.png, .jpg, .webp)"),
    FACE,
    *INVERSION,
    *NETWORKS,
    examples="""
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png

  # A picture that the code alone draws
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png --faithful 0

  # As like the photo as can be, in minutes
  {prog} invert photo.jpg -o latent.npz --image reconstruction.png --inversion-steps 100 --faithful 1 --tune 60
""",
)
def invert(args: argparse.Namespace) -> None:
    """Find the code of a face in a photo."""
    check_output(args.output, (".npz",))
    check_output(args.image, PICTURES)
    from styleclip_core.studio import save_latent

    face = find_face(load(args), args)
    write(args.output, lambda: save_latent(face.w_plus, args.output))
    write(args.image, lambda: save(face.image, args.image))
    print(f"{args.output}: distance to the photo {face.distance:.2f}, {face.seconds:.0f} s")


@command(
    arg("action", choices=["list", "fetch", "verify"], help="show the table, fetch what is missing, or hash all files"),
    arg(
        "names",
        nargs="*",
        metavar="NAME",
        help="names or packs of the table (default: fetch compact; verify what is here)",
    ),
    examples="""
  {prog} weights list
  {prog} weights fetch full
  {prog} weights verify face_landmarker.task

  # Without the Hub: a folder with the published files in it
  STYLECLIP_WEIGHTS=~/weights {prog} weights verify full
""",
)
def weights(args: argparse.Namespace) -> int | None:
    """List, fetch or verify the checkpoints."""
    from styleclip_core import weights

    what = args.names[0] if len(args.names) == 1 else args.names
    if args.action == "list":
        print(weights.table())
    elif args.action == "fetch":
        print("\n".join(map(str, weights.fetch(what or "compact"))))
    else:
        states = weights.verify(what or "all")
        print("\n".join(f"{state:9}{name}" for name, state in states.items()))
        bad = {"damaged", "missing"} if what else {"damaged"}
        return 1 if bad & set(states.values()) else 0
    return None


def edit_settings(args: argparse.Namespace) -> OptimizeSettings | OfficialSettings:
    """The settings that the options of `edit` stand for. Raises BadSetting."""
    from styleclip_core.edits.optimize import OptimizeSettings
    from styleclip_core.edits.styleclip_reference import OfficialSettings

    kind = OfficialSettings if args.official else OptimizeSettings
    kinds = {field.name: type(field.default) for field in fields(kind)}
    values = {name: value for name in ("strength", "steps", "seed") if (value := getattr(args, name)) is not None}
    if strange := [name for name in values if name not in kinds]:
        raise BadSetting(f"--{strange[0]} is not a setting of StyleCLIP's own optimisation; leave it out.")
    for pair in args.set:
        name, _, text = pair.partition("=")
        if name not in kinds:
            raise BadSetting(f"--set takes NAME=VALUE with a name of {', '.join(kinds)}; not {pair!r}.")
        try:
            values[name] = kinds[name](text)
        except ValueError as error:
            raise BadSetting(f"{name} must be a number like {getattr(kind, name)}, not {text!r}.") from error
    return kind(**values).checked()


def load(args: argparse.Namespace) -> Studio:
    """The studio that the options ask for; says on stderr what is to be known about it."""
    from styleclip_core.studio import load_studio

    studio = load_studio(args.pack, args.device, args.precision)
    if studio.pack.note:
        print(studio.pack.note, file=sys.stderr)
    return studio


def find_face(studio: Studio, args: argparse.Namespace) -> Face:
    """Invert a face of the photo; say so if there was a choice. Raises BadSetting."""
    from styleclip_core.edits.invert import InvertSettings

    chosen = {"steps": args.inversion_steps, "faithful": args.faithful, "tune": args.tune}
    settings = InvertSettings(**{name: value for name, value in chosen.items() if value is not None})
    face = watch(studio.invert_steps(args.photo, args.face, settings))
    if face.faces > 1:
        print(f"{args.photo} has {face.faces} faces; this is --face {args.face} (0 is the largest).", file=sys.stderr)
    return face


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    import styleclip_core.cli.train  # noqa: F401  (declares them)

    plain = argparse.RawDescriptionHelpFormatter
    first = f"examples:\n{COMMANDS['edit'].examples.format(prog=PROG)}\n`{PROG} COMMAND --help` says more."
    top = Parser(prog=PROG, description="Edit face photos by prompts.", epilog=first, formatter_class=plain)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, entry in COMMANDS.items():
        text, examples = entry.run.__doc__, f"examples:\n{entry.examples.format(prog=PROG)}"
        sub = commands.add_parser(name, help=text, description=text, epilog=examples, formatter_class=plain)
        for names, options in entry.arguments:
            sub.add_argument(*names, **options)
        sub.set_defaults(run=entry.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 (weights verify found something), 2 (user's error), 130 (Ctrl-C)."""
    args = parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        # An interrupt that passed through an exec() of text (an import of dataclasses, say) leaves CPython's mark for
        # "unhandled", and the process would end by the signal instead of 130. The next exec() takes the mark away.
        exec("")
        return 130
