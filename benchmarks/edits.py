"""Path A on photos and random faces: a table of what each prompt did, and a grid to look at.

    python -m benchmarks edits --photos PHOTOS --hair hair_segmentation.tflite --scorers celeba_attributes_w.npz
    python -m benchmarks edits ... --set preserve=0 identity=0      # the same without two of the loss terms

The models that measure pictures are not part of the project (see `evaluation.measure`).
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import add_grid, add_hair, make_parser, peak_memory
from styleclip_core import Edit, Face, OptimizeSettings, latents, load_studio
from styleclip_core.evaluation import measure
from styleclip_core.evaluation.metrics import REQUESTS, EditResult, Measurements, judge_edit, kept
from styleclip_core.evaluation.reports import edit_grid, edit_table, save_picture
from styleclip_core.packs.compact import compact_generator

SEEDS = [101, 121, 100, 103, 104, 112, 114, 123, 110, 109]  # men and women, young and old


def measurer(hair: str, scorers: Path) -> Callable[[Face | Edit], Measurements]:
    """A function that measures a Face or an Edit; linear scorers of W in standard deviations over random faces."""
    linear = np.load(scorers)
    names = [f"w:{str(name).removeprefix('boundary_')}" for name in linear["names"]]
    generator = compact_generator()
    z = np.random.default_rng(0).standard_normal((2000, 512)).astype(np.float32)
    with torch.no_grad():
        random = generator.map(torch.from_numpy(z)).numpy() @ linear["weights"].T
    mean, deviation, layers = random.mean(0), random.std(0), latents.effective_layers(generator)

    def measured(drawn: Face | Edit) -> Measurements:
        code = drawn.w_plus if isinstance(drawn, Face) else drawn.latent
        scores = (linear["weights"] @ code[:layers].mean(0).cpu().numpy() - mean) / deviation
        return (measure.measure(kept(drawn), hair) or {}) | dict(zip(names, scores.tolist(), strict=True))

    return measured


def changed_settings(pairs: list[str]) -> OptimizeSettings:
    """``["preserve=0", ...]`` -> settings; whole numbers stay whole."""
    values = ((name, ast.literal_eval(value)) for name, value in (pair.split("=") for pair in pairs))
    return OptimizeSettings(**dict(values))


def try_requests(
    faces: list[tuple[Face, Measurements]],
    edit: Callable[[Face, str], Edit],
    measured: Callable[[Edit], Measurements],
    prompts: Iterable[str] | None = None,
    each: int = 3,
) -> list[EditResult]:
    """Try every prompt on the first ``each`` photos and the first ``each`` random faces that suit it."""
    results = []
    for request in REQUESTS:
        if prompts and request.prompt not in prompts:
            continue
        fitting = [(face, before) for face, before in faces if request.suits(before)]
        photos, random = ([f for f in fitting if (f[0].aligned is None) == made][:each] for made in (False, True))
        found = []
        for face, before in [*photos, *random]:
            edited = edit(face, request.prompt)
            found.append(judge_edit(request, face, edited, before, measured(edited)))
        if found:
            print(edit_table(found).splitlines()[-1], flush=True)
        results += found
    return results


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("edits", __doc__)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="photos to invert")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS, help="random faces to choose from")
    parser.add_argument("--prompts", nargs="*", help="only these of the 24 prompts")
    add_hair(parser)
    parser.add_argument("--scorers", type=Path, required=True, help="linear attribute scorers in W (.npz)")
    parser.add_argument("--set", nargs="*", default=[], metavar="TERM=VALUE", help="settings to change")
    add_grid(parser, "edits")
    args = parser.parse_args(argv)
    settings, studio, measured = changed_settings(args.set), load_studio(), measurer(args.hair, args.scorers)
    faces = [studio.random_face(seed) for seed in args.seeds]
    for photo in args.photos:
        face = studio.invert(photo)
        print(f"{photo.name}: inverted in {face.seconds:.0f} s, distance {face.distance:.3f}", flush=True)
        faces.append(face)
    start = time.time()
    known = [(face, measured(face)) for face in faces]
    results = try_requests(known, lambda face, p: studio.optimize(face, p, settings), measured, args.prompts)
    save_picture(edit_grid(results), args.grid)
    print(edit_table(results))
    taken, memory = time.time() - start, peak_memory()
    print(f"{len(results)} edits in {taken:.0f} s, peak memory {memory:.2f} GiB; grid: {args.grid}")


if __name__ == "__main__":
    main()
