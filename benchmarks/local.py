"""Hair colours by region and everywhere: what changes in the hair, in the face and outside; a table and a grid.

    python -m benchmarks.local --hair hair_segmentation.tflite --faces 24

The hair is measured inside the mask of a segmenter that took no part (see styleclip_core/training/teachers.py).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from styleclip_core import load_studio
from styleclip_core.evaluation import measure as teachers
from styleclip_core.evaluation.directions import LABELS
from styleclip_core.images import to_tensor
from styleclip_core.settings import LocalSettings

FIRST_SEED = 920_000  # no other part of the project uses seeds near it
COLOURS = {  # slider -> the label that should rise
    "mapper:blond_hair": "blond hair",
    "mapper:black_hair": "dark hair",
    "mapper:grey_hair": "grey hair",
    "boundary:red hair": "red hair",
}
STRENGTH = 1.5
VIEW_SETS = ("everywhere", "hair only")


def row(studio, hair: Path, face, before: dict, slider: str, label: str) -> dict[str, tuple] | None:
    """For each way: the label's gain (deviations), identity, distance, change inside and outside (of 255), seconds."""
    where = studio.region(face, "hair")
    inside = np.asarray(studio.region(face, "hair", settings=LocalSettings(grow=-8, feather=0)).picture()) > 250
    outside = np.asarray(where.picture()) == 0
    found = {}
    for way, part in zip(VIEW_SETS, (None, where), strict=True):
        start = time.perf_counter()
        edit = studio.slide(face, {slider: STRENGTH}, within=part)
        taken = time.perf_counter() - start
        after = teachers.measure(edit.image, str(hair))
        if not after:
            return None
        change = ((to_tensor(edit.image) - to_tensor(face.image)).abs().mean((0, 1)) * 127.5).numpy()
        gain = LABELS[label].score(after) - LABELS[label].score(before)
        figures = gain, edit.scores["identity"], edit.scores["distance"], change[inside].mean(), change[outside].mean()
        found[way] = (*figures, taken, edit.image)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hair", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=24)
    parser.add_argument("--grid", type=Path, default=Path("outputs/local.jpg"))
    args = parser.parse_args()
    studio, pictures = load_studio("compact", "cpu"), []
    faces = [studio.random_face(FIRST_SEED + i) for i in range(args.faces)]
    known = [(face, measured) for face in faces if (measured := teachers.measure(face.image, str(args.hair)))]
    print("| slider | way | faces | gain, sd | identity | distance | change in hair | outside | s |")
    print("| --- " * 9 + "|")
    for slider, label in COLOURS.items():
        rows = [found for face, before in known if (found := row(studio, args.hair, face, before, slider, label))]
        for way in VIEW_SETS:
            means = np.mean([found[way][:-1] for found in rows], 0)
            figures = " | ".join(f"{value:.2f}" for value in means)
            print(f"| {slider} | {way} | {len(rows)} | {figures} |", flush=True)
        nearer = sum(found[VIEW_SETS[1]][2] < found[VIEW_SETS[0]][2] for found in rows)
        least = min(found[VIEW_SETS[1]][1] for found in rows)
        print(f"(distance smaller by region: {nearer}/{len(rows)}; least identity {least:.2f})", flush=True)
        shown = (
            [face.image for face, _ in known[: len(rows)][:6]],
            *([f[way][-1] for f in rows[:6]] for way in VIEW_SETS),
        )
        pictures.append(np.vstack([np.hstack([np.asarray(p.resize((160, 160))) for p in line]) for line in shown]))
    args.grid.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(pictures)).save(args.grid, quality=92)


if __name__ == "__main__":
    main()
