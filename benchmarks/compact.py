"""How fast the compact pack is on this machine, and how well it finds the faces of photos.

    python -m benchmarks compact                          # drawing, and one step of path A
    python -m benchmarks compact --photos PHOTOS/*.jpg    # the inversion of photos too, with a grid of edits to look at

Every speed stands beside that of plain PyTorch in the same run.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.common import add_grid, make_parser, peak_memory, timed
from styleclip_core import Face, InvertSettings, OptimizeSettings, Studio, latents, load_studio
from styleclip_core.evaluation.metrics import auc
from styleclip_core.evaluation.reports import grid, markdown_row, markdown_table, save_picture
from styleclip_core.images import to_tensor
from styleclip_core.rendering import Preview, Renderer
from styleclip_core.training.augment import augment

PROMPTS = ("a smiling person", "a person with eyeglasses", "a person with blond hair")
INVERSIONS = {  # ways to find a face, in the columns' order
    "one pass": InvertSettings(steps=0),
    "refined": InvertSettings(),
    "adapted": InvertSettings(tune=20),
}


@torch.no_grad()
def report_drawing(studio: Studio, runs: int, speedups: list[str]) -> None:
    """A table of how long a picture takes, and how far it is from plain PyTorch's."""
    generator = studio.pack.generator
    code = latents.random_w(generator, 1).expand(1, generator.num_layers, 512)
    rows, plain = [], None
    for speedup in speedups:
        draw = Renderer(generator, speedup)
        picture, taken = draw(code), np.median(timed(lambda draw=draw: draw(code), runs))
        plain = plain or (taken, picture)
        difference = (picture - plain[1]).abs().max()
        rows.append([f"1024 px, {draw.speedup}", taken, f"{difference:.1e}"])
    for quick in (False, True):
        preview = Preview(generator, code, 256, quick=quick)
        taken = np.median(timed(lambda preview=preview: preview(code), runs))
        rows.append([f"256 px, {'while dragging' if quick else 'while optimising'}", taken, ""])
    first = rows[0][1]
    formatted = [[name, f"{taken * 1000:.0f}", f"{first / taken:.2f}", far] for name, taken, far in rows]
    print(markdown_table(["drawing", "ms", "ratio", "largest difference"], formatted))


def report_steps(studio: Studio) -> None:
    """Seconds of a whole edit by path A, and of one of its steps."""
    face = studio.random_face(1)
    times = {}
    for name, settings in (("one step", OptimizeSettings(steps=1)), ("all steps", OptimizeSettings(patience=0))):
        taken = timed(lambda settings=settings: studio.optimize(face, PROMPTS[0], settings), 2)
        times[name] = float(np.median(taken))
    step = (times["all steps"] - times["one step"]) / (OptimizeSettings().steps - 1)
    print(f"path A, default settings: {times['all steps']:.1f} s, one step {step:.2f} s")


@torch.no_grad()
def report_identity(studio: Studio, aligned: list[Image.Image], views: int = 8) -> None:
    """AUC of identity: augmented pictures of the same face against those of others."""
    identity = studio.pack.identity
    assert identity, "the compact pack tells people apart"
    for name, pictures in (("random", [studio.random_face(seed).image for seed in range(40)]), ("photos", aligned)):
        if len(pictures) < 2:  # nobody to compare with
            continue
        images = torch.cat([to_tensor(picture.resize((256, 256))) for picture in pictures])
        generator, size = torch.Generator().manual_seed(0), 256
        flips = [torch.full([len(images)], view % 2 == 1) for view in range(views)]
        seen = torch.stack([identity(augment(images, flip, size, generator)) for flip in flips])
        cosines = torch.einsum("and,bmd->abnm", seen, seen)[tuple(torch.triu_indices(views, views, 1))]
        same = torch.eye(len(images), dtype=torch.bool).expand_as(cosines)
        figure = auc(cosines.flatten().numpy(), same.flatten().numpy())
        print(
            f"identity of {len(images)} faces ({name}): AUC {figure:.4f}, mean cosine {cosines[same].mean():.2f} "
            f"for the same face, {cosines[~same].mean():.2f} for others"
        )


def report_inversion(studio: Studio, photos: list[Path]) -> list[dict[str, Face]]:
    """A table of each photo's LPIPS-like distance and seconds by each of `INVERSIONS`. Returns the faces."""
    print(markdown_table(["photo", *(column for way in INVERSIONS for column in (way, "s"))], []))
    found, figures = [], []
    for photo in photos:
        faces = {way: studio.invert(photo, settings=settings) for way, settings in INVERSIONS.items()}
        numbers = [number for face in faces.values() for number in (face.distance or 0.0, face.seconds)]
        print(markdown_row([photo.stem[:20], *_formatted(numbers)]), flush=True)
        found.append(faces)
        figures.append(numbers)
    print(markdown_row(["mean", *_formatted(np.mean(figures, 0).tolist())]))
    return found


def _formatted(numbers: list[float]) -> list[str]:
    """Distances and seconds in turn, as the table shows them."""
    return [f"{number:.1f}" if i % 2 else f"{number:.3f}" for i, number in enumerate(numbers)]


def edits_of_inversions(studio: Studio, found: list[dict[str, Face]], size: int = 256) -> Image.Image:
    """A row a photo: the photo, each inversion, edits of the refined face and one of the adapted face."""
    rows = []
    for faces in found:
        photo = faces["refined"].aligned
        pictures = [*([photo] if photo else []), *(face.image for face in faces.values())]
        pictures += [studio.optimize(faces["refined"], prompt).image for prompt in PROMPTS]
        rows.append([*pictures, studio.optimize(faces["adapted"], PROMPTS[0]).image])
    return grid(rows, size)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("compact", __doc__)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--runs", type=int, default=10, help="of which the median counts (default: 10)")
    parser.add_argument("--speedups", nargs="+", default=["eager"], help="compile takes a while (default: eager)")
    add_grid(parser, "inversion")
    args = parser.parse_args(argv)
    start = time.perf_counter()
    studio = load_studio("compact", "cpu")
    print(f"compact pack loaded in {time.perf_counter() - start:.1f} s")
    report_drawing(studio, args.runs, args.speedups)
    report_steps(studio)
    found = report_inversion(studio, args.photos) if args.photos else []
    report_identity(studio, [face.aligned for faces in found if (face := faces["refined"]).aligned])
    if found:
        save_picture(edits_of_inversions(studio, found), args.grid)
    print(f"peak memory {peak_memory():.2f} GiB")


if __name__ == "__main__":
    main()
