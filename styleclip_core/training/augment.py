"""Batched augmentation of aligned faces: what separates photos from renders, without changing what captions say."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(images: Tensor, flipped: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Images ``[N,3,H,W]`` in [-1,1] -> ``[N,3,size,size]``: mirrored where told, small affine, light, blur, noise."""
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    angle, scale = uniform(-0.14, 0.14), uniform(0.88, 1.1)
    mirror = torch.where(flipped, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = uniform(-0.08, 0.08, 2)
    theta = torch.stack([cos * mirror, -sin, shift[:, 0], sin * mirror, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, (n, 3, size, size), align_corners=False)
    x = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.85, 1.15, 1, 1, 1)
    x = x * uniform(0.85, 1.15, 1, 1, 1) + uniform(-0.12, 0.12, 1, 1, 1) + uniform(-0.04, 0.04, 3, 1, 1)

    coarse = F.interpolate(F.avg_pool2d(x, 2), size=(size, size), mode="bilinear", align_corners=False)
    x = torch.lerp(x, coarse, (uniform(0, 1, 1, 1, 1) < 0.35).float() * uniform(0.3, 1, 1, 1, 1))
    strength = uniform(0, 0.08, 1, 1, 1) * (uniform(0, 1, 1, 1, 1) < 0.4)
    return (x + strength * torch.randn(x.shape, generator=generator)).clamp(-1.2, 1.2)
