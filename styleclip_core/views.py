"""Pictures seen a little differently: turned, zoomed, moved, recoloured. For objectives and for training."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Uniform = Callable[..., Tensor]  # (low, high, *shape) -> [N,*shape]


def uniform_numbers(count: int, generator: torch.Generator, device: torch.device | str = "cpu") -> Uniform:
    """A function that draws ``[count,*shape]`` uniform numbers from low to high."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * (high - low) + low).to(device)

    return uniform


def affine_views(
    images: Tensor, angle: Tensor, zoom: Tensor, shift: Tensor, size: int | None = None, mirror: Tensor | None = None
) -> Tensor:
    """Turned, zoomed and moved pictures; what lies outside is mirrored in. Differentiable.

    Args:
        images: ``[N,3,H,W]``.
        angle: radians ``[N]``. zoom: ``[N]``, below 1 enlarges. shift: ``[N,2]``, right and down, 1 is half the side.
        size: of the result in px; None is that of the images.
        mirror: ``[N]``, -1 where the picture is mirrored, else 1.
    Returns:
        ``[N,3,size,size]``.
    """
    n, height, width = len(images), *images.shape[2:]
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    flip = torch.ones_like(angle) if mirror is None else mirror
    theta = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, [n, 3, size or height, size or width], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def jittered(image: Tensor, count: int, seed: int) -> Tensor:
    """The picture ``[1,3,R,R]`` itself and ``count`` copies, slightly moved, turned, zoomed and recoloured."""
    if count == 0:
        return image
    generator = torch.Generator().manual_seed(seed)
    uniform = uniform_numbers(count, generator, image.device)
    angle, zoom = uniform(-0.12, 0.12), uniform(0.85, 1.08)
    copies = affine_views(image.expand(count, -1, -1, -1), angle, zoom, uniform(-0.06, 0.06, 2))
    copies = copies * uniform(0.88, 1.12, 1, 1, 1) + uniform(-0.1, 0.1, 1, 1, 1) + uniform(-0.04, 0.04, 3, 1, 1)
    noise = torch.randn(copies.shape, generator=generator).to(image.device)
    return torch.cat([image, copies + 0.03 * noise])
