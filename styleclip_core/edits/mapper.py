"""Path B: a mapper's step, scaled by a slider."""

from __future__ import annotations

import torch
from torch import Tensor

from styleclip_core.networks.mapper import LevelsMapper

SHARE = 0.1  # of a mapper's output that StyleCLIP adds to the code
SEEN = "layers_seen"  # in a mapper's opts; published files have no such entry, and move all layers


def apply(mapper: LevelsMapper, w_plus: Tensor, strength: float = 1.0) -> Tensor:
    """Codes ``[N,L,512]`` moved by ``strength`` times what the mapper was trained for; 0 leaves them as they are.

    A mapper that learned from small pictures moves only the layers that those show; its ``opts`` say how many.
    """
    steps = mapper(w_plus)
    seen = mapper.opts.get(SEEN, steps.shape[1])
    return w_plus + SHARE * strength * torch.cat([steps[:, :seen], torch.zeros_like(steps[:, seen:])], 1)
