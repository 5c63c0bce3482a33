"""StyleCLIP's latent mappers (Patashnik et al. 2021, section 5): from a face's code, a step towards one concept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.initial import normal

# The layers of W+ that each level moves: the one place that knows. "course" is spelt as in the published files.
LEVELS = {"course": slice(0, 4), "medium": slice(4, 8), "fine": slice(8, None)}
LR_MUL = 0.01  # weights and biases are stored 100 times larger than they act, which slows their learning


def level_sizes(num_layers: int) -> list[int]:
    """How many of W+'s ``num_layers`` layers belong to each level."""
    return [len(range(num_layers)[layers]) for layers in LEVELS.values()]


class NormOverLayers(nn.Module):
    """Divides by the root mean square over dim 1.

    StyleGAN's mapping network does this to z ``[N,512]``, over the features. StyleCLIP applies the same operation to
    ``[N,L,512]``, where dim 1 holds the layers; the published weights were trained so.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class SlowLinear(nn.Module):
    """A linear layer with equalised learning rate, and leaky ReLU that keeps the variance."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(normal(width, width, deviation=1 / LR_MUL))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = LR_MUL * self.weight.shape[1] ** -0.5
        return F.leaky_relu(F.linear(x, self.weight * scale, self.bias * LR_MUL), 0.2) * 2**0.5


class LevelMapper(nn.Module):
    """Codes of one level ``[N,layers,512]``, or style vectors ``[N,width]`` -> steps of the same shape."""

    def __init__(self, width: int = 512):
        super().__init__()
        self.mapping = nn.Sequential(NormOverLayers(), *(SlowLinear(width) for _ in range(4)))

    def forward(self, x: Tensor) -> Tensor:
        return self.mapping(x)


class Mapper(nn.Module):
    """Base of all mappers.

    Attributes:
        opts: the settings it was trained with.
    """

    opts: dict[str, Any]

    def __init__(self, opts: dict[str, Any] | None = None):
        super().__init__()
        self.opts = opts or {}


class LevelsMapper(Mapper):
    """One mapper for each of the coarse, medium and fine layers; a level that is left out is not moved.

    Attributes:
        levels: those present, of "course" (as the published files spell it), "medium", "fine".
    """

    def __init__(self, levels: Iterable[str] = tuple(LEVELS), opts: dict[str, Any] | None = None):
        super().__init__(opts)
        self.levels = tuple(level for level in LEVELS if level in set(levels))
        for level in self.levels:
            setattr(self, f"{level}_mapping", LevelMapper())

    def forward(self, w_plus: Tensor) -> Tensor:
        """W+ codes ``[N,L,512]`` -> steps ``[N,L,512]``; StyleCLIP's edit is ``w_plus + 0.1 * mapper(w_plus)``."""
        steps = []
        for level, layers in LEVELS.items():
            x = w_plus[:, layers]
            steps.append(getattr(self, f"{level}_mapping")(x) if level in self.levels else torch.zeros_like(x))
        return torch.cat(steps, 1)


class SingleMapper(Mapper):
    """One mapper for all layers."""

    def __init__(self, opts: dict[str, Any] | None = None):
        super().__init__(opts)
        self.mapping = LevelMapper()

    def forward(self, w_plus: Tensor) -> Tensor:
        """W+ codes ``[N,L,512]`` -> steps ``[N,L,512]``; the edit is ``w_plus + 0.1 * mapper(w_plus)``."""
        return self.mapping(w_plus)


class StyleSpaceMapper(Mapper):
    """One mapper for each style vector, as StyleCLIP's FullStyleSpaceMapper; WithoutToRGB has none for the RGB layers.

    Attributes:
        widths: number of the style vector, in synthesis order -> its channels, of those that are moved.
    """

    def __init__(self, widths: Mapping[int, int], opts: dict[str, Any] | None = None):
        super().__init__(opts)
        self.widths = dict(widths)
        for number, width in widths.items():
            setattr(self, f"mapper_{number}", LevelMapper(width))

    def fits(self, style_sizes: tuple[int, ...], rgb_styles: tuple[bool, ...]) -> bool:
        """Whether it is for a generator with these style vectors: it moves all of them, or all but the RGB layers'."""
        sizes = dict(enumerate(style_sizes))
        return self.widths in (sizes, {i: size for i, size in sizes.items() if not rgb_styles[i]})

    def forward(self, styles: list[Tensor]) -> list[Tensor]:
        """Style vectors, each ``[N,C_i]`` -> steps of the same shapes; the edit is ``s + 0.1 * step``."""
        return [
            getattr(self, f"mapper_{i}")(style) if i in self.widths else torch.zeros_like(style)
            for i, style in enumerate(styles)
        ]
