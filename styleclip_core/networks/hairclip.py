"""HairCLIP's mapper (Wei et al. 2022): from a W+ code and CLIP's view of a hairstyle and a hair colour, a step in W+.

Attribute names follow the published weights, so that they load strictly.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.mapper import LEVELS, Mapper, NormOverLayers

WIDTH = 512  # of codes, and of CLIP's embeddings
MODULES = 5  # of each level
STYLE_LEVELS = ("course", "medium")  # the hairstyle is their condition; the colour is that of "fine"


def _condition_network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm([WIDTH]), nn.LeakyReLU(), nn.Linear(WIDTH, WIDTH))


class Modulation(nn.Module):
    """A linear layer and a norm over layers and features, scaled and shifted by a condition if there is one."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(WIDTH, WIDTH)
        self.gamma_function, self.beta_function = _condition_network(), _condition_network()

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """``x [N,layers,512]``, ``condition [N,512]`` or ``[1,512]`` -> ``[N,layers,512]``."""
        x = self.fc(x)
        x = F.layer_norm(x, x.shape[1:])
        if condition is None:
            return x
        gamma, beta = self.gamma_function(condition)[:, None], self.beta_function(condition)[:, None]
        return F.leaky_relu(x * (1 + gamma) + beta)


class HairLevel(nn.Module):
    """The modules of one level of W+."""

    def __init__(self):
        super().__init__()
        self.norm = NormOverLayers()
        self.modulation_module_list = nn.ModuleList(Modulation() for _ in range(MODULES))

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        x = self.norm(x)
        for module in self.modulation_module_list:
            x = module(x, condition)
        return x


class HairMapper(Mapper):
    """HairCLIP's mapper: the hairstyle conditions coarse and medium layers, the colour the fine ones."""

    def __init__(self, opts: dict[str, Any] | None = None):
        super().__init__(opts)
        for level in LEVELS:
            setattr(self, f"{level}_mapping", HairLevel())

    def forward(self, w_plus: Tensor, style: Tensor | None = None, color: Tensor | None = None) -> Tensor:
        """W+ codes ``[N,L,512]`` -> steps ``[N,L,512]``; HairCLIP's edit is ``w_plus + 0.1 * step``.

        Args:
            style, color: CLIP's embeddings ``[N,512]`` or ``[1,512]`` of what is asked for, not normalised; None where
                nothing is. A level that nothing is asked of moves all the same, as in the original.
        """
        conditions = {level: style if level in STYLE_LEVELS else color for level in LEVELS}
        steps = [
            getattr(self, f"{level}_mapping")(w_plus[:, layers], conditions[level]) for level, layers in LEVELS.items()
        ]
        return torch.cat(steps, 1)
