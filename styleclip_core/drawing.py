"""Drawing one picture after another as fast as the device can: what moving a slider needs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core import openvino_drawing
from styleclip_core.devices import is_out_of_memory
from styleclip_core.errors import BadSetting
from styleclip_core.networks.blend import Blend

SPEEDUPS = ("auto", "eager", "openvino", "compile", "graph")
UNLIKE = 0.25  # mean change of colours, in [-1,1], from which on a place is no longer like the face's
Latent = Tensor | list[Tensor]  # w_plus or style vectors


class Painter:
    """Codes ``[1,L,512]`` or style vectors -> pictures ``[1,3,R,R]`` at full size, without gradients.

    Args:
        generator: of the pack.
        speedup: "eager" as it is; "openvino" by OpenVINO, for the compact generator on CPUs; "compile" by
            torch.compile, which takes a minute the first time; "graph" by replaying one CUDA graph, which needs a GPU.
            "auto" is "openvino", made ready in the background, where that is possible, else "eager".

    What fails at its first use is not tried again: drawing goes on as it is, and ``note`` says why.
    """

    def __init__(self, generator: nn.Module, speedup: str = "eager"):
        if speedup not in SPEEDUPS:
            raise BadSetting(f"There is no speedup {speedup!r}; choose one of {', '.join(SPEEDUPS)}.")
        exportable = getattr(generator, "exportable", False) and generator.w_avg.device.type == "cpu"
        self.generator, self.note = generator, ""
        if speedup == "openvino" and not exportable:
            self.note = "OpenVINO draws with the compact generator on a CPU only."
        self.speedup = speedup
        if speedup in ("auto", "openvino"):
            self.speedup = "openvino" if exportable else "eager"
        self._fast: dict[int | None, Callable[[Latent], Tensor]] = {}
        self._background = threading.Thread(target=self._prepare, daemon=True)
        if speedup == "auto" and exportable:
            self._background.start()

    def __call__(self, latent: Latent) -> Tensor:
        return self._draw(latent, None)

    def features(self, styles: list[Tensor], resolution: int) -> Tensor:
        """The generator's features ``[1,C,R,R]``, which previews are read from."""
        return self._draw(styles, resolution)

    def wait(self) -> None:
        """Wait until what is made ready in the background is."""
        if self._background.is_alive():
            self._background.join()

    @torch.no_grad()
    def _draw(self, latent: Latent, features: int | None) -> Tensor:
        styles = latent if isinstance(latent, list) else self.generator.styles(latent)
        if self.speedup == "openvino":
            latent, suits = styles, not self._background.is_alive()
        else:
            suits = self.speedup != "eager" and latent is not styles
        if suits:
            try:
                if features not in self._fast:
                    self._fast[features] = self._make(latent, features)
                return self._fast[features](latent)
            except Exception as error:  # compilers raise of everything
                self._give_up(error)
        return self.generator.features(styles, features) if features else self.generator.synthesize(styles)

    def _make(self, latent: Latent, features: int | None) -> Callable[[Latent], Tensor]:
        if self.speedup == "openvino":
            return openvino_drawing.drawer(self.generator, features)
        return {"compile": compiled, "graph": graphed}[self.speedup](self.generator.synthesize, latent)

    def _prepare(self) -> None:
        try:
            for features in (None, *self.generator.preview_resolutions[:1]):
                self._fast[features] = openvino_drawing.drawer(self.generator, features)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        if is_out_of_memory(error):
            raise error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.note = f"The speedup {self.speedup!r} does not work here ({reason})."
        self.speedup, self._fast = "eager", {}


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
        painter: draws the features, without gradients, if given.
        quick: read features of half the size, in half the time: details are softer.
    """

    def __init__(
        self, generator: nn.Module, w_plus: Tensor, resolution: int, full: Tensor | None = None,
        painter: Painter | None = None, quick: bool = False,
    ):  # fmt: skip
        self.generator, self.resolution, self.painter = generator, resolution, painter
        self.read: nn.Module | None = None
        self.size = generator.exit(resolution // 2 if quick else resolution)
        self.known: tuple[Tensor, Tensor] | None = None  # the face as it is read, and what that lacks
        if resolution > max(generator.preview_resolutions, default=0):
            return
        with torch.no_grad():
            picture = F.adaptive_avg_pool2d(generator.synthesize(w_plus) if full is None else full, resolution)
            if hasattr(generator, "fitted_head"):
                self.read = generator.fitted_head(generator.styles(w_plus), picture, self.size)
            read = self(w_plus)
            self.known = read, picture - read

    def __call__(self, latent: Latent, blend: Blend | None = None) -> Tensor:
        """Pictures ``[N,3,resolution,resolution]`` of ``w_plus [N,L,512]`` or of style vectors; see `Blend`."""
        picture = self._read(latent, blend)
        if self.known is None:
            return picture
        face, missing = self.known
        with torch.no_grad():
            changed = F.avg_pool2d((picture - face).abs().mean(1, keepdim=True), 5, 1, 2)
        return picture + missing * torch.exp(-(changed / UNLIKE).square())

    def _read(self, latent: Latent, blend: Blend | None) -> Tensor:
        if self.read is None:
            return self.generator.synthesize(latent, self.resolution, blend)
        styles = latent if isinstance(latent, list) else self.generator.styles(latent)
        if self.painter is None or blend is not None:
            picture = self.read(self.generator.features(styles, self.size, blend))
        else:
            picture = self.read(self.painter.features(styles, self.size))
        return F.adaptive_avg_pool2d(picture, self.resolution)


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
