"""How fast edits with the full pack's networks are, and how much memory they take.

    python -m benchmarks gpu                          # everything, on a GPU if there is one
    python -m benchmarks gpu --parts step             # one step of path A against one of StyleCLIP's own optimisation
    python -m benchmarks gpu --resolution 64 --steps 1 --speedups eager graph

Weights are random; speed does not depend on them. The generator alone is measured by benchmarks/stylegan2.py.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import device_name, make_parser, peak_memory, reset_peak_memory, timed
from benchmarks.stylegan2 import random_generator
from styleclip_core import OfficialSettings, OptimizeSettings, latents
from styleclip_core.checkpoints import load_open_clip
from styleclip_core.devices import PRECISIONS, choose_device, keep_freed_memory, set_precision
from styleclip_core.edits.optimize import optimize
from styleclip_core.edits.styleclip_reference import optimize_official
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.networks.ir_se50 import ArcFace
from styleclip_core.networks.stylegan2 import StyleGAN2
from styleclip_core.packs import Pack, ReferenceFaces
from styleclip_core.progress import Progress
from styleclip_core.rendering import SPEEDUPS, Renderer

PARTS = ("drawing", "edits", "step")
REFERENCE_STEP = 20.5  # seconds of one step of the original code, on two CPU cores at 70 GFLOP/s
PROMPT = "a smiling person with grey hair"


def random_pack(resolution: int, device: torch.device, model: str) -> Pack:
    """The full pack's networks for optimisation, with random weights."""
    generator, clip = random_generator(resolution), load_open_clip(model)
    identity = ArcFace().eval().requires_grad_(False).to(device).encode_identity
    perceptual = EfficientNetLite0().eval().requires_grad_(False).to(device)
    space = latents.w_space(generator)
    space = latents.WSpace(*(part.to(device) for part in vars(space).values()))
    codes = space.unwhiten(torch.randn(1000, len(space.deviations), device=device))
    clip, generator = clip.to(device), generator.to(device)
    width = clip.encode_text(["a face"]).shape[1]
    return Pack(
        name="full",
        device=device,
        generator=generator,
        clip=clip,
        encoder=no_encoder,
        parser=None,
        identity=identity,
        perceptual=perceptual,
        space=space,
        reference_faces=ReferenceFaces(codes, F.normalize(torch.randn(1000, width, device=device))),
        styleclip_embed=clip.encode_image_as_styleclip,
    )


def no_encoder(images: Tensor) -> Tensor:
    """The encoder of a pack that inverts nothing."""
    raise NotImplementedError("photos are not inverted here")


def make_precise(pack: Pack, precision: str) -> None:
    """Set the precision of the process and of the generator (whose weights, once rounded, stay rounded)."""
    assert isinstance(pack.generator, StyleGAN2)
    pack.generator.set_precision(set_precision(precision, pack.device))


def report_drawing(pack: Pack, precisions: list[str], speedups: list[str], runs: int) -> None:
    """A full picture after another, as a slider wants them."""
    print(f"\ndrawing {pack.generator.resolution} px{'':8}      ms     GiB")
    w_plus = latents.random_w(pack.generator, 0).expand(1, pack.generator.num_layers, 512).contiguous()
    for precision in precisions:
        make_precise(pack, precision)
        for speedup in speedups:
            reset_peak_memory(pack.device)
            renderer = Renderer(pack.generator, speedup)
            taken = 1000 * min(timed(lambda draw=renderer: draw(w_plus), runs, 2, pack.device))
            print(f"{precision + ' ' + speedup:24} {taken:7.2f} {peak_memory(pack.device):7.2f}  {renderer.note}")


def report_edits(pack: Pack, precisions: list[str], steps: list[int]) -> None:
    """Whole edits by path A, with the settings that users get, less early stopping."""
    print(f"\npath A, seconds{'':10}", *(f"{count:>4} steps" for count in steps), "    GiB")
    w_plus = latents.random_w(pack.generator, 0).expand(1, pack.generator.num_layers, 512)
    for precision in precisions:
        make_precise(pack, precision)
        reset_peak_memory(pack.device)
        times = []
        for count in [1, *steps]:  # the one is to warm up
            start = time.perf_counter()
            list(optimize(pack, w_plus, PROMPT, OptimizeSettings(steps=count, patience=0)))
            times.append(time.perf_counter() - start)  # each step waits for its numbers, so nothing is still running
        print(f"{precision:25}", *(f"{value:10.2f}" for value in times[1:]), f"{peak_memory(pack.device):7.2f}")


def fastest_step(steps: Iterator[Progress], device: torch.device) -> float:
    """Seconds of the fastest step after the first."""
    times = []
    for _ in steps:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter())
    return min(after - before for before, after in itertools.pairwise(times))


def report_step(pack: Pack, runs: int) -> None:
    """One step of path A against one of the official optimisation, in the precision that is set."""
    w_plus = latents.random_w(pack.generator, 0).expand(1, pack.generator.num_layers, 512)
    settings = OptimizeSettings(steps=runs + 1, patience=0)
    methods = {
        "path A, one view": lambda: optimize(pack, w_plus, PROMPT, replace(settings, views=0)),
        "path A": lambda: optimize(pack, w_plus, PROMPT, settings),
        "official": lambda: optimize_official(pack, w_plus, PROMPT, OfficialSettings(steps=runs + 1)),
    }
    sizes = f"one step at {settings.resolution} px, official at {pack.generator.resolution} px"
    print(f"\n{sizes:45} seconds     GiB")
    for name, run in methods.items():
        reset_peak_memory(pack.device)
        taken = fastest_step(run(), pack.device)
        versus = f"1/{REFERENCE_STEP / taken:.1f} of the original code's {REFERENCE_STEP} s on two cores"
        print(f"{name:45} {taken:7.2f} {peak_memory(pack.device):7.2f}  {versus}", flush=True)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("gpu", __doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--clip", default="ViT-B-32-quickgelu", help="one of open_clip's models")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS[1:], help="default: all; on a CPU fp32")
    parser.add_argument("--speedups", nargs="+", choices=SPEEDUPS, default=["eager", "compile", "graph"])
    parser.add_argument("--steps", nargs="+", type=int, default=[40, 300], help="of whole edits")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args(argv)
    device = choose_device(args.device)
    if device.type == "cpu":
        keep_freed_memory()
    pack = random_pack(args.resolution, device, args.clip)
    precisions = args.precisions or (["fp32", "tf32", "bf16"] if device.type == "cuda" else ["fp32"])
    print(device_name(device))
    if "step" in args.parts:  # first: bf16 rounds the weights
        report_step(pack, args.runs)
    if "edits" in args.parts:
        report_edits(pack, precisions, args.steps)
    if "drawing" in args.parts:
        report_drawing(pack, precisions, args.speedups, args.runs)


if __name__ == "__main__":
    main()
