"""How many photos a minute each engine edits: one process, two, and Ray with two workers, on the same photos.

The photos are random faces of several sizes. Before them a plain loop edits the same photos in this process, without
an engine: what an engine costs is the time of its photos over the loop's. The start of workers is timed by itself, as
it does not grow with the photos. Each worker computes with as many threads as the loop, so two of them need twice the
cores.

    python -m benchmarks batch --photos 12 --threads 1
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.common import make_parser
from styleclip_core.batch import LocalTeam, Networks, Plan, Worker, hand_out
from styleclip_core.batch.hand_out import Answer, Ready, Team
from styleclip_core.edits.recipe import Recipe
from styleclip_core.settings import InvertSettings
from styleclip_core.studio import Studio

SIZES = ((1024, 1024), (700, 900), (1600, 1200), (480, 480))
EDITS = {
    "smile": Recipe(sliders={"mapper:smiling": 1}),
    "older": Recipe("", "face", sliders={"boundary:age": 1.5}),
}


@dataclass(frozen=True)
class Timed:
    """Seconds until all workers were ready, and from then to the last photo."""

    start: float
    work: float


class Watched:
    """A team whose workers begin with the photos together, when all of them are ready."""

    def __init__(self, team: Team, workers: int):
        self.team, self.missing = team, workers
        self.held: list[tuple[int, Answer]] = []
        self.ready = 0.0  # when the last one was

    def begin(self, worker: int) -> None:
        self.team.begin(worker)

    def give(self, worker: int, photo: Path, wait: bool) -> None:
        self.team.give(worker, photo, wait)

    def answer(self) -> tuple[int, Answer]:
        while self.missing:
            worker, answer = self.team.answer()
            if not isinstance(answer, Ready):
                return worker, answer
            self.held.append((worker, answer))
            self.missing -= 1
            self.ready = time.perf_counter()
        return self.held.pop() if self.held else self.team.answer()

    def close(self) -> None:
        self.team.close()


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("batch", __doc__)
    parser.add_argument("--photos", type=int, default=12, help="(default: 12)")
    parser.add_argument("--threads", type=int, default=1, help="of each worker (default: 1)")
    parser.add_argument("--inversion-steps", type=int, default=InvertSettings.steps, metavar="N")
    parser.add_argument("--faithful", type=float, default=InvertSettings.faithful, metavar="X")
    parser.add_argument("--edits", nargs="*", metavar="PROMPT", help="prompts in place of two sliders")
    parser.add_argument("--device", default="cpu", help="(default: cpu)")
    parser.add_argument("--no-ray", action="store_true", help="leave Ray out")
    options = parser.parse_args(argv)
    recipes = {f"edit{number}": Recipe(prompt) for number, prompt in enumerate(options.edits or ())} or EDITS
    inversion = InvertSettings(steps=options.inversion_steps, faithful=options.faithful)
    networks = Networks("compact", options.device, threads=options.threads)
    measure(networks, Plan(recipes, inversion=inversion), options.photos, not options.no_ray)


def measure(networks: Networks, plan: Plan, count: int, with_ray: bool) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        pack = networks.load()
        photos = make_photos(Studio(pack), Path(folder, "photos"), count)

        def place(name: str) -> str:
            return str(Path(folder, name))

        worker = Worker(pack, plan, place("loop"))
        began = time.perf_counter()
        for photo in photos:
            worker.do(photo)
        alone = (time.perf_counter() - began) / count
        print(f"{count} photos, {len(plan.edits)} edits each, {networks.threads} threads a worker, ", end="")
        print(f"{os.cpu_count()} cores\n\n{'':12} {'start':>8} {'a photo':>9} {'a minute':>9} {'over the loop':>14}")
        print(f"{'plain loop':12} {'':>8} {alone:8.2f}s {60 / alone:9.2f} {1:14.2f}")
        rows: list[tuple[str, int, Callable[[], Team]]] = [
            (f"--jobs {jobs}", jobs, lambda jobs=jobs: LocalTeam(networks, plan, place(f"jobs{jobs}"), jobs))
            for jobs in (1, 2)
        ]
        if with_ray:
            rows.append(("Ray, 2", 2, lambda: _ray(networks, plan, place("ray"))))
        for name, workers, make in rows:
            timed = run(make, workers, photos)
            each = timed.work / count
            line = f"{timed.start:7.1f}s {each:8.2f}s {60 / each:9.2f} {each * workers / alone:14.2f}"
            print(f"{name:12} {line}", flush=True)


def run(make: Callable[[], Team], workers: int, photos: Sequence[Path]) -> Timed:
    """Time an engine. Every photo must come out edited."""
    began = time.perf_counter()
    team = Watched(make(), workers)
    rows = dict(hand_out(team, workers, photos))
    ended = time.perf_counter()
    assert all("edits" in rows[photo] for photo in photos), rows
    return Timed(team.ready - began, ended - team.ready)


def make_photos(studio: Studio, folder: Path, count: int) -> list[Path]:
    """Faces that do not exist, on a plain ground, in several sizes."""
    folder.mkdir()
    paths = [folder / f"{seed:03d}.jpg" for seed in range(count)]
    for seed, path in enumerate(paths):
        width, height = SIZES[seed % len(SIZES)]
        side = int(0.85 * min(width, height))
        photo = Image.new("RGB", (width, height), (90, 120, 140))
        face = studio.random_face(seed).image.resize((side, side))
        photo.paste(face, ((width - side) // 2, (height - side) // 2))
        photo.save(path, quality=95)
    return paths


def _ray(networks: Networks, plan: Plan, place: str) -> Team:
    from styleclip_core.batch.ray_engine import RayTeam

    return RayTeam(networks, plan, place, gpus=0 if networks.device == "cpu" else 0.5)
