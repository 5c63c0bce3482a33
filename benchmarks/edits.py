"""Path A on photos and random faces: a table of what each prompt did, and a grid to look at.

    python -m benchmarks.edits --photos PHOTOS --hair hair_segmentation.tflite --scorers celeba_attributes_w.npz
    python -m benchmarks.edits ... --set preserve=0 identity=0      # the same without two of the loss terms

The teachers are not part of the project (see styleclip_core/training/teachers.py).
"""

from __future__ import annotations

import argparse
import ast
import resource
import time
from pathlib import Path

import numpy as np
import torch

from styleclip_core import Edit, Face, OptimizeSettings, load_studio, packs
from styleclip_core.evaluation import edits as evaluation
from styleclip_core.evaluation import measure as teachers

SEEDS = [101, 121, 100, 103, 104, 112, 114, 123, 110, 109]  # men and women, young and old


def measurer(hair: Path, scorers: Path):
    """Measurements of a Face or an Edit, scorers in standard deviations over random faces."""
    linear = np.load(scorers)
    names = [f"w:{str(name).removeprefix('boundary_')}" for name in linear["names"]]
    generator = packs.compact_generator()
    z = np.random.default_rng(0).standard_normal((2000, 512)).astype(np.float32)
    with torch.no_grad():
        random = generator.map(torch.from_numpy(z)).numpy() @ linear["weights"].T
    mean, deviation = random.mean(0), random.std(0)

    def measure(shown: Face | Edit) -> dict[str, float]:
        code = shown.w_plus if isinstance(shown, Face) else shown.latent
        scores = (linear["weights"] @ code[:16].mean(0).cpu().numpy() - mean) / deviation
        return (teachers.measure(shown.image, str(hair)) or {}) | dict(zip(names, scores.tolist(), strict=True))

    return measure


def settings(pairs: list[str]) -> OptimizeSettings:
    """``["preserve=0", ...]`` -> settings; whole numbers stay whole."""
    values = ((name, ast.literal_eval(value)) for name, value in (pair.split("=") for pair in pairs))
    return OptimizeSettings(**dict(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="photos to invert")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS, help="random faces to choose from")
    parser.add_argument("--prompts", nargs="*", help="only these of the ten prompts")
    parser.add_argument("--hair", type=Path, required=True)
    parser.add_argument("--scorers", type=Path, required=True)
    parser.add_argument("--set", nargs="*", default=[], metavar="TERM=VALUE", help="settings to change")
    parser.add_argument("--grid", type=Path, default=Path("outputs/edits.jpg"))
    args = parser.parse_args()
    chosen, studio, measure = settings(args.set), load_studio(), measurer(args.hair, args.scorers)
    faces = [studio.random_face(seed) for seed in args.seeds]
    for photo in args.photos:
        faces.append(studio.invert(photo))
        print(f"{photo.name}: inverted in {faces[-1].seconds:.0f} s, distance {faces[-1].distance:.3f}", flush=True)
    start = time.time()
    results = evaluation.run(
        [(face, measure(face)) for face in faces],
        lambda face, prompt: studio.optimize(face, prompt, chosen),
        measure,
        args.prompts,
    )
    args.grid.parent.mkdir(parents=True, exist_ok=True)
    evaluation.grid(results).save(args.grid, quality=92)
    print(evaluation.table(results))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(results)} edits in {time.time() - start:.0f} s, peak memory {peak:.2f} GiB; grid: {args.grid}")


if __name__ == "__main__":
    main()
