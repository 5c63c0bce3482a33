"""The commands that compare methods: benchmark, by figures on the same faces; vote, by people."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from styleclip_core.cli.common import Device, Pack, Precision, load
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import BadSetting, StudioError

app = typer.Typer()
FIRST_SEED = 910_000  # nothing was trained or tuned on faces of these seeds


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
    photos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photos to edit beside the faces of the generator.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two faces, three prompts, three strengths and few steps: minutes.")
    ] = False,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...", help="Only these: prompt region mapper text style boundary component tedigan official."
        ),
    ] = None,
    faces: Annotated[
        int | None, typer.Option(min=1, help="Of the generator.", show_default="5, with --quick 2")
    ] = None,
    slow_faces: Annotated[
        int, typer.Option(min=0, help="How many faces tedigan and official edit, which take minutes each.")
    ] = 1,
    lpips: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="LPIPS-AlexNet's weights (.npz), else the pack's network judges."),
    ] = None,
    pack: Pack = "auto",
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Measure the studio's edits beside those of other methods, and write tables, curves and a page."""
    from styleclip_core.evaluation import judges, protocol, scoreboard
    from styleclip_core.evaluation.methods import METHODS, TASKS

    chosen = methods or list(METHODS)
    if unknown := [name for name in chosen if name not in METHODS]:
        raise BadSetting(f"There is no method {unknown[0]!r}; choose from {', '.join(METHODS)}.")
    if photos is not None and not photos.is_dir():
        raise BadSetting(f"There is no folder {photos} of photos.")
    referees = protocol.Judges(judges.dlib_embedding(), lpips and judges.lpips_alexnet(lpips))
    studio = load(pack, device, precision)
    count = faces or (2 if quick else 5)
    people = [(f"seed {FIRST_SEED + i}", studio.random_face(FIRST_SEED + i)) for i in range(count)]
    for photo in sorted(photos.iterdir()) if photos else ():
        if photo.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            people.append((photo.name, studio.invert(photo)))
    tasks, strengths, limit = (TASKS[:3], (0.5, 1.0, 2.0), 8) if quick else (TASKS, None, None)
    for row in protocol.run(studio, people, tasks, chosen, output, referees, strengths, limit, slow_faces):
        print(f"{row.face}, {row.prompt}, {row.method} {row.strength:g}: gain {row.gain:+.2f}, {row.seconds:.1f} s")
    rows = protocol.read_rows(output)
    if not rows:
        raise BadSetting("No face lacks what the prompts ask for, so there is nothing to compare; take more faces.")
    identity = "dlib's" if referees.embed else "only the pack's own (pip install 'styleclip-studio[judges]' for dlib's)"
    about = (
        f"Pack {studio.pack.name}; {len({r.face for r in rows})} faces, {len({r.prompt for r in rows})} prompts, "
        f"{len(rows)} edits. Gain is in deviations of a reading over random faces; figures are interpolated to a gain "
        f"of {scoreboard.GAIN}; intervals are 95 %, over faces. Identity by {identity}; LPIPS by "
        f"{'AlexNet' if referees.lpips else 'the network that the pack optimises by'}. Columns with an asterisk, and "
        "the readings that gains are of, are of the kind that labelled the training data."
        + (" A quick run, with few optimisation steps: no figures to quote." if quick else "")
    )
    scoreboard.write(rows, output, about)
    print(f"\n{scoreboard.main_table(scoreboard.scores(rows))}\n\n{output / 'benchmark.html'}")


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
