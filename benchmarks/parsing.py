"""The face parser: agreement with its labels on held-out faces, time a face, and a grid of overlays to look at.

    python -m benchmarks parsing --photos PHOTOS --faces FACES --hair hair_segmentation.tflite

The model that labels hair is not part of the project (see `training.parsing_labels`); without --faces only photos are
parsed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.common import add_grid, add_hair, make_parser, timed
from styleclip_core.evaluation.reports import grid, save_picture
from styleclip_core.faces import align, detect_faces, load_photo
from styleclip_core.packs import FaceParser
from styleclip_core.packs.compact import compact_parser
from styleclip_core.training.common import HELD_OUT, image_files
from styleclip_core.training.parser import intersection_over_union, table
from styleclip_core.training.parsing_labels import label_files, read

TILE = 256
COLORS = np.array(  # red, green and blue of each class, in the order of `networks.bisenet.CLASSES`
    [
        [int(value) for value in color.split()]
        for color in (
            "0 0 0;240 190 150;0 120 255;0 60 160;0 255 255;0 150 150;255 255 0;255 128 0;200 80 0;255 0 255;120 255 0;"
            "255 255 255;255 0 0;150 0 60;160 110 220;80 80 80;60 140 60;120 60 20;255 0 120"
        ).split(";")
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
def overlays(parser: FaceParser, pictures: list[np.ndarray], columns: int = 4) -> Image.Image:
    """Every picture beside itself with its classes laid over it."""
    tiles = []
    for picture in pictures:
        probabilities = parser.parse(tensor([picture]))[0].permute(1, 2, 0).numpy()
        overlay = 0.45 * picture + 0.55 * probabilities @ COLORS
        tiles += [Image.fromarray(picture), Image.fromarray(overlay.astype(np.uint8))]
    return grid([tiles[i : i + 2 * columns] for i in range(0, len(tiles), 2 * columns)], TILE)


@torch.no_grad()
def milliseconds(parser: FaceParser, side: int, repeats: int = 10) -> float:
    """Median time of one face of ``side`` px."""
    image = torch.rand(1, 3, side, side) * 2 - 1
    return 1000 * float(np.median(timed(lambda: parser.parse(image), repeats, 2)))


def main(argv: list[str] | None = None) -> None:
    options = make_parser("parsing", __doc__)
    options.add_argument("--photos", type=Path, required=True, help="folder of pictures with a face")
    options.add_argument("--faces", type=Path, help="folder of synthetic faces; its last 1,000 are held out")
    add_hair(options, required=False)
    options.add_argument("--count", type=int, default=300, help="of the held-out faces (default: 300)")
    options.add_argument("--threads", type=int, default=2, help="(default: 2)")
    add_grid(options, "parsing")
    args = options.parse_args(argv)
    if args.faces and not args.hair:
        options.error("--faces needs --hair")
    torch.set_num_threads(args.threads)
    parser = compact_parser()
    pictures = squares(args.photos)
    if args.faces:
        files = image_files(args.faces)[-HELD_OUT:][: args.count]
        faces, labels = np.stack([read(file) for file in files]), label_files(files, args.hair)
        print(table(intersection_over_union(parser, faces, labels)))
        pictures += list(faces[:12])
    save_picture(overlays(parser, pictures), args.grid)
    print(f"{milliseconds(parser, 256):.0f} ms a face of 256 px, {milliseconds(parser, 1024):.0f} ms of 1024 px")
    print(f"grid: {args.grid}")


if __name__ == "__main__":
    main()
