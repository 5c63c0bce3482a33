"""Hair colours by region and everywhere: what changes in the hair, in the face and outside; a table and a grid.

    python -m benchmarks local --hair hair_segmentation.tflite --faces 24

The colour is measured inside the hair mask of a model that took no part in the edit (see `evaluation.measure`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks.common import add_grid, add_hair, make_parser
from styleclip_core import Face, Studio, load_studio
from styleclip_core.evaluation.measure import measure
from styleclip_core.evaluation.metrics import LABELS, Measurements
from styleclip_core.evaluation.reports import grid, markdown_row, markdown_table, save_picture
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
EVERYWHERE, REGION = "everywhere", "hair only"  # where the edit may show
COLUMNS = "slider;way;faces;gain, sd;identity;distance;change in hair;outside;s".split(";")
SHOWN = 6  # faces in the grid


@dataclass(frozen=True)
class LocalResult:
    """One edit: the label's gain in deviations, scores, the mean change (of 255) inside the hair and outside."""

    gain: float
    identity: float
    distance: float
    inside: float
    outside: float
    seconds: float
    picture: Image.Image

    @property
    def figures(self) -> list[float]:
        return [self.gain, self.identity, self.distance, self.inside, self.outside, self.seconds]


def edit_both_ways(
    studio: Studio, hair: str, face: Face, before: Measurements, slider: str, label: str
) -> dict[str, LocalResult] | None:
    """The edit everywhere and in the hair only; None where the face is lost."""
    mask = studio.region(face, "hair")
    inside = np.asarray(studio.region(face, "hair", settings=LocalSettings(grow=-8, feather=0)).picture()) > 250
    outside = np.asarray(mask.picture()) == 0
    found = {}
    for place, confined in ((EVERYWHERE, None), (REGION, mask)):
        start = time.perf_counter()
        edit = studio.slide(face, {slider: STRENGTH}, mask=confined)
        taken = time.perf_counter() - start
        after = measure(edit.image, hair)
        if not after:
            return None
        change = ((to_tensor(edit.image) - to_tensor(face.image)).abs().mean((0, 1)) * 127.5).numpy()
        found[place] = LocalResult(
            gain=LABELS[label].score(after) - LABELS[label].score(before),
            identity=edit.scores["identity"],
            distance=edit.scores["distance"],
            inside=change[inside].mean(),
            outside=change[outside].mean(),
            seconds=taken,
            picture=edit.image,
        )
    return found


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("local", __doc__)
    add_hair(parser)
    parser.add_argument("--faces", type=int, default=24, help="(default: 24)")
    add_grid(parser, "local")
    args = parser.parse_args(argv)
    studio, pictures = load_studio("compact", "cpu"), []
    faces = [studio.random_face(FIRST_SEED + i) for i in range(args.faces)]
    known = [(face, measured) for face in faces if (measured := measure(face.image, args.hair))]
    print(markdown_table(COLUMNS, []))
    for slider, label in COLOURS.items():
        edits = [
            (face, found)
            for face, before in known
            if (found := edit_both_ways(studio, args.hair, face, before, slider, label))
        ]
        for place in (EVERYWHERE, REGION):
            means = np.mean([found[place].figures for _, found in edits], 0)
            print(markdown_row([slider, place, len(edits), *(f"{value:.2f}" for value in means)]), flush=True)
        nearer = sum(found[REGION].distance < found[EVERYWHERE].distance for _, found in edits)
        least = min(found[REGION].identity for _, found in edits)
        print(f"(distance smaller by region: {nearer}/{len(edits)}; least identity {least:.2f})", flush=True)
        pictures.append([face.image for face, _ in edits[:SHOWN]])
        pictures += [[found[place].picture for _, found in edits[:SHOWN]] for place in (EVERYWHERE, REGION)]
    save_picture(grid(pictures, 160), args.grid)


if __name__ == "__main__":
    main()
