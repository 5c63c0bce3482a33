"""Mappers trained by the studio's losses beside those trained by StyleCLIP's: how long it takes, and what they do.

Both begin at the same step and take as many steps on the same faces. They are judged as `styleclip benchmark` judges
mappers: at equal gain and at equal identity, on faces that neither saw. A run that was stopped goes on where it was.

    python -m benchmarks mapper_losses --prompts "a smiling person" "a person with grey hair" --lpips alexnet.npz
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from benchmarks.common import make_parser
from styleclip_core import Studio, load_pack
from styleclip_core.evaluation import judges, protocol, scoreboard
from styleclip_core.evaluation.methods import TASKS, Task
from styleclip_core.evaluation.reports import save_picture
from styleclip_core.packs import Pack
from styleclip_core.training.mapper import MapperSettings, run

FIRST_SEED = 910_000  # nothing was trained or tuned on faces of these seeds
LOSSES = ("studio", "official")
PROMPTS = ["a smiling person", "a person with grey hair", "a person with an open mouth"]


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("mapper_losses", __doc__)
    parser.add_argument("--prompts", nargs="+", default=PROMPTS, choices=[task.prompt for task in TASKS])
    parser.add_argument("--steps", type=int, default=MapperSettings.steps, help="of each training")
    parser.add_argument("--faces", type=int, default=4, help="on which they are judged (default: 4)")
    parser.add_argument("--lpips", type=Path, metavar="FILE", help="LPIPS-AlexNet, as `benchmark` takes it")
    parser.add_argument("-o", "--output", type=Path, default=Path("outputs/mapper_losses"))
    options = parser.parse_args(argv)
    pack = load_pack("compact", "cpu")
    tasks = [task for task in TASKS if task.prompt in options.prompts]
    referees = protocol.Judges(judges.dlib_embedding(), options.lpips and judges.lpips_alexnet(options.lpips))
    seeds, draw = range(FIRST_SEED, FIRST_SEED + options.faces), Studio(pack).random_face
    people = [(f"seed {seed}", draw(seed)) for seed in seeds]
    for losses in LOSSES:
        folder, settings = options.output / losses, MapperSettings(losses=losses, steps=options.steps)
        minutes = {task.prompt: _train(pack, task, folder, settings) for task in tasks}
        studio = Studio(replace(pack, mappers={}, own_mappers=folder))
        for _ in protocol.run(studio, people, tasks, ["mapper"], folder / "edits", referees):
            pass
        board = scoreboard.outcomes(protocol.read_rows(folder / "edits"))
        print(f"## {losses}: " + ", ".join(f"{prompt} {each:.1f} min" for prompt, each in minutes.items()))
        print(f"{scoreboard.gain_table(board)}\n\n{scoreboard.identity_table(board)}\n", flush=True)
    rows = [[Image.open(options.output / each / f"{task.mapper}.samples.jpg") for each in LOSSES] for task in tasks]
    save_picture(_beside(rows), options.output / "samples.jpg")


def _train(pack: Pack, task: Task, folder: Path, settings: MapperSettings) -> float:
    """Train a task's mapper, unless it is there. Returns the minutes that it took."""
    path, taken = folder / f"{task.mapper}.pt", folder / f"{task.mapper}.minutes.json"
    if not taken.exists():
        folder.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        run(pack, task.prompt, path, settings)
        taken.write_text(json.dumps((time.perf_counter() - began) / 60), "utf-8")
    return json.loads(taken.read_text("utf-8"))


def _beside(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Pictures of one size: a row a task, a column a set of losses."""
    width, height = rows[0][0].size
    sheet = Image.new("RGB", (width * len(LOSSES), height * len(rows)))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet.paste(picture, (x * width, y * height))
    return sheet


if __name__ == "__main__":
    main()
