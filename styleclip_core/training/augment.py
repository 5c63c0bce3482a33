"""Batched augmentation of aligned faces: what separates photos from renders."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core.views import Uniform, affine_views, uniform_numbers


def augment(images: Tensor, flipped: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Mirror where told, and change framing, colour, light, sharpness and noise; captions stay true.

    Args:
        images: ``[N,3,H,W]`` in [-1,1].
        flipped: ``bool [N]``, which to mirror.
        size: of the result in px.
    Returns:
        ``[N,3,size,size]`` in [-1.2,1.2].
    """
    uniform = uniform_numbers(len(images), generator)
    angle, zoom, shift = uniform(-0.14, 0.14), uniform(0.88, 1.1), uniform(-0.08, 0.08, 2)
    x = affine_views(images, angle, zoom, shift, size, torch.where(flipped, -1.0, 1.0))
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.85, 1.15, 1, 1, 1)
    x = x * uniform(0.85, 1.15, 1, 1, 1) + uniform(-0.12, 0.12, 1, 1, 1) + uniform(-0.04, 0.04, 3, 1, 1)
    return _blurred_and_noisy(x, 2, uniform, generator).clamp(-1.2, 1.2)


def photo_like(images: Tensor, size: int, generator: torch.Generator, clean: float = 0) -> Tensor:
    """Spoil faces as photos are: JPEG, slight misalignment, exposure, white balance, blur, noise.

    Args:
        images: ``uint8 [N,3,S,S]``.
        size: of the result in px.
        clean: share of faces that get no JPEG, blur or noise, as a large photo has none once it is made small.
    Returns:
        ``[N,3,size,size]`` in [-1,1].
    """
    uniform = uniform_numbers(len(images), generator)
    qualities = uniform(30, 150).int().tolist()  # from 90 on the face stays as it is
    clear = torch.rand(len(images), 1, 1, 1, generator=generator) < clean
    qualities = [100 if kept else quality for kept, quality in zip(clear.flatten(), qualities, strict=True)]
    x = torch.stack([_jpeg(image, q) if q < 90 else image for image, q in zip(images, qualities, strict=True)])
    angle, zoom, shift = uniform(-0.03, 0.03), uniform(0.97, 1.03), uniform(-0.02, 0.02, 2)
    x = affine_views(x.float() / 127.5 - 1, angle, zoom, shift, size)
    x = x * uniform(0.9, 1.1, 1, 1, 1) + uniform(-0.08, 0.08, 1, 1, 1) + uniform(-0.03, 0.03, 3, 1, 1)
    return torch.where(clear, x, _blurred_and_noisy(x, 3, uniform, generator)).clamp(-1, 1)


def _blurred_and_noisy(x: Tensor, factor: int, uniform: Uniform, generator: torch.Generator) -> Tensor:
    """A third of the pictures averaged down by ``factor`` and up again, to a share; two fifths with noise."""
    coarse = F.interpolate(F.avg_pool2d(x, factor), size=x.shape[-2:], mode="bilinear", align_corners=False)
    x = torch.lerp(x, coarse, (uniform(0, 1, 1, 1, 1) < 0.35).float() * uniform(0.3, 1, 1, 1, 1))
    strength = uniform(0, 0.08, 1, 1, 1) * (uniform(0, 1, 1, 1, 1) < 0.4)
    return x + strength * torch.randn(x.shape, generator=generator)


def _jpeg(image: Tensor, quality: int) -> Tensor:
    """A picture ``uint8 [3,S,S]`` as it is after JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as decoded:
        return torch.from_numpy(np.array(decoded)).permute(2, 0, 1)
