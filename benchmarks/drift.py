"""What edits do to colours of a photo that nobody asked about: pasted back with and without matched tones.

    python -m benchmarks drift --photos DIR --hair hair_segmentation.tflite

Each photo is inverted and edited by sliders; the edited square is pasted back as it is (plain) and in the photo's own
colours (matched, `faces.tones`). Drift is the distance in CIE Lab between the mean colours of the photo and the result,
of cheeks (polygons of MediaPipe's mesh), hair (a segmenter that takes no part in any edit) and all else but the head,
where both pictures have it and away from borders. The gain is the label's, in deviations, from the photo to the result.
The grid shows, for each photo, itself, and each edit plain and matched. Beside it stands what pasting takes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.common import add_grid, add_hair, make_parser
from styleclip_core import Edit, Face, load_studio, steps
from styleclip_core.errors import StudioError
from styleclip_core.evaluation.measure import hair_probability, measure
from styleclip_core.evaluation.metrics import LABELS, Measurements
from styleclip_core.evaluation.reports import grid, markdown_table, save_picture
from styleclip_core.faces import cut
from styleclip_core.faces.crop import put_back
from styleclip_core.faces.readings import CHEEKS, find_mesh, polygon_mask, square_pixels

EDITS = {  # slider -> the label that should move, and which way
    "mapper:smiling": ("smile", 1),
    "mapper:open_mouth": ("mouth open", 1),
    "mapper:old": ("age", 1),
    "mapper:eyeglasses": ("eyeglasses", 1),
    "mapper:beard": ("beard", 1),
    "mapper:black_hair": ("dark hair", 1),
    "mapper:blond_hair": ("blond hair", 1),
    "mapper:bald": ("baldness", 1),
    "mapper:makeup": ("makeup", 1),
    "mapper:pale_skin": ("skin tone", -1),
    "style:a person with curly hair": ("curly hair", 1),
    "style:a person wearing red lipstick": ("lipstick", 1),
}
# The face's outline in MediaPipe's mesh.
OUTLINE = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
OUTLINE += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
PLACES = ("cheeks", "hair", "rest")
BORDER = 6  # px of 256 that places keep away from their borders
LEAST = 60  # px of a place, below which its colour is not compared


@dataclass(frozen=True, eq=False)
class Seen:
    """An aligned picture as it is compared: ``lab float32 [256,256,3]``, and where each of `PLACES` is."""

    lab: np.ndarray
    places: dict[str, np.ndarray]
    measured: Measurements


def see(image: Image.Image, hair_model: str) -> Seen | None:
    """Find the places of an aligned picture; None where no face is found."""
    pixels = square_pixels(image)
    mesh, measured = find_mesh(pixels), measure(image, hair_model)
    if mesh is None or measured is None:
        return None
    hair, face = hair_probability(pixels, hair_model), _grown(polygon_mask(mesh[0], OUTLINE), BORDER)
    cheeks = (polygon_mask(mesh[0], CHEEKS[0]) | polygon_mask(mesh[0], CHEEKS[1])) & (hair < 0.3)
    places = {
        "cheeks": ~_grown(~cheeks, 2),
        "hair": ~_grown(hair < 0.8, 3) & ~face,
        "rest": ~_grown(hair > 0.2, BORDER) & ~face,
    }
    return Seen(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), places, measured)


def drifts(photo: Seen, result: Seen) -> list[float]:
    """The distance of the mean colours of each place; NaN where there is next to nothing of it."""
    found = []
    for place in PLACES:
        shared = photo.places[place] & result.places[place]
        means = photo.lab[shared].mean(0) - result.lab[shared].mean(0) if shared.sum() >= LEAST else [np.nan] * 3
        found.append(float(np.linalg.norm(means)))
    return found


def gain(label: str, way: int, photo: Seen, result: Seen) -> float:
    """How far the label moved the way it should, in deviations; NaN where it is not judged."""
    if LABELS[label].men and photo.measured["male"] < 0.5:
        return np.nan
    return way * (LABELS[label].score(result.measured) - LABELS[label].score(photo.measured))


def plain_paste(face: Face, edit: Edit, domain: str) -> Image.Image:
    """The edited square pasted back without matched tones."""
    assert face.photo is not None and face.alignment is not None, "faces of photos have both"
    return put_back(face.photo, edit.image, face.alignment, domain, face.image)


def _grown(mask: np.ndarray, px: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def _row(name: str, figures: list[list[float]]) -> list[object]:
    """Means over the photos, and behind each drift the largest."""
    known = [[value for value in column if np.isfinite(value)] for column in zip(*figures, strict=True)]
    drift = [f"{np.mean(column):.1f} ({max(column):.1f})" if column else "" for column in known[: 2 * len(PLACES)]]
    return [name, len(figures), *drift, *(f"{np.mean(column):+.2f}" if column else "" for column in known[-2:])]


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("drift", __doc__)
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="of photos with a face in each")
    add_hair(parser)
    parser.add_argument("--edits", nargs="+", choices=list(EDITS), default=list(EDITS), help="(default: all)")
    add_grid(parser, "drift")
    args = parser.parse_args(argv)
    studio, pictures, seconds = load_studio("compact", "cpu"), [], []
    figures: dict[str, list[list[float]]] = {key: [] for key in args.edits}
    for file in sorted(args.photos.iterdir()):
        try:
            face = studio.invert(file)
        except StudioError:
            continue  # no photo, or none with a face
        assert face.aligned is not None and face.alignment is not None, "faces of photos have both"
        before, row = see(face.aligned, args.hair), [face.aligned]
        if before is None:
            continue
        for key in args.edits:
            label, way = EDITS[key]
            edit = studio.slide(face, {key: 1})
            start = time.perf_counter()
            plain = plain_paste(face, edit, studio.pack.domain)
            middle = time.perf_counter()
            steps.pasted(studio.pack, face, edit.image, None, frozenset())
            seconds.append((middle - start, time.perf_counter() - middle))
            row += [cut(picture, face.alignment) for picture in (plain, edit.photo)]
            old, new = (see(picture, args.hair) for picture in row[-2:])
            if old and new:
                pairs = zip(drifts(before, old), drifts(before, new), strict=True)
                gains = [gain(label, way, before, result) for result in (old, new)]
                figures[key].append([value for pair in pairs for value in pair] + gains)
        pictures.append(row)
    columns = [f"{place}, {way}" for place in PLACES for way in ("plain", "matched")]
    rows = [_row(key, found) for key, found in figures.items() if found]
    print(markdown_table(["slider", "photos", *columns, "gain, plain", "gain, matched"], rows))
    if seconds:
        plain, matched = np.median(seconds, 0)
        print(f"(drift in Lab: mean, and the largest in brackets; pasting takes {plain:.2f} s plain, {matched:.2f} s)")
    save_picture(grid(pictures, 256), args.grid)


if __name__ == "__main__":
    main()
