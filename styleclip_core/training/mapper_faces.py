"""The random faces that mappers learn from, drawn once, with what the losses compare edits with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from styleclip_core.edits.objective import Unedited, encode_unedited
from styleclip_core.packs import Pack
from styleclip_core.rendering import Preview

STYLE_MIX = 0.3  # share of codes in which one layer range is another face's, as inverted photos' codes differ


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """Faces to learn from: their codes ``[M,L,512]``, a preview of each, and what the networks say of them unedited."""

    codes: Tensor
    previews: list[Preview]
    unedited: Unedited

    def draw(self, edited: Tensor, rows: list[int]) -> Tensor:
        """Pictures ``[N,3,R,R]`` of ``edited [N,L,512]``, the edits of faces ``rows``; differentiable."""
        return torch.cat([self.previews[row](code) for row, code in zip(rows, edited.split(1), strict=True)])


@torch.no_grad()
def random_codes(pack: Pack, count: int, generator: np.random.Generator) -> Tensor:
    """W+ codes ``[count,L,512]`` of random faces of varied truncation, some of them mixed."""
    z = torch.from_numpy(generator.standard_normal((2 * count, 512)).astype(np.float32)).to(pack.device)
    psi = torch.from_numpy(generator.uniform(0.5, 0.85, (2 * count, 1)).astype(np.float32)).to(pack.device)
    w = torch.lerp(pack.generator.w_avg, pack.generator.map(z), psi)
    layers = torch.arange(pack.generator.num_layers, device=pack.device)
    crossing = torch.from_numpy(generator.integers(2, 12, (count, 1))).to(pack.device)
    mixed = torch.from_numpy(generator.random((count, 1)) < STYLE_MIX).to(pack.device)
    other = (layers[None] >= crossing) & mixed
    return torch.where(other[..., None], w[count:, None], w[:count, None])


@torch.no_grad()
def draw_faces(pack: Pack, codes: Tensor, resolution: int) -> TrainingFaces:
    """Draw the faces of codes ``[M,L,512]``, one after another, and note what the networks say of them."""
    previews = [Preview(pack.generator, code, resolution) for code in codes.split(1)]
    seen = [encode_unedited(pack, preview(code)) for preview, code in zip(previews, codes.split(1), strict=True)]
    identities = [one.identities for one in seen if one.identities is not None]
    taps = [torch.cat(depth) for depth in zip(*(one.taps for one in seen), strict=True)]
    embeddings = torch.cat([one.embeddings for one in seen])
    return TrainingFaces(codes, previews, Unedited(embeddings, torch.cat(identities) if identities else None, taps))
