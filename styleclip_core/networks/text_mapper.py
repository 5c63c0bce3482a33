"""A mapper for any prompt: from a face's code and a text's embedding, a step towards what the text says."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Layers where the coarse, medium and fine ones end. The pictures of 128 px that it learns from show no more than 11,
# and what they do not show must not move.
BANDS = (4, 8, 11)


class TextMapper(nn.Module):
    """Four layers of 512 units, in whitened coordinates (see `latents.WSpace`).

    Args:
        components: K of the whitened codes.
        width: D of the text embeddings.
    """

    def __init__(self, components: int = 256, width: int = 256, hidden: int = 512):
        super().__init__()
        self.components = components
        sizes = (components + width, hidden, hidden, hidden)
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False))
        self.out = nn.Linear(hidden, 3 * components)

    def forward(self, codes: Tensor, texts: Tensor) -> Tensor:
        """Whitened codes ``[N,L,K]`` and unit embeddings ``[N or 1,D]`` -> whitened steps ``[N,L,K]`` at strength 1."""
        texts = texts.expand(len(codes), -1) * texts.shape[-1] ** 0.5  # of unit variance, as codes are
        x = torch.cat([codes.mean(1), texts], 1)
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), 0.2)
        coarse, medium, fine = self.out(x).unflatten(1, (3, self.components)).unbind(1)
        counts = BANDS[0], BANDS[1] - BANDS[0], BANDS[2] - BANDS[1], codes.shape[1] - BANDS[2]
        parts = zip((coarse, medium, fine, torch.zeros_like(fine)), counts, strict=True)
        return torch.cat([part[:, None].expand(-1, count, -1) for part, count in parts], 1)
