"""Pictures as tensors and back."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.progress import PREVIEW_SIZE


def to_tensor(image: Image.Image, device: torch.device | str = "cpu") -> Tensor:
    """RGB picture -> ``float32 [1,3,H,W]`` in [-1,1]."""
    array = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(array).permute(2, 0, 1)[None].to(device)


def to_image(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` or ``[3,H,W]`` in [-1,1] -> RGB picture, values outside clipped."""
    array = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu()
    return Image.fromarray(((array.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy())


def largest_channel(pixels: np.ndarray) -> np.ndarray:
    """Largest of each pixel's channels, ``[H,W,3]`` -> ``[H,W]``; numpy's maximum over a last axis is far slower."""
    return np.maximum.reduce(cv2.split(pixels))


def to_preview(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` in [-1,1] -> a small RGB picture for `Progress`."""
    return to_image(tensor).resize((PREVIEW_SIZE, PREVIEW_SIZE))


# CIE 1931 XYZ of sRGB's primaries, each row divided by that of its white (D65).
_XYZ = ((0.433953, 0.376219, 0.189828), (0.212671, 0.715160, 0.072169), (0.017758, 0.109477, 0.872766))


def rgb_to_lab(images: Tensor) -> Tensor:
    """sRGB ``[N,3,H,W]`` in [-1,1] -> CIE Lab ``[N,3,H,W]``, L from 0 to 100; differentiable."""
    rgb = ((images + 1) / 2).clamp(1e-4, 1)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    x, y, z = torch.einsum("ij,njhw->inhw", torch.tensor(_XYZ, device=images.device), linear)

    def f(t: Tensor) -> Tensor:
        return torch.where(t > 0.008856, t.clamp(min=1e-5) ** (1 / 3), 7.787 * t + 16 / 116)

    return torch.stack([116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))], 1)
