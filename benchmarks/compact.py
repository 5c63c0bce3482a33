"""How fast the compact pack is on this machine, and how well it finds the faces of photos.

    python -m benchmarks.compact                          # drawing, and one step of each optimisation
    python -m benchmarks.compact --photos PHOTOS/*.jpg    # the inversion of photos too, with a grid of edits to look at

Every speed stands beside that of plain PyTorch in the same run.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from styleclip_core import Face, InvertSettings, OptimizeSettings, Studio, latents, load_studio
from styleclip_core.evaluation.zero_shot import auc
from styleclip_core.images import to_tensor
from styleclip_core.rendering import Preview, Renderer
from styleclip_core.training.augment import augment

PROMPTS = ("a smiling person", "a person with eyeglasses", "a person with blond hair")
VIEW_SETS = {  # of finding a face, in the columns' order
    "encoder": InvertSettings(steps=0),
    "refined": InvertSettings(),
    "adapted": InvertSettings(tune=20),
}


def median(work: Callable[[], object], runs: int) -> float:
    """Seconds of the median run, after one that is not counted."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))


@torch.no_grad()
def report_drawing(studio: Studio, runs: int, speedups: list[str]) -> None:
    """A table of how long a picture takes, and how far it is from plain PyTorch's."""
    generator = studio.pack.generator
    code = latents.random_w(generator, 1).expand(1, generator.num_layers, 512)
    print(f"| {'drawing':24} | {'ms':>5} | {'ratio':>5} | largest difference |\n| --- | --- | --- | --- |")
    plain = None
    for speedup in speedups:
        draw = Renderer(generator, speedup)
        picture, taken = draw(code), median(lambda draw=draw: draw(code), runs)
        plain = plain or (taken, picture)
        far = (picture - plain[1]).abs().max()
        print(f"| 1024 px, {draw.speedup:15} | {taken * 1000:5.0f} | {plain[0] / taken:5.2f} | {far:.1e} |")
    for quick in (False, True):
        look = Preview(generator, code, 256, quick=quick)
        taken = median(lambda look=look: look(code), runs)
        name = "while dragging" if quick else "while optimising"
        print(f"| 256 px, {name:16} | {taken * 1000:5.0f} | {plain[0] / taken:5.2f} | |")


def report_steps(studio: Studio) -> None:
    """Seconds of one step of path A and of the refinement, and of whole edits."""
    face = studio.random_face(1)
    times = {}
    for name, settings in (("one step", OptimizeSettings(steps=1)), ("all steps", OptimizeSettings(patience=0))):
        times[name] = median(lambda settings=settings: studio.optimize(face, PROMPTS[0], settings), 2)
    step = (times["all steps"] - times["one step"]) / (OptimizeSettings().steps - 1)
    print(f"path A, default settings: {times['all steps']:.1f} s, one step {step:.2f} s")


@torch.no_grad()
def report_identity(studio: Studio, aligned: list[Image.Image], views: int = 8) -> None:
    """AUC of identity: augmented pictures of the same face against those of others."""
    for name, pictures in (("random", [studio.random_face(seed).image for seed in range(40)]), ("photos", aligned)):
        if not pictures:
            continue
        images = torch.cat([to_tensor(picture.resize((256, 256))) for picture in pictures])
        generator, size = torch.Generator().manual_seed(0), 256
        flips = [torch.full([len(images)], view % 2 == 1) for view in range(views)]
        seen = torch.stack([studio.pack.identity(augment(images, flip, size, generator)) for flip in flips])
        cosines = torch.einsum("and,bmd->abnm", seen, seen)[tuple(torch.triu_indices(views, views, 1))]
        same = torch.eye(len(images), dtype=torch.bool).expand_as(cosines)
        figure = auc(cosines.flatten().numpy(), same.flatten().numpy())
        print(
            f"identity of {len(images)} faces ({name}): AUC {figure:.4f}, mean cosine {cosines[same].mean():.2f} "
            f"for the same face, {cosines[~same].mean():.2f} for others"
        )


def report_inversion(studio: Studio, photos: list[Path]) -> list[dict[str, Face]]:
    """A table of each photo's LPIPS-like distance and seconds by each way. Returns the faces."""
    print(
        "| photo | "
        + " | ".join(f"{way} | s" for way in VIEW_SETS)
        + " |"
        + "\n|"
        + " --- |" * (2 * len(VIEW_SETS) + 1)
    )
    found = []
    for photo in photos:
        faces = {way: studio.invert(photo, settings=settings) for way, settings in VIEW_SETS.items()}
        cells = " | ".join(f"{face.distance:.3f} | {face.seconds:.1f}" for face in faces.values())
        print(f"| {photo.stem[:20]} | {cells} |", flush=True)
        found.append(faces)
    means = [np.mean([[f[way].distance, f[way].seconds] for f in found], 0) for way in VIEW_SETS]
    print("| mean | " + " | ".join(f"{distance:.3f} | {taken:.1f}" for distance, taken in means) + " |")
    return found


def grid(studio: Studio, found: list[dict[str, Face]], size: int = 256) -> Image.Image:
    """A row a photo: the photo, each way's picture, edits of the refined face and one of the adapted face."""
    rows = []
    for faces in found:
        pictures = [faces["refined"].aligned, *(face.image for face in faces.values())]
        pictures += [studio.optimize(faces["refined"], prompt).image for prompt in PROMPTS]
        pictures.append(studio.optimize(faces["adapted"], PROMPTS[0]).image)
        rows.append(np.hstack([np.asarray(picture.resize((size, size))) for picture in pictures]))
    return Image.fromarray(np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="*", default=[])
    parser.add_argument("--runs", type=int, default=10, help="of which the median counts (default: 10)")
    parser.add_argument("--speedups", nargs="+", default=["eager"], help="compile takes a while (default: eager)")
    parser.add_argument("--grid", type=Path, default=Path("outputs/inversion.jpg"))
    args = parser.parse_args()
    start = time.perf_counter()
    studio = load_studio("compact", "cpu")
    print(f"compact pack loaded in {time.perf_counter() - start:.1f} s")
    report_drawing(studio, args.runs, args.speedups)
    report_steps(studio)
    found = report_inversion(studio, args.photos) if args.photos else []
    report_identity(studio, [faces["refined"].aligned for faces in found])
    if found:
        args.grid.parent.mkdir(parents=True, exist_ok=True)
        grid(studio, found).save(args.grid, quality=92)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
