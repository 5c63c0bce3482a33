"""Mappers, InterFaceGAN's boundaries and some prompts as sliders, on random faces: a table, and a grid to look at.

    python -m benchmarks directions --hair hair_segmentation.tflite
    python -m benchmarks directions --hair hair_segmentation.tflite --faces 6 --only mapper

Each slider is dragged as a user would: to 1, 2 and 3, until the label is a deviation (over random faces) further, which
counts as moved; boundaries towards what a face lacks. The last picture of the drag is judged. The models that measure
pictures are not part of the project (see `evaluation.measure`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from benchmarks.common import add_grid, add_hair, make_parser
from styleclip_core import latents, load_pack
from styleclip_core.edits import interfacegan, sliders
from styleclip_core.evaluation.measure import measure
from styleclip_core.evaluation.metrics import (
    LABELS,
    MAPPERS,
    PROMPTS,
    Measurements,
    SliderResult,
    has_room,
    judge_slider,
)
from styleclip_core.evaluation.reports import save_picture, slider_grid, slider_table
from styleclip_core.images import to_image
from styleclip_core.packs import Pack

FIRST_SEED = 910_000  # no other part of the project uses seeds near it
DRAG = (1.0, 2.0, 3.0)


@dataclass(frozen=True, eq=False)
class MeasuredFace:
    """A drawn code ``[1,L,512]``: its picture, its identity ``[1,E]``, and what was measured; None: no face found."""

    w_plus: Tensor
    picture: Image.Image
    identity: Tensor
    measured: Measurements | None


@torch.no_grad()
def draw(pack: Pack, w_plus: Tensor, values: Mapping[str, float], size: int, hair: str) -> MeasuredFace:
    """The face of a code with sliders at ``values``."""
    assert pack.identity, "the pack tells people apart"
    code, styles = sliders.move(pack, w_plus, values)
    image = pack.generator.synthesize(code if styles is None else styles, size)
    picture = to_image(image)
    return MeasuredFace(w_plus, picture, pack.identity(image), measure(picture, hair))


def chosen(pack: Pack) -> Iterator[tuple[str, str, int]]:
    """Slider, label, sign (0: towards what a face lacks)."""
    for name in pack.mappers:
        yield f"mapper:{name}", *MAPPERS[name]
    for name in interfacegan.names(pack):
        yield f"boundary:{name}", name, 0
    for prompt, label, sign in PROMPTS:
        yield f"text:{prompt}", label, sign
        yield f"style:{prompt}", label, sign


def drag(pack: Pack, face: MeasuredFace, slider: str, label: str, sign: int, size: int, hair: str) -> SliderResult:
    """Drag a slider until its label moved by a deviation, or to the end. The last picture is judged."""
    assert face.measured
    way = sign or (-1 if LABELS[label].score(face.measured) > 0 else 1)
    for strength in DRAG:
        after = draw(pack, face.w_plus, {slider: strength if sign else way * strength}, size, hair)
        kept, pictures = float((face.identity * after.identity).sum()), (face.picture, after.picture)
        result = judge_slider(slider, strength, label, way, face.measured, after.measured, kept, pictures)
        if result.gain >= 1 or strength == DRAG[-1]:
            return result
    raise AssertionError("a drag ends at its last strength")


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("directions", __doc__)
    add_hair(parser)
    parser.add_argument("--faces", type=int, default=24, help="for each slider (default: 24)")
    parser.add_argument("--only", default="", help="sliders whose name has this in it")
    parser.add_argument("--size", type=int, default=1024, help="px to draw at; previews are quicker (default: 1024)")
    add_grid(parser, "directions")
    args = parser.parse_args(argv)
    pack, start = load_pack("compact", "cpu"), time.time()
    pool, results = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + 2 * args.faces):
        w_plus = latents.random_w(pack.generator, seed).expand(1, pack.generator.num_layers, 512)
        pool.append(draw(pack, w_plus, {}, args.size, args.hair))
    pool = [face for face in pool if face.measured]
    for slider, label, sign in chosen(pack):
        if args.only not in slider:
            continue
        fitting = [face for face in pool if not sign or has_room(label, sign, face.measured or {})][: args.faces]
        found = [drag(pack, face, slider, label, sign, args.size, args.hair) for face in fitting]
        if found:
            print(slider_table(found).splitlines()[-1], flush=True)
        results += found
    save_picture(slider_grid(results), args.grid)
    print(slider_table(results))
    print(f"{len(results)} edits in {time.time() - start:.0f} s; grid: {args.grid}")


if __name__ == "__main__":
    main()
