"""A generator adapted to one photo: what no code of it can say is an offset on its features, or in its weights."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)

SIZE = 16  # px of the features: at 32 edits leave the old shape visible, at 8 details are lost
UNLIKE = 0.7  # change of the features, relative to their size, from which on the offset no longer fits them


class Detail(nn.Module):
    """Adds a photo's offset to the features of one size, as far as an edit leaves those as they were.

    Kang et al., "GAN Inversion for Out-of-Range Images with Geometric Transformations", 2021, give features and W+
    together to an inversion. That the offset fades where features change keeps glasses whole and turned heads clean.

    Attributes:
        offset: ``[1,C,R,R]``, or None: nothing is added.
        features: what the photo's own code gives at that size before the offset, or None: it fades nowhere.
    """

    offset: Tensor | None
    features: Tensor | None

    def __init__(self):
        super().__init__()
        self.register_buffer("offset", None)
        self.register_buffer("features", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.offset is None or x.shape[-1] != self.offset.shape[-1]:
            return x
        if self.features is None:
            return x + self.offset
        change = (x - self.features).square().mean(1, keepdim=True) / self.features.square().mean(1, keepdim=True)
        return x + self.offset * torch.exp(-change / UNLIKE**2)


def twin(module: M) -> M:
    """A copy that shares all weights and buffers with ``module``, whose own can be replaced one by one."""
    other = copy.copy(module)
    other._parameters, other._buffers = dict(module._parameters), dict(module._buffers)
    other._modules = {name: child and twin(child) for name, child in module._modules.items()}
    return other


def adapted(generator: M, weights: dict[str, Tensor]) -> M:
    """A twin of a generator with some weights or buffers, by their names, replaced: ``{"detail.offset": ...}``."""
    own, device = twin(generator), generator.w_avg.device
    for name, value in weights.items():
        path, _, leaf = name.rpartition(".")
        module = own.get_submodule(path)
        if leaf in module._parameters:
            old = module._parameters[leaf]
            module._parameters[leaf] = nn.Parameter(value.to(device, old.dtype), requires_grad=False)
        else:
            module._buffers[leaf] = value.to(device, torch.float32)
    return own
