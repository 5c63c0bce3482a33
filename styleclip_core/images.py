"""Pictures as tensors and back."""

from __future__ import annotations

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


def to_preview(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` in [-1,1] -> a small RGB picture for `Progress`."""
    return to_image(tensor).resize((PREVIEW_SIZE, PREVIEW_SIZE))
