"""How a generator confines an edit to a mask while it synthesises (local edits)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Blend:
    """Mix the features of an original picture into those of the edited one outside a mask, at chosen resolutions.

    Attributes:
        styles: style vectors ``list of [N,C_i]`` of the original, which shows where the mask is 0.
        mask: ``float32 [N or 1,1,H,W]`` in [0,1], 1 where the edit shows; resized to each resolution.
        resolutions: synthesis resolutions at which features are mixed; None mixes at all of them.
        cache: what the synthesis of the original gave, by step, so that it runs once for many edits.
    """

    styles: list[Tensor]
    mask: Tensor
    resolutions: tuple[int, ...] | None = None
    cache: dict[Hashable, Tensor] = field(default_factory=dict)

    def recall(self, step: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """The outcome of one step of the original's synthesis, computed at the first call, without gradients."""
        if step not in self.cache:
            with torch.no_grad():
                self.cache[step] = compute()
        return self.cache[step]

    def mix(self, edited: Tensor, original: Tensor) -> Tensor:
        """``m * edited + (1 - m) * original`` for features or images ``[N,C,R,R]``, if R is a chosen resolution."""
        size = edited.shape[-1]
        if self.resolutions is not None and size not in self.resolutions:
            return edited
        return torch.lerp(original, edited, resized_mask(self.mask, size, edited.dtype))


def resized_mask(mask: Tensor, size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A mask ``[N,1,H,W]`` averaged down, or interpolated up, to ``[N,1,size,size]``."""
    mask = mask.to(dtype)
    if size <= mask.shape[-1]:
        return F.adaptive_avg_pool2d(mask, size)
    return F.interpolate(mask, size=(size, size), mode="bilinear", align_corners=False)
