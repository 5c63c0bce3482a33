"""StyleCLIP's latent mapper (Patashnik et al. 2021, section 5): from a W+ code, a step towards one concept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
        self.weight = nn.Parameter(torch.randn(width, width) / LR_MUL)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = LR_MUL * self.weight.shape[1] ** -0.5
        return F.leaky_relu(F.linear(x, self.weight * scale, self.bias * LR_MUL), 0.2) * 2**0.5


class LevelMapper(nn.Module):
    """Codes of one level ``[N,layers,512]`` -> steps of the same shape."""

    def __init__(self):
        super().__init__()
        self.mapping = nn.Sequential(NormOverLayers(), *(SlowLinear(512) for _ in range(4)))

    def forward(self, x: Tensor) -> Tensor:
        return self.mapping(x)


class LevelsMapper(nn.Module):
    """One mapper for each of the coarse, medium and fine layers; a level that is left out is not moved.

    Attributes:
        levels: those present, of "course" (as the published files spell it), "medium", "fine".
        opts: the settings it was trained with.
    """

    def __init__(self, levels: Iterable[str] = tuple(LEVELS), opts: dict[str, Any] | None = None):
        super().__init__()
        self.levels, self.opts = tuple(level for level in LEVELS if level in set(levels)), opts or {}
        for level in self.levels:
            setattr(self, f"{level}_mapping", LevelMapper())

    def forward(self, w_plus: Tensor) -> Tensor:
        """W+ codes ``[N,L,512]`` -> steps ``[N,L,512]``; StyleCLIP's edit is ``w_plus + 0.1 * mapper(w_plus)``."""
        steps = []
        for level, layers in LEVELS.items():
            x = w_plus[:, layers]
            steps.append(getattr(self, f"{level}_mapping")(x) if level in self.levels else torch.zeros_like(x))
        return torch.cat(steps, 1)
