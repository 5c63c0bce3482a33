"""A mapper for any prompt: from a face's code and a text's embedding, a step towards what the text says."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.mapper import LEVELS, level_sizes

TRAINING_SIZE = 128  # px of the pictures that it is trained on: layers that those do not show must not be moved


class TextMapper(nn.Module):
    """Four layers of 512 units, in whitened coordinates (see `latents.WSpace`); one step for each level of layers.

    Args:
        components: K of the whitened codes.
        width: D of the text embeddings.
    """

    def __init__(self, components: int = 256, width: int = 256, hidden: int = 512):
        super().__init__()
        self.components = components
        sizes = (components + width, hidden, hidden, hidden)
        self.hidden = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:], strict=False))
        self.out = nn.Linear(hidden, len(LEVELS) * components)

    def forward(self, codes: Tensor, texts: Tensor) -> Tensor:
        """Whitened codes ``[N,L,K]`` and unit embeddings ``[N or 1,D]`` -> whitened steps ``[N,L,K]`` at strength 1.

        It is for the caller to leave out the layers that pictures of `TRAINING_SIZE` px do not show.
        """
        texts = texts.expand(len(codes), -1) * texts.shape[-1] ** 0.5  # of unit variance, as codes are
        x = torch.cat([codes.mean(1), texts], 1)
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), 0.2)
        steps = self.out(x).unflatten(1, (len(LEVELS), self.components))
        counts = torch.tensor(level_sizes(codes.shape[1]), device=codes.device)
        return steps.repeat_interleave(counts, 1, output_size=codes.shape[1])
