"""Initial weights of networks."""

from __future__ import annotations

import torch
from torch import Tensor


def normal(*shape: int, deviation: float = 1.0) -> Tensor:
    """Normally distributed numbers; on the device "meta" none, where any arithmetic imports a compiler, for seconds."""
    empty = torch.empty(*shape)
    return empty if empty.is_meta else torch.randn(*shape) * deviation
