"""Path A on photos and random faces: a table of what each prompt did, and a grid to look at.

    python benchmarks/edits.py --photos PHOTOS --hair hair_segmentation.tflite --scorers celeba_attributes_w.npz
    python benchmarks/edits.py ... --without preserve identity      # the same with loss terms switched off

The teachers are not part of the project (see styleclip_core/training/teachers.py).
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from styleclip_core import OptimizeSettings, load_studio
from styleclip_core.evaluation import edits as evaluation
from styleclip_core.training import teachers


def measure(image, w_plus, args, scorers) -> dict[str, float]:
    values = teachers.measure(image, str(args.hair)) or {}
    scores = scorers["weights"] @ w_plus[:16].mean(0).cpu().numpy() + scorers["bias"]
    return values | {
        f"w:{str(name).removeprefix('boundary_')}": float(s) for name, s in zip(scorers["names"], scores, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="photos to invert")
    parser.add_argument("--seeds", type=int, nargs="*", default=[11, 25, 4], help="random faces")
    parser.add_argument("--prompts", nargs="*", help="only these of the ten prompts")
    parser.add_argument("--hair", type=Path, required=True)
    parser.add_argument("--scorers", type=Path, required=True)
    parser.add_argument("--without", nargs="*", default=[], help="loss terms to switch off")
    parser.add_argument("--set", nargs="*", default=[], metavar="TERM=VALUE", help="settings to change")
    parser.add_argument("--grid", type=Path, default=Path("outputs/edits.jpg"))
    args = parser.parse_args()
    changed = {name: 0.0 for name in args.without}
    changed |= {name: float(value) for name, value in (pair.split("=") for pair in args.set)}
    settings, scorers, studio = OptimizeSettings(**changed), np.load(args.scorers), load_studio()
    faces = [studio.random_face(seed) for seed in args.seeds]
    for photo in args.photos:
        faces.append(studio.invert(photo))
        print(f"{photo.name}: inverted in {faces[-1].seconds:.0f} s, distance {faces[-1].distance:.3f}", flush=True)
    before = [measure(face.image, face.w_plus, args, scorers) for face in faces]
    results, columns, start = [], {}, time.time()
    for asked in evaluation.ASKED:
        if args.prompts and asked.prompt not in args.prompts:
            continue
        columns[asked.prompt] = []
        for face, old in zip(faces, before, strict=True):
            if asked.only == "men" and old["male"] < 0.5:
                columns[asked.prompt].append(None)
                continue
            edit = studio.optimize(face, asked.prompt, settings)
            results.append(evaluation.judge(asked, old, measure(edit.image, edit.latent, args, scorers), edit))
            columns[asked.prompt].append(edit)
        print(evaluation.table([r for r in results if r.prompt == asked.prompt]).splitlines()[-1], flush=True)
    args.grid.parent.mkdir(parents=True, exist_ok=True)
    evaluation.grid(faces, columns).save(args.grid, quality=92)
    print(evaluation.table(results))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(results)} edits in {time.time() - start:.0f} s, peak memory {peak:.2f} GiB; grid: {args.grid}")


if __name__ == "__main__":
    main()
