"""Path B: a mapper's step, scaled by a slider."""

from __future__ import annotations

import torch
from torch import Tensor

from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.networks.mapper import Mapper, StyleSpaceMapper
from styleclip_core.packs.base import Generator

SHARE = 0.1  # of a mapper's output that StyleCLIP adds to the code
# Entry of a mapper's opts: how many layers of W+ it moves, from the first (`Generator.visible_layers` of the pictures
# that it was trained on). Published files lack it and move all layers.
VISIBLE_LAYERS = "layers_seen"


def check(mapper: Mapper, generator: Generator) -> None:
    """Raise UnsupportedByPack if a mapper cannot move this generator's codes or style vectors as one slider."""
    if isinstance(mapper, HairMapper):
        raise UnsupportedByPack("HairCLIP's mapper is no single slider: use hairstyle:NAME and haircolor:NAME.")
    if isinstance(mapper, StyleSpaceMapper) and not mapper.fits(generator.style_sizes, generator.rgb_styles):
        raise UnsupportedByPack(
            f"This mapper moves {len(mapper.widths)} style vectors of another generator; a mapper of StyleSpace works "
            "with the generator that it was trained for only, mostly StyleGAN2 of 1024 px (the pack full)."
        )


def apply(mapper: Mapper, w_plus: Tensor, strength: float = 1.0) -> Tensor:
    """Codes ``[N,L,512]`` moved by ``strength`` times what the mapper was trained for; 0 leaves them as they are."""
    steps = mapper(w_plus)
    visible = mapper.opts.get(VISIBLE_LAYERS, steps.shape[1])
    hidden = torch.zeros_like(steps[:, visible:])
    return w_plus + SHARE * strength * torch.cat([steps[:, :visible], hidden], 1)


def style_moves(mapper: StyleSpaceMapper, styles: list[Tensor], strength: float = 1.0) -> list[Tensor]:
    """What a mapper of StyleSpace adds to style vectors, each ``[N,C_i]``, at a strength."""
    return [SHARE * strength * step for step in mapper(styles)]
