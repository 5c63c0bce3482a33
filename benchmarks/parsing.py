"""The face parser: agreement with its teachers on held-out faces, time a face, and a grid of overlays to look at.

    python -m benchmarks.parsing --photos PHOTOS --faces FACES --hair hair_segmentation.tflite

The teachers are not part of the project (see styleclip_core/training/parsing_labels.py); without --faces only photos
are parsed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from styleclip_core.faces import align, detect_faces, load_photo
from styleclip_core.packs.compact import compact_parser
from styleclip_core.training import parser as training
from styleclip_core.training.parsing_labels import label_files, read

TILE = 256
COLORS = np.array(
    [
        (0, 0, 0),
        (240, 190, 150),
        (0, 120, 255),
        (0, 60, 160),
        (0, 255, 255),
        (0, 150, 150),
        (255, 255, 0),
        (255, 128, 0),
        (200, 80, 0),
        (255, 0, 255),
        (120, 255, 0),
        (255, 255, 255),
        (255, 0, 0),
        (150, 0, 60),
        (160, 110, 220),
        (80, 80, 80),
        (60, 140, 60),
        (120, 60, 20),
        (255, 0, 120),
    ],
    np.float32,
)


def squares(folder: Path) -> list[np.ndarray]:
    """The largest face of every picture in a folder, aligned: RGB ``uint8 [256,256,3]``."""
    out = []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
            photo = load_photo(file)
            square, _ = align(photo, detect_faces(photo)[0])
            out.append(np.asarray(square.resize((TILE, TILE), Image.Resampling.LANCZOS)))
    return out


def tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def grid(parser, pictures: list[np.ndarray], columns: int = 4) -> Image.Image:
    """Every picture beside itself with its classes laid over it."""
    tiles = []
    for picture in pictures:
        probabilities = parser.parse(tensor([picture]))[0].permute(1, 2, 0).numpy()
        overlay = 0.45 * picture + 0.55 * probabilities @ COLORS
        tiles.append(np.hstack([picture, overlay.astype(np.uint8)]))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return Image.fromarray(np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]))


@torch.no_grad()
def milliseconds(parser, side: int, repeats: int = 10) -> float:
    """Median time of one face of ``side`` px."""
    image, times = torch.rand(1, 3, side, side) * 2 - 1, []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        parser.parse(image)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times[2:]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--photos", type=Path, required=True, help="folder of pictures with a face")
    options.add_argument("--faces", type=Path, help="folder of synthetic faces; its last 1,000 are held out")
    options.add_argument("--hair", help="hair_segmentation.tflite, with --faces")
    options.add_argument("--count", type=int, default=300, help="of the held-out faces (default: 300)")
    options.add_argument("--threads", type=int, default=2, help="(default: 2)")
    options.add_argument("--grid", type=Path, default=Path("outputs/parsing.jpg"))
    args = options.parse_args()
    if args.faces and not args.hair:
        options.error("--faces needs --hair")
    torch.set_num_threads(args.threads)
    parser = compact_parser()
    pictures = squares(args.photos)
    if args.faces:
        files = sorted((args.faces / "img").iterdir())[-training.HELD_OUT :][: args.count]
        faces, labels = np.stack([read(file) for file in files]), label_files(files, args.hair)
        print(training.table(training.intersection_over_union(parser, faces, labels)))
        pictures += list(faces[:12])
    args.grid.parent.mkdir(parents=True, exist_ok=True)
    grid(parser, pictures).save(args.grid, quality=92)
    print(f"{milliseconds(parser, 256):.0f} ms a face of 256 px, {milliseconds(parser, 1024):.0f} ms of 1024 px")
    print(f"grid: {args.grid}")


if __name__ == "__main__":
    main()
