"""e4e: Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021. A picture -> its W+ code.

Attribute names follow the published weights, so that they load strictly.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.initial import normal
from styleclip_core.networks.ir_se50 import IRSE50

T = TypeVar("T")

FIRST_MEDIUM_LAYER, FIRST_FINE_LAYER = 3, 7  # W+ layers before these are read from coarser feature maps


class ScaledLinear(nn.Module):
    """A linear layer whose weights are scaled by 1/sqrt(inputs), as StyleGAN2's are."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(normal(outputs, inputs)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.weight.shape[1] ** -0.5, self.bias)


class StyleHead(nn.Module):
    """Feature maps ``[N,512,size,size]`` (or a little less high) -> vectors ``[N,512]``, by strided convolutions."""

    def __init__(self, size: int):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(int(math.log2(size))):
            layers += [nn.Conv2d(512, 512, 3, 2, 1), nn.LeakyReLU()]
        self.convs, self.linear = nn.Sequential(*layers), ScaledLinear(512, 512)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs(x).flatten(1))


class E4E(IRSE50):
    """Pictures -> W+ codes relative to the mean: ``w_plus = encoder(images) + encoder.latent_avg``.

    Attributes:
        num_layers: L, 18 for 1024 px, 16 for 512, 14 for 256.
        input_size: (height, width) of the pictures it was trained on: 256 x 256, cars (L = 16) 192 x 256.
        latent_avg: ``[L,512]``, zero until a loader sets it.
    """

    latent_avg: Tensor

    def __init__(self, num_layers: int = 18):
        super().__init__()
        self.num_layers = num_layers
        self.input_size = (192, 256) if num_layers == 16 else (256, 256)
        sizes = _by_layer(num_layers, 16, 32, 64)
        self.styles = nn.ModuleList(StyleHead(size) for size in sizes)
        self.latlayer1, self.latlayer2 = nn.Conv2d(256, 512, 1), nn.Conv2d(128, 512, 1)
        self.register_buffer("latent_avg", torch.zeros(num_layers, 512), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures ``[N,3,256,256]`` or ``[N,3,192,256]`` in [-1,1] -> raw codes ``[N,L,512]``; differentiable."""
        _, fine, medium, coarse = self.stages(images)
        medium = _enlarge(coarse, medium) + self.latlayer1(medium)
        fine = _enlarge(medium, fine) + self.latlayer2(fine)
        maps = _by_layer(self.num_layers, coarse, medium, fine)
        base, *offsets = (head(x) for head, x in zip(self.styles, maps, strict=True))
        return torch.stack([base, *(base + offset for offset in offsets)], 1)


def _by_layer(num_layers: int, coarse: T, medium: T, fine: T) -> list[T]:
    """What each W+ layer is read from, by layer."""
    counts = FIRST_MEDIUM_LAYER, FIRST_FINE_LAYER - FIRST_MEDIUM_LAYER, num_layers - FIRST_FINE_LAYER
    return [coarse] * counts[0] + [medium] * counts[1] + [fine] * counts[2]


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)
