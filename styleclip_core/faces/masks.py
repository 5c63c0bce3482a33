"""Soft masks ``float32 [1,1,H,W]`` in [0,1]: grown, feathered, tidied. Px are those of the 1024-px square."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from styleclip_core.faces.align import ALIGNED_SIZE

OUTLINE = 8  # px; how far the soft outline of a parsed patch reaches beyond its solid part


def grow(mask: Tensor, px: float) -> Tensor:
    """Move the outline of a mask ``[1,1,H,W]`` outwards by ``px`` of 1024 pixels, inwards if negative. Same shape."""
    if px < 0:
        return 1 - grow(1 - mask, -px)
    r = round(px * mask.shape[-1] / ALIGNED_SIZE)
    diamond = round(0.586 * r)  # dilating by a square and then by a diamond is dilating by an octagon: nearly a circle
    picture = cv2.dilate(_array(mask), np.ones((3, 3), np.uint8), iterations=r - diamond)
    picture = cv2.dilate(picture, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), iterations=diamond)
    return torch.from_numpy(picture)[None, None].to(mask)


def feather(mask: Tensor, px: float) -> Tensor:
    """Soften the outline of a mask ``[1,1,H,W]`` into a ramp that reaches ``px`` of 1024 pixels to both sides.

    Further away nothing changes. Same shape.
    """
    radius, picture = round(px * mask.shape[-1] / ALIGNED_SIZE), _array(mask)
    for r in (radius // 2, radius - radius // 2):
        picture = cv2.blur(picture, (2 * r + 1, 2 * r + 1), borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(picture)[None, None].to(mask).clamp(0, 1)


def tidy(mask: Tensor, speck: float = 0.03, hole: float = 800) -> Tensor:
    """A parsed mask without its parser's small mistakes.

    Args:
        speck: patches below this share of the largest one's area are left out.
        hole: px squared; smaller holes are closed.
    """
    solid = patches(mask, speck)
    labels, areas = _components(1 - solid, 4)
    small = np.take(areas < hole * solid.size / ALIGNED_SIZE**2, labels) & (solid == 0)
    holes = torch.from_numpy(cv2.dilate(small.astype(np.uint8), np.ones((3, 3), np.uint8)))
    return torch.maximum(mask * near(mask, solid), holes[None, None].to(mask))


def patches(mask: Tensor, share: float) -> np.ndarray:
    """The connected patches of a mask that have at least that share of the largest one's area: ``uint8 [H,W]``."""
    labels, areas = _components((_array(mask) > 0.5).astype(np.uint8), 8)
    return np.take((areas > 0) & (areas >= share * areas.max()), labels).astype(np.uint8)


def near(mask: Tensor, solid: np.ndarray) -> Tensor:
    """1 on the solid pixels, ``[H,W]``, and on the outline around them, else 0: like ``mask``."""
    radius = max(1, round(OUTLINE * solid.shape[1] / ALIGNED_SIZE))
    kept = cv2.dilate(solid, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    return torch.from_numpy(kept)[None, None].to(mask)


def _array(mask: Tensor) -> np.ndarray:
    return mask[0, 0].detach().float().cpu().numpy()


def _components(solid: np.ndarray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of the connected patch that each pixel ``[H,W]`` is in, 0 outside; each one's area, 0 for outside."""
    count, labels = cv2.connectedComponents(solid, connectivity=connectivity)
    areas = np.bincount(np.ravel(labels), minlength=count)
    areas[0] = 0
    return np.asarray(labels), areas
