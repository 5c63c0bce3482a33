"""The command that edits many photos."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from styleclip_core.cli.common import InversionOptions, NetworkOptions
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import BadSetting, DiskFull, StudioError
from styleclip_core.settings import check_prompt

app = typer.Typer()
PANEL, WORKERS_PANEL = "Edit many photos", "Workers"
SOME_FAILED = 3  # the exit code when of some photos nothing came


@command(
    app,
    PANEL,
    examples="""
  # A folder with all below, one edit; index.html shows before and after, results.jsonl has the numbers
  {prog} batch photos -o out --prompt "a smiling person"

  # Several named edits, as the app saves them, of all faces; files, patterns, and a list of paths
  {prog} batch team.jpg "holiday/*.jpg" @more.txt -o out --edits edits.yaml --faces all

  # Two worker processes; or a Ray cluster that writes to a bucket
  {prog} batch photos -o out --prompt "blond hair" --jobs 2
  {prog} batch photos -o s3://bucket/out --prompt "blond hair" --engine ray --jobs 16 --worker-gpus 0.5
""",
)
def batch(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help="Files, folders, patterns, @LIST.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Folder, or with Ray a URL.")],
    *,
    prompt: Annotated[str | None, typer.Option(help="What the faces should look like.")] = None,
    edits: Annotated[str | None, typer.Option(metavar="FILE", help="Edits as the app saves them, by names.")] = None,
    faces: Annotated[str, typer.Option(metavar="WHICH", help="largest or all.")] = "largest",
    anyway: Annotated[bool, typer.Option("--anyway", help="Try a prompt of which the model knows nothing.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Worker processes.", rich_help_panel=WORKERS_PANEL)] = 1,
    threads: Annotated[
        int,
        typer.Option(
            metavar="N", help="Threads of each worker, 0: the cores are shared out.", rich_help_panel=WORKERS_PANEL
        ),
    ] = 0,
    engine: Annotated[str, typer.Option(help="local or ray.", rich_help_panel=WORKERS_PANEL)] = "local",
    worker_cpus: Annotated[
        float, typer.Option(metavar="N", help="Of Ray: CPUs of a worker.", rich_help_panel=WORKERS_PANEL)
    ] = 1,
    worker_gpus: Annotated[
        float, typer.Option(metavar="X", help="Of Ray: GPUs of a worker, or a part.", rich_help_panel=WORKERS_PANEL)
    ] = 0,
    inversion: InversionOptions,
    networks: NetworkOptions,
) -> int:
    """Edit many photos. Called again, it does what is missing or has changed. Exit code 3: some failed."""
    if (prompt is None) == (edits is None):
        raise BadSetting("Say what to edit: either --prompt or --edits.")
    if engine not in ("local", "ray") or jobs < 1 or threads < 0:
        raise BadSetting("--engine is local or ray, --jobs at least 1, and --threads not negative.")
    if engine == "local" and "://" in output:
        raise BadSetting("A URL is written to by --engine ray; name a folder.")
    inverted = inversion.settings()
    prompt = None if prompt is None else check_prompt(prompt)
    from tqdm import tqdm

    from styleclip_core.batch import LocalTeam, Networks, Plan, find_photos, hand_out, read_edits, write_report
    from styleclip_core.batch.jobs import name_of
    from styleclip_core.batch.store import open_store
    from styleclip_core.edits.recipe import Recipe

    recipes = read_edits(edits) if edits else {name_of(prompt or ""): Recipe(prompt or "")}
    plan, found = Plan(recipes, faces, inverted, anyway), find_photos(photos, output)
    worker = Networks(networks.pack, networks.device, networks.precision, threads)
    if engine == "ray":
        from styleclip_core.batch.ray_engine import RayTeam

        team = RayTeam(worker, plan, output, worker_cpus, worker_gpus)
    else:
        team = LocalTeam(worker, plan, output, jobs)
    rows = {}
    with tqdm(total=len(found), unit="photo", dynamic_ncols=True) as bar:
        with contextlib.closing(hand_out(team, jobs, found, bar.write)) as coming:
            for photo, row in coming:
                rows[photo] = row
                bar.update()
    try:
        summary = write_report(open_store(output), plan, found, rows)
    except OSError as error:
        raise _unwritable(output, error) from error
    print(f"{output}: {summary.edited} of {len(found)} photos edited, {summary.failed} failed; see index.html")
    return SOME_FAILED if summary.failed else 0


def _unwritable(output: str, error: OSError) -> StudioError:
    return DiskFull(f"The report cannot be written to {output} ({error.strerror or error}); make room and try again.")
