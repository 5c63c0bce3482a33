"""Losses of inversion and editing. Images are ``[N,3,H,W]`` in [-1,1]; every loss is a scalar tensor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def normalized_taps(network, images: Tensor) -> list[Tensor]:
    """Feature maps of a perceptual network with unit length at every pixel, as LPIPS compares them."""
    return [F.normalize(features, dim=1) for features in network.taps(images)]


def perceptual(taps: list[Tensor], target: list[Tensor], weight: Tensor | None = None) -> Tensor:
    """LPIPS-like distance: mean squared difference of unit features, summed over depths; 0 is identical.

    Args:
        taps, target: from `normalized_taps`.
        weight: ``[N,1,H,W]``, how much each place counts (mean 1), or None.
    """
    total = taps[0].new_zeros(())
    for a, b in zip(taps, target, strict=True):
        difference = (a - b).square().sum(1, keepdim=True)
        if weight is not None:
            difference = difference * _pooled(weight, difference)
        total = total + difference.mean()
    return total


def _pooled(weight: Tensor, like: Tensor) -> Tensor:
    """A weight map ``[N,1,H,W]`` averaged down to the size of ``like [N,C,h,w]``."""
    height, width = like.shape[-2:]
    return F.adaptive_avg_pool2d(weight, (height, width))


def pixels(
    images: Tensor, target: Tensor, weight: Tensor | None = None, scales: tuple[int, ...] = (1, 2, 4, 8)
) -> Tensor:
    """Mean absolute difference, averaged over several scales (1 is full size, 2 half, ...)."""
    total = images.new_zeros(())
    for scale in scales:
        difference = (F.avg_pool2d(images, scale) - F.avg_pool2d(target, scale)).abs()
        if weight is not None:
            difference = difference * _pooled(weight, difference)
        total = total + difference.mean() / len(scales)
    return total


def directional(embedding: Tensor, start: Tensor, direction: Tensor) -> Tensor:
    """1 - cosine between the move of embeddings ``[N,D]`` from ``start [1 or N,D]`` and a text direction ``[1,D]``."""
    return (1 - F.cosine_similarity(embedding - start, direction, dim=1, eps=1e-3)).mean()


def identity(embedding: Tensor, start: Tensor) -> Tensor:
    """1 - cosine of identity embeddings ``[N,D]`` and ``[N or 1,D]``."""
    return (1 - (embedding * start).sum(1)).mean()


def face_weight(size: int, device: torch.device | str = "cpu", outside: float = 0.25) -> Tensor:
    """Weight map ``[1,1,size,size]`` of mean 1: an ellipse over the aligned face counts most, the border least."""
    axis = torch.linspace(-1, 1, size, device=device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    inside = torch.sigmoid((1 - (x / 0.62).square() - ((y - 0.08) / 0.8).square()) * 4)
    weight = outside + (1 - outside) * inside
    return (weight / weight.mean())[None, None]
