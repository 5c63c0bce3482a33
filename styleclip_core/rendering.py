"""Rendering codes as fast as the device can: full pictures, and small ones while a slider is dragged."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.devices import is_out_of_memory
from styleclip_core.errors import BadSetting
from styleclip_core.networks.blend import Blend
from styleclip_core.packs.base import Generator, Latent

SPEEDUPS = ("auto", "eager", "compile", "graph")
FADE_SCALE = 0.25  # mean change of colours, in [-1,1], at which the correction has faded to 1/e


class Renderer:
    """Codes ``[1,L,512]`` or style vectors -> pictures ``[1,3,R,R]`` at full size, without gradients.

    Args:
        generator: of the pack.
        speedup: "eager" as it is, which "auto" takes; "compile" by torch.compile, which takes a minute the first time;
            "graph" by replaying one CUDA graph, which needs a GPU. Style vectors are always drawn as it is.

    What fails at its first use is not tried again: drawing goes on as it is, and ``note`` says why.
    """

    def __init__(self, generator: Generator, speedup: str = "eager"):
        if speedup not in SPEEDUPS:
            raise BadSetting(f"There is no speedup {speedup!r}; choose one of {', '.join(SPEEDUPS)}.")
        self.generator, self.note = generator, ""
        self.speedup = "eager" if speedup == "auto" else speedup
        self._fast: Callable[[Tensor], Tensor] | None = None

    @torch.no_grad()
    def __call__(self, latent: Latent) -> Tensor:
        if self.speedup != "eager" and not isinstance(latent, list):
            try:
                if self._fast is None:
                    make = {"compile": compiled, "graph": graphed}[self.speedup]
                    self._fast = make(self.generator.synthesize, latent)
                return self._fast(latent)
            except Exception as error:  # compilers raise of everything
                self._give_up(error)
        return self.generator.synthesize(latent)

    def _give_up(self, error: Exception) -> None:
        if is_out_of_memory(error):
            raise error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.note = f"The speedup {self.speedup!r} does not work here ({reason})."
        self.speedup, self._fast = "eager", None


class Preview:
    """Small pictures of faces like one face, as their full pictures would be, averaged down. Differentiable.

    A generator that stops early is a little off in colour and detail. Here one full picture of the face corrects that:
    the layer that reads the colours is fitted to it, and what is still missing is added wherever a picture is still
    like the face's.

    Args:
        generator: of the pack.
        w_plus: ``[1,L,512]``, the face's code.
        resolution: px of the pictures; sizes at which the generator does not stop early need no correction.
        full: the face's full picture ``[1,3,R,R]``, if it is there already.
        quick: read features of half the size, in half the time: details are softer.
    """

    def __init__(
        self, generator: Generator, w_plus: Tensor, resolution: int, full: Tensor | None = None, quick: bool = False
    ):
        self.generator, self.resolution = generator, resolution
        self.read: nn.Module | None = None
        self.size = generator.exit_resolution(resolution // 2 if quick else resolution)
        self.known: tuple[Tensor, Tensor] | None = None  # the face as it is read, and what that lacks
        if resolution > max(generator.preview_resolutions, default=0):
            return
        with torch.no_grad():
            picture = F.adaptive_avg_pool2d(generator.synthesize(w_plus) if full is None else full, resolution)
            self.read = generator.fitted_head(generator.styles(w_plus), picture, self.size)
            read = self(w_plus)
            self.known = read, picture - read

    def of_another(self, generator: Generator) -> Preview:
        """The same for another face like this one, a moment later in a film, and its generator: what is read is read
        as here, and what this face lacked is not added."""
        other = copy.copy(self)
        other.generator, other.known = generator, None
        return other

    def __call__(self, latent: Latent, blend: Blend | None = None) -> Tensor:
        """Pictures ``[N,3,resolution,resolution]`` of ``w_plus [N,L,512]`` or of style vectors; see `Blend`."""
        picture = self._read(latent, blend)
        if self.known is None:
            return picture
        face, missing = self.known
        with torch.no_grad():
            changed = F.avg_pool2d((picture - face).abs().mean(1, keepdim=True), 5, 1, 2)
        return picture + missing * torch.exp(-(changed / FADE_SCALE).square())

    def _read(self, latent: Latent, blend: Blend | None) -> Tensor:
        if self.read is None:
            return self.generator.synthesize(latent, self.resolution, blend)
        styles = latent if isinstance(latent, list) else self.generator.styles(latent)
        return F.adaptive_avg_pool2d(self.read(self.generator.features(styles, self.size, blend)), self.resolution)


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
