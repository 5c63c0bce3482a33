"""Path B: a mapper's step, scaled by a slider."""

from __future__ import annotations

import torch
from torch import Tensor

from styleclip_core.networks.mapper import LevelsMapper

SHARE = 0.1  # of a mapper's output that StyleCLIP adds to the code
# Entry of a mapper's opts: how many layers of W+ it moves, from the first (`Generator.visible_layers` of the pictures
# that it was trained on). Published files lack it and move all layers.
VISIBLE_LAYERS = "layers_seen"


def apply(mapper: LevelsMapper, w_plus: Tensor, strength: float = 1.0) -> Tensor:
    """Codes ``[N,L,512]`` moved by ``strength`` times what the mapper was trained for; 0 leaves them as they are."""
    steps = mapper(w_plus)
    visible = mapper.opts.get(VISIBLE_LAYERS, steps.shape[1])
    hidden = torch.zeros_like(steps[:, visible:])
    return w_plus + SHARE * strength * torch.cat([steps[:, :visible], hidden], 1)
