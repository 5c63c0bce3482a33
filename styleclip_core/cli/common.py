"""What the commands share: options, progress bars, and how results are checked and written."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from styleclip_core.errors import BadSetting, DiskFull
from styleclip_core.settings import InvertSettings

if TYPE_CHECKING:
    from styleclip_core.results import Edit, Face
    from styleclip_core.studio import Studio

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
INVERSION_PANEL, NETWORKS_PANEL, RESULTS_PANEL = "The face's code", "Networks", "Results"

Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Photo = Annotated[str, typer.Argument(help="Picture with a face in it.")]

Pack = Annotated[
    str,
    typer.Option(
        help="Which networks to use: compact, full, car, church, or auto, which is full on a GPU if its weights can be "
        "had, else compact.",
        rich_help_panel=NETWORKS_PANEL,
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or auto.", rich_help_panel=NETWORKS_PANEL)]
Precision = Annotated[
    str,
    typer.Option(
        help="fp32, tf32, bf16, fp16 or auto, which is tf32 on a GPU, else fp32.", rich_help_panel=NETWORKS_PANEL
    ),
]

FaceNumber = Annotated[
    int,
    typer.Option(
        "--face", metavar="N", help="Which face of the photo, 0 the largest.", rich_help_panel=INVERSION_PANEL
    ),
]


@dataclass(frozen=True)
class InversionOptions:
    """Options of commands that invert photos."""

    inversion_steps: Annotated[
        int, typer.Option(metavar="N", help="Steps that refine the face's code.", rich_help_panel=INVERSION_PANEL)
    ] = InvertSettings.steps
    faithful: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="From 0, a code alone, which edits work best on, to 1, most like the photo.",
            rich_help_panel=INVERSION_PANEL,
        ),
    ] = InvertSettings.faithful
    tune: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Steps that adapt the generator to the photo: slow, more detail.",
            rich_help_panel=INVERSION_PANEL,
        ),
    ] = InvertSettings.tune

    def settings(self) -> InvertSettings:
        """Raises BadSetting."""
        return InvertSettings(steps=self.inversion_steps, tune=self.tune, faithful=self.faithful)


@dataclass(frozen=True)
class NetworkOptions:
    """Options of commands that load a pack."""

    pack: Pack = "auto"
    device: Device = "auto"
    precision: Precision = "auto"

    def load(self) -> Studio:
        """The studio that is asked for; says on stderr what is to be known about it."""
        from styleclip_core.studio import load_studio

        studio = load_studio(self.pack, self.device, self.precision)
        if studio.pack.note:
            print(studio.pack.note, file=sys.stderr)
        return studio


def find_face(studio: Studio, photo: str, number: int, settings: InvertSettings) -> Face:
    """Invert a face of the photo; say so if there was a choice. Raises BadImage, NoFaceFound, BadSetting."""
    face = watch(studio.invert_steps(photo, number, settings))
    if face.faces > 1:
        print(f"{photo} has {face.faces} faces; this is --face {number} (0 is the largest).", file=sys.stderr)
    return face


def watch(steps: Iterator[Any]) -> Any:
    """Go through the steps, with a bar on stderr for each stage, and return the last, which is the result."""
    from tqdm import tqdm

    from styleclip_core.progress import Progress

    bar, step = None, None
    try:
        for step in steps:
            if isinstance(step, Progress):
                if bar is None or bar.desc != f"{step.stage}: ":
                    bar = bar and bar.close()
                    bar = tqdm(total=step.steps, desc=step.stage, unit="step", dynamic_ncols=True, leave=False)
                bar.update(step.step - bar.n)
    finally:
        if bar is not None:
            bar.close()
    return step


def check_output(path: str | None, suffixes: tuple[str, ...]) -> None:
    """Raise BadSetting, before the long work, if a result could not be written there."""
    if path is None:
        return
    if Path(path).suffix.lower() not in suffixes:
        raise BadSetting(f"{path} must end in {' or '.join(suffixes)}.")
    if not Path(path).absolute().parent.is_dir():
        raise BadSetting(f"There is no folder {Path(path).absolute().parent}; make it first.")


def write(path: str | None, action: Callable[[str], Any]) -> None:
    """Write a result if a path was given, by an action that takes the path. Raises DiskFull, BadSetting."""
    if path is None:
        return
    try:
        action(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no room left to write {path}; free some space and try again.") from error
        raise BadSetting(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error


@dataclass(frozen=True)
class EditFiles:
    """Options that say where the results of an edit go; None is nowhere. Raises BadSetting if one cannot be written."""

    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The photo with the edit in it (.png, .jpg, .webp).",
            rich_help_panel=RESULTS_PANEL,
        ),
    ]
    aligned: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Also write the edited face alone, 1024 x 1024.", rich_help_panel=RESULTS_PANEL
        ),
    ] = None
    latent: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also write what it was drawn from (.npz, array w_plus, 18 x 512, and more if it was drawn from "
            "more).",
            rich_help_panel=RESULTS_PANEL,
        ),
    ] = None
    scores: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write the numbers (.json).", rich_help_panel=RESULTS_PANEL),
    ] = None
    badge: Annotated[
        bool,
        typer.Option(
            "--badge",
            help='Also write "edited by AI" visibly into a corner; the files say so in any case, where viewers of '
            "photos read it.",
            rich_help_panel=RESULTS_PANEL,
        ),
    ] = False

    def __post_init__(self) -> None:
        check_output(self.output, PICTURES)
        check_output(self.aligned, PICTURES)
        check_output(self.latent, (".npz",))
        check_output(self.scores, (".json",))

    def write(self, face: Face, edit: Edit) -> None:
        """Write what was asked for, and say how it went. Raises DiskFull, BadSetting."""
        from styleclip_core.results import save_state

        scores: dict[str, Any] = edit.scores | ({"report": edit.report.as_dict()} if edit.report else {})
        write(self.output, lambda path: edit.save(path, badge=self.badge))
        write(self.aligned, lambda path: edit.save(path, aligned=True, badge=self.badge))
        write(self.latent, lambda path: save_state(edit.state, path))
        write(self.scores, lambda path: Path(path).write_text(json.dumps(scores, indent=2) + "\n"))
        said = []
        if "similarity_after" in scores:
            said.append(f"prompt match {scores['similarity_before']:+.1f} -> {scores['similarity_after']:+.1f}")
        if "identity" in scores:
            said.append(f"identity {scores['identity']:.2f}")
        said.append(f"{face.seconds + scores['seconds']:.0f} s")
        print(f"{self.output}: {', '.join(said)}")
        if edit.report and (sentence := edit.report.sentence()):
            print(sentence.replace("→", "->"))
