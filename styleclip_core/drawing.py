"""Drawing one full picture after another as fast as the device can: what moving a slider needs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from styleclip_core.devices import is_out_of_memory
from styleclip_core.errors import BadSetting

SPEEDUPS = ("eager", "compile", "graph")


class Painter:
    """Codes ``[1,L,512]`` -> pictures ``[1,3,R,R]`` at full size, without gradients.

    Args:
        generator: of the pack.
        speedup: "eager" as it is; "compile" by torch.compile, which takes a minute the first time; "graph" by
            replaying one CUDA graph, which needs a GPU.

    What fails at its first use is not tried again: drawing goes on as it is, and ``note`` says why.
    """

    def __init__(self, generator: torch.nn.Module, speedup: str = "eager"):
        if speedup not in SPEEDUPS:
            raise BadSetting(f"There is no speedup {speedup!r}; choose one of {', '.join(SPEEDUPS)}.")
        self.generator, self.speedup, self.note = generator, speedup, ""
        self._fast: Callable[[Tensor], Tensor] | None = None

    @torch.no_grad()
    def __call__(self, w_plus: Tensor) -> Tensor:
        if self.speedup != "eager":
            try:
                return self._draw_fast(w_plus)
            except Exception as error:  # compilers raise of everything
                if is_out_of_memory(error):
                    raise
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                self.note = f"The speedup {self.speedup!r} does not work here ({reason})."
                self.speedup, self._fast = "eager", None
        return self.generator.synthesize(w_plus)

    def _draw_fast(self, w_plus: Tensor) -> Tensor:
        if self._fast is None:
            make = {"compile": compiled, "graph": graphed}[self.speedup]
            self._fast = make(self.generator.synthesize, w_plus)
        return self._fast(w_plus)


def compiled(draw: Callable[[Tensor], Tensor], example: Tensor) -> Callable[[Tensor], Tensor]:
    """``draw`` compiled. Raises whatever the compiler does."""
    fast = torch.compile(draw, dynamic=False)
    fast(example)
    return fast


def graphed(draw: Callable[[Tensor], Tensor], example: Tensor) -> Callable[[Tensor], Tensor]:
    """``draw`` as one CUDA graph for inputs of the example's shape; the result is valid until the next call.

    Raises RuntimeError where that is not possible.
    """
    if example.device.type != "cuda":
        raise RuntimeError("CUDA graphs need a GPU")
    given, stream = example.clone(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # memory and kernels are chosen before the capture
        for _ in range(3):
            draw(given)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        drawn = draw(given)

    def replay(w_plus: Tensor) -> Tensor:
        given.copy_(w_plus)
        graph.replay()
        return drawn

    return replay
