"""How fast StyleGAN2 is: in GFLOP/s against the machine's matrix product, and a table of precisions and ways to run.

    python -m benchmarks stylegan2                  # all CPU cores, 1024 px
    python -m benchmarks stylegan2 --device cuda

Weights are random; speed does not depend on them. Times are the best of several runs.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.common import device_name, make_parser, peak_memory, reset_peak_memory, timed
from styleclip_core.devices import keep_freed_memory
from styleclip_core.networks.blend import Blend
from styleclip_core.networks.stylegan2 import ModulatedConv, StyleGAN2, ToRGB

REFERENCE_SPEED = 70  # GFLOP/s of the original PyTorch code at 1024 px on two cores of the same kind, as counted below
PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
COLUMNS = ("forward", "preview", "step", "local edit")


def random_generator(resolution: int) -> StyleGAN2:
    """StyleGAN2 with seeded random weights, each layer's scaled so that activations keep their size."""
    torch.manual_seed(0)
    generator = StyleGAN2(resolution).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if not name.endswith("bias"):
            parameter.normal_(std=1.0 if name == "const" else parameter[0].numel() ** -0.5)
    return generator


def gflop(generator: StyleGAN2) -> tuple[float, float]:
    """Billions of floating-point operations of the convolutions of one picture, two for each multiplication.

    Returns:
        As usually counted, with upsampling convolutions at the size of their output, and what direct convolutions
        need, which is a quarter of that for upsampling ones.
    """
    counted = needed = 0
    for level, (convs, rgb) in enumerate(zip(generator.convs, generator.rgbs, strict=True)):
        pixels = (4 << level) ** 2
        for conv in convs.children():
            assert isinstance(conv, ModulatedConv)
            counted += 2 * pixels * conv.weight.numel()
            needed += 2 * pixels * conv.weight.numel() // (4 if conv.up else 1)
        assert isinstance(rgb, ToRGB)
        counted, needed = (total + 2 * pixels * rgb.weight.numel() for total in (counted, needed))
    return counted / 1e9, needed / 1e9


def best(work: Callable[[], object], device: torch.device, runs: int) -> float:
    """Seconds of the fastest of ``runs`` calls after two to warm up."""
    return min(timed(work, runs, 2, device))


def report_speed(generator: StyleGAN2, device: torch.device, runs: int) -> None:
    """Print the forward pass against the fastest matrix product, timed in turn with it."""
    a, w = torch.randn(2, 2048, 2048, device=device), torch.randn(1, 512, device=device)
    forward = product = float("inf")
    with torch.inference_mode():
        for _ in range(max(1, runs // 2)):
            forward = min(forward, best(lambda: generator.synthesize(w), device, 2))
            product = min(product, best(lambda: torch.mm(a[0], a[1]), device, 5))
    counted, needed = gflop(generator)
    peak = 2 * 2048**3 / product / 1e9
    speed = counted / forward
    print(f"forward {generator.resolution} px: {forward:.3f} s")
    print(f"  {speed:.0f} GFLOP/s of {counted:.0f} GFLOP as usually counted:", end=" ")
    print(f"{speed / REFERENCE_SPEED:.1f} x the original code")
    print(f"  {needed / forward:.0f} GFLOP/s of {needed:.0f} GFLOP that direct convolutions need:", end=" ")
    print(f"{100 * needed / forward / peak:.0f} % of torch.mm's {peak:.0f} GFLOP/s")


def graphed(run: Callable[[Tensor], Tensor], example: Tensor) -> Callable[[Tensor], Tensor]:
    """``run`` as a CUDA graph: one launch for all its kernels."""
    static, stream = example.clone(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run(static)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run(static)

    def replay(x: Tensor) -> Tensor:
        static.copy_(x)
        graph.replay()
        return result

    return replay


def tasks(generator: StyleGAN2, mode: str, backend: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """What an edit does with the generator, by column of the table: each takes w_plus ``[1,L,512]``."""
    preview, device = generator.resolution // 4, generator.w_avg.device
    blend = Blend(generator.styles(generator.w_avg[None]), torch.rand(1, 1, 64, 64, device=device))
    synthesize = generator.synthesize
    if mode == "compiled":
        synthesize = torch.compile(synthesize, fullgraph=True, dynamic=False, backend=backend)

    def step(w_plus: Tensor) -> Tensor:
        code = w_plus.detach().requires_grad_()
        return torch.autograd.grad(synthesize(code, preview).square().mean(), code)[0]

    runs = {
        "forward": torch.no_grad()(lambda w_plus: synthesize(w_plus)),
        "preview": torch.no_grad()(lambda w_plus: synthesize(w_plus, preview)),
        "step": step,
        "local edit": torch.no_grad()(lambda w_plus: synthesize(w_plus, None, blend)),
    }
    if mode == "graphs":
        example = torch.randn(1, generator.num_layers, 512, device=device)
        runs = {name: graphed(run, example) for name, run in runs.items()}
    return runs


def report_table(generator: StyleGAN2, device: torch.device, runs: int, backend: str) -> None:
    """Print milliseconds of each task and the most memory of each row."""
    cuda, size = device.type == "cuda", generator.resolution
    print(f"\nmilliseconds; preview and step (forward and backward) at {size // 4} px, the rest at {size} px")
    print(f"{'':16}", *(f"{name:>10}" for name in (*COLUMNS, "GiB")))
    w_plus = torch.randn(1, generator.num_layers, 512, device=device)
    for precision in PRECISIONS if cuda else ("fp32",):  # CPUs without matrix units take minutes in the others
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "fp32"
        copied = copy.deepcopy(generator).set_precision(PRECISIONS[precision])
        for mode in ("eager", "compiled", "graphs") if cuda else ("eager", "compiled"):
            reset_peak_memory(device)
            row = [1000 * best(lambda r=r: r(w_plus), device, runs) for r in tasks(copied, mode, backend).values()]
            row.append(peak_memory(device))
            print(f"{precision + ' ' + mode:16}", *(f"{value:10.2f}" for value in row), flush=True)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("stylegan2", __doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--backend", default="inductor", help="of torch.compile; eager only traces")
    parser.add_argument("--table", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args(argv)
    device = torch.device(args.device)
    if device.type == "cpu":
        keep_freed_memory()
    generator = random_generator(args.resolution).to(device)
    print(device_name(device))
    report_speed(generator, device, args.runs)
    if args.table:
        report_table(generator, device, args.runs, args.backend)


if __name__ == "__main__":
    main()
