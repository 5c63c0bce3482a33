"""e4e: Tov et al., "Designing an Encoder for StyleGAN Image Manipulation", 2021. A picture -> its W+ code.

Attribute names follow the published weights, so that they load strictly.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.ir_se50 import IRSE50

MEDIUM, FINE = 3, 7  # the first layer whose style is read from the middle and from the fine feature map


class ScaledLinear(nn.Module):
    """A linear layer whose weights are scaled by 1/sqrt(inputs), as StyleGAN2's are."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(outputs, inputs)), nn.Parameter(torch.zeros(outputs))

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

    def __init__(self, num_layers: int = 18):
        super().__init__()
        self.num_layers = num_layers
        self.input_size = (192, 256) if num_layers == 16 else (256, 256)
        sizes = [16] * MEDIUM + [32] * (FINE - MEDIUM) + [64] * (num_layers - FINE)
        self.styles = nn.ModuleList(StyleHead(size) for size in sizes)
        self.latlayer1, self.latlayer2 = nn.Conv2d(256, 512, 1), nn.Conv2d(128, 512, 1)
        self.register_buffer("latent_avg", torch.zeros(num_layers, 512), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Pictures ``[N,3,256,256]`` or ``[N,3,192,256]`` in [-1,1] -> raw codes ``[N,L,512]``; differentiable."""
        _, fine, medium, coarse = self.stages(images)
        medium = _enlarge(coarse, medium) + self.latlayer1(medium)
        fine = _enlarge(medium, fine) + self.latlayer2(fine)
        maps = [coarse] * MEDIUM + [medium] * (FINE - MEDIUM) + [fine] * (self.num_layers - FINE)
        base, *offsets = (head(x) for head, x in zip(self.styles, maps, strict=True))
        return torch.stack([base, *(base + offset for offset in offsets)], 1)


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)
