"""The commands that compare methods: benchmark, by figures on the same faces; vote, by people."""

from __future__ import annotations

import datetime
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from styleclip_core.cli.common import PICTURES, NetworkOptions
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import BadSetting, StudioError, UnsupportedByPack
from styleclip_core.version import __version__

app = typer.Typer()
FIRST_SEED = 910_000  # nothing was trained or tuned on faces of these seeds
FACES = 4
QUICK_STRENGTHS, QUICK_STEPS = (0.7, 1.4, 2.0), 6


@command(
    app,
    "Compare methods",
    examples="""
  {prog} benchmark -o outputs/benchmark
  {prog} benchmark --quick -o outputs/quick
  {prog} benchmark --photos portraits --methods prompt mapper boundary component -o outputs/photos
""",
)
def benchmark(
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Where tables, curves and pictures go; a run that was stopped goes on there.",
        ),
    ],
    *,
    photos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photos to edit beside the faces of the generator.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Two faces, three prompts, three strengths, few steps: nothing to quote."),
    ] = False,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help="Only these: prompt region mapper text style boundary component tedigan official instruct-pix2pix. "
            "What the pack or the machine lacks is left out: official needs CLIP, instruct-pix2pix its weights.",
        ),
    ] = None,
    faces: Annotated[
        int | None, typer.Option(min=0, help="Of the generator.", show_default=f"{FACES}, with --quick 2")
    ] = None,
    slow_faces: Annotated[
        int,
        typer.Option(
            min=0,
            help="Faces, which take turns, on which tedigan, official and instruct-pix2pix do each prompt.",
        ),
    ] = 1,
    lpips: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights of LPIPS-AlexNet (.npz: conv0.weight, conv0.bias, lin0, ...), else a network of the pack.",
        ),
    ] = None,
    networks: NetworkOptions,
) -> None:
    """Measure the studio's edits beside those of other methods, and write tables, curves and a page."""
    from styleclip_core.evaluation import benchmark_report, judges, protocol, scoreboard
    from styleclip_core.evaluation.methods import METHODS, TASKS

    chosen = methods or list(METHODS)
    if unknown := [name for name in chosen if name not in METHODS]:
        raise BadSetting(f"There is no method {unknown[0]!r}; choose from {', '.join(METHODS)}.")
    pictures = _pictures(photos)
    referees = protocol.Judges(judges.dlib_embedding(), lpips and judges.lpips_alexnet(lpips))
    studio, began = networks.load(), time.perf_counter()
    if studio.pack.domain != "face":
        raise UnsupportedByPack("The benchmark is about faces; take the pack compact or full.")
    count = (2 if quick else FACES) if faces is None else faces
    people = [(f"seed {FIRST_SEED + i}", studio.random_face(FIRST_SEED + i)) for i in range(count)]
    people += [(picture.name, studio.invert(picture)) for picture in pictures]
    tasks, strengths, limit = (TASKS[:3], QUICK_STRENGTHS, QUICK_STEPS) if quick else (TASKS, None, None)
    for row in protocol.run(studio, people, tasks, chosen, output, referees, strengths, limit, slow_faces):
        print(f"{row.face}, {row.prompt}, {row.method} {row.strength:g}: gain {row.gain:+.2f}, {row.seconds:.1f} s")
    rows = protocol.read_rows(output)
    if not rows:
        raise BadSetting("No face lacks what the prompts ask for, so there is nothing to compare; take more faces.")
    identity = "dlib" if referees.embed else "the pack's own network (pip install 'styleclip-studio[judges]' for dlib)"
    about = (
        f"{datetime.date.today()}, version {__version__}, pack {studio.pack.name} on {studio.pack.device.type}: "
        f"{len({row.face for row in rows})} faces, {len({row.prompt for row in rows})} prompts, {len(rows)} edits, "
        f"{(time.perf_counter() - began) / 60:.0f} minutes in this run. A gain is the move of a reading towards what "
        f"was asked, in deviations over random faces; figures are interpolated to a gain of {scoreboard.GAIN:g}, and "
        f"intervals are 95 %, over faces. Identity is judged by {identity}, LPIPS by "
        f"{'AlexNet' if referees.lpips else 'the network that the pack optimises by'}."
        + (" A quick run, with few optimisation steps and strengths: no figures to quote." if quick else "")
    )
    benchmark_report.write(rows, output, about)
    print(f"\n{scoreboard.gain_table(scoreboard.outcomes(rows))}\n\n{output / 'benchmark.html'}")


def _pictures(folder: Path | None) -> list[Path]:
    """The pictures in a folder, by name. Raises BadSetting."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise BadSetting(f"There is no folder {folder} of photos.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise BadSetting(f"{folder} holds no photos ({', '.join(PICTURES)}).")
    return found


@command(
    app,
    "Compare methods",
    examples="""
  {prog} vote outputs/benchmark
  {prog} vote outputs/benchmark --table
""",
)
def vote(
    folder: Annotated[Path, typer.Argument(help="What benchmark wrote.")],
    table: Annotated[bool, typer.Option("--table", help="Print who is preferred, and serve nothing.")] = False,
    port: Annotated[int | None, typer.Option(show_default="the first free one from 7860")] = None,
) -> None:
    """Choose between two results without knowing whose they are, at 127.0.0.1; votes stay in votes.jsonl there."""
    from styleclip_core.evaluation import vote_page, votes

    if table:
        print(votes.vote_table(votes.read_votes(folder)))
        return
    if find_spec("gradio") is None:
        raise StudioError("The page needs gradio: pip install 'styleclip-studio[app]'.")
    vote_page.serve(folder, port)
