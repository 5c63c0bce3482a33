"""Mappers, InterFaceGAN's boundaries and some prompts as sliders, on random faces: a table, and a grid to look at.

    python -m benchmarks.directions --hair hair_segmentation.tflite
    python -m benchmarks.directions --hair hair_segmentation.tflite --faces 6 --only mapper

Each slider is dragged as a user would: to 1, 2 and 3, until the label is a deviation (over random faces) further, which
counts as moved; boundaries towards what a face lacks. The last picture of the drag is judged. The teachers are not part
of the project (see styleclip_core/training/teachers.py).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from styleclip_core import latents, load_pack
from styleclip_core.edits import interfacegan, sliders
from styleclip_core.evaluation import directions as evaluation
from styleclip_core.evaluation import measure as teachers
from styleclip_core.images import to_image

FIRST_SEED = 910_000  # no other part of the project uses seeds near it
DRAG = (1.0, 2.0, 3.0)


def chosen(pack):
    """Slider, label, sign (0: towards what a face lacks)."""
    for name in sliders.mapper_names(pack):
        yield f"mapper:{name}", *evaluation.MAPPERS[name]
    for name in interfacegan.names(pack):
        yield f"boundary:{name}", name, 0
    for prompt, label, sign in evaluation.PROMPTS:
        yield f"text:{prompt}", label, sign
        yield f"style:{prompt}", label, sign


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hair", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=24, help="for each slider (default: 24)")
    parser.add_argument("--only", default="", help="sliders whose name has this in it")
    parser.add_argument("--size", type=int, default=1024, help="px to draw at; previews are quicker (default: 1024)")
    parser.add_argument("--grid", type=Path, default=Path("outputs/directions.jpg"))
    args = parser.parse_args()
    pack, start = load_pack("compact", "cpu"), time.time()

    def show(w_plus, values):
        image = pack.generator.synthesize(sliders.move(pack, w_plus, values)[1], args.size)
        picture = to_image(image)
        return picture, pack.identity(image), teachers.measure(picture, str(args.hair))

    pool, results = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + 2 * args.faces):
        w_plus = latents.random_w(pack.generator, seed).expand(1, pack.generator.num_layers, 512)
        pool.append((w_plus, *show(w_plus, {})))
    pool = [face for face in pool if face[3]]
    for slider, label, sign in chosen(pack):
        if args.only not in slider:
            continue
        fitting = [face for face in pool if not sign or evaluation.lacks(label, sign, face[3])][: args.faces]
        for w_plus, picture, identity, before in fitting:
            way = sign or (-1 if evaluation.LABELS[label].score(before) > 0 else 1)
            for strength in DRAG:
                after, same, measured = show(w_plus, {slider: strength if sign else way * strength})
                kept, pictures = float((identity * same).sum()), (picture, after)
                result = evaluation.judge(slider, strength, label, way, before, measured, kept, pictures)
                if result.gain >= 1:
                    break
            results.append(result)
        print(evaluation.table([r for r in results if r.slider == slider]).splitlines()[-1], flush=True)
    args.grid.parent.mkdir(parents=True, exist_ok=True)
    evaluation.grid(results).save(args.grid, quality=92)
    print(evaluation.table(results))
    print(f"{len(results)} edits in {time.time() - start:.0f} s; grid: {args.grid}")


if __name__ == "__main__":
    main()
