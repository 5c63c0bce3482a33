"""A generator adapted to one photo: by a per-photo feature residual, a style residual, or weights of its own."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from styleclip_core.networks.blend import resized_mask

M = TypeVar("M", bound=nn.Module)

FEATURE_SIZE = 16  # px of the features: at 32 edits leave the old shape visible, at 8 details are lost
FADE_SCALE = 0.7  # relative change of the features at which the residual has faded to 1/e


class FeatureResidual(nn.Module):
    """Adds a per-photo residual to the features of one size, as far as an edit leaves those as they were.

    Kang et al., "GAN Inversion for Out-of-Range Images with Geometric Transformations", 2021, give features and W+
    together to an inversion. That the residual fades where features change keeps glasses whole and turned heads clean.

    Attributes:
        offset: the residual ``[1,C,R,R]``, or None: nothing is added.
        features: what the photo's own code gives at that size before the residual, or None: it fades nowhere.
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
        return x + self.offset * torch.exp(-change / FADE_SCALE**2)


class StyleResidual(nn.Module):
    """Adds per-face residuals to the style vectors of every code: where an edit in StyleSpace was, the next one starts.

    Attributes:
        count: how many style vectors there are.
        offset_I: the residual of style vector I, ``[1,C_I]``, or None: nothing is added to it.
    """

    def __init__(self, count: int):
        super().__init__()
        self.count = count
        for i in range(count):
            self.register_buffer(f"offset_{i}", None)

    def forward(self, styles: list[Tensor]) -> list[Tensor]:
        offsets = (getattr(self, f"offset_{i}") for i in range(self.count))
        return [s if offset is None else s + offset for s, offset in zip(styles, offsets, strict=True)]


class RegionResidual(StyleResidual):
    """Adds residuals to the style vectors inside a mask only: where an edit in a region was, the next one starts.

    Two pictures are synthesised side by side, the first with the residuals; at every level the second takes its place
    outside the mask. All of this happens inside a generator, along the batch: ``expand``, a mix at each level, ``first``.

    Attributes:
        mask: ``[1,1,H,W]`` in [0,1], 1 where the residuals apply, or None: there is no region.
    """

    mask: Tensor | None

    def __init__(self, count: int):
        super().__init__(count)
        self.register_buffer("mask", None)

    def expand(self, styles: list[Tensor]) -> list[Tensor]:
        """Style vectors ``[N,C_i]`` -> ``[2N,C_i]``, inside and outside; as they are without a region."""
        if self.mask is None:
            return styles
        inside = super().forward(styles)
        return [torch.cat([a, b.expand_as(a)]) for a, b in zip(inside, styles, strict=True)]

    def mix(self, x: Tensor) -> Tensor:
        """Features or images ``[2N,C,R,R]`` of one level, the first half mixed with the second; ``[N,...]`` as it is."""
        if self.mask is None:
            return x
        inside, outside = x.chunk(2)
        return torch.cat([torch.lerp(outside, inside, resized_mask(self.mask, x.shape[-1], x.dtype)), outside])

    def first(self, x: Tensor) -> Tensor:
        """The pictures themselves: ``[2N,...]`` -> ``[N,...]``; as they are without a region."""
        return x if self.mask is None else x.chunk(2)[0]


def shallow_copy(module: M) -> M:
    """A copy that shares all weights and buffers with ``module``, whose own can be replaced one by one."""
    other = copy.copy(module)
    other._parameters, other._buffers = dict(module._parameters), dict(module._buffers)
    other._modules = {name: child and shallow_copy(child) for name, child in module._modules.items()}
    return other


def adapted(generator: M, weights: dict[str, Tensor]) -> M:
    """A shallow copy of a generator with some weights or buffers, by their names, replaced: ``{"detail.offset": ...}``."""
    own, device = shallow_copy(generator), generator.w_avg.device
    for name, value in weights.items():
        path, _, leaf = name.rpartition(".")
        module = own.get_submodule(path)
        if leaf in module._parameters:
            old = module._parameters[leaf]
            module._parameters[leaf] = nn.Parameter(value.to(device, old.dtype), requires_grad=False)
        else:
            module._buffers[leaf] = value.to(device, torch.float32)
    return own
