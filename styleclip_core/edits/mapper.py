"""Path B: a mapper's step, scaled by a slider."""

from __future__ import annotations

from torch import Tensor

from styleclip_core.networks.mapper import LevelsMapper

SHARE = 0.1  # of a mapper's output that StyleCLIP adds to the code


def apply(mapper: LevelsMapper, w_plus: Tensor, strength: float = 1.0) -> Tensor:
    """Codes ``[N,L,512]`` moved by ``strength`` times what the mapper was trained for; 0 leaves them as they are."""
    return w_plus + SHARE * strength * mapper(w_plus)
