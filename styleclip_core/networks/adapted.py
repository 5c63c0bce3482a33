"""A generator adapted to one photo: by a per-photo feature residual, a style residual, or weights of its own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from styleclip_core.networks.blend import resized_mask
from styleclip_core.networks.carrier import ResidualCarrier, faded

M = TypeVar("M")

FEATURE_SIZE = 16  # px of the features: at 32 edits leave the old shape visible, at 8 details are lost


class AdaptableGenerator(Protocol):
    """What `adapted` needs of a generator: a `torch.nn.Module` with a mean of W."""

    w_avg: Tensor

    def get_submodule(self, target: str) -> nn.Module: ...


G = TypeVar("G", bound=AdaptableGenerator)


class FeatureResidual(nn.Module):
    """Adds a per-photo residual to the features of one size, and carries it along where an edit changes those features.

    Kang et al., "GAN Inversion for Out-of-Range Images with Geometric Transformations", 2021, invert into features and
    W+ together. The carrying is what keeps glasses whole and turned heads clean.

    Attributes:
        offset: the residual ``[1,C,R,R]``; None adds nothing.
        features: the features ``[1,C,R,R]`` of the photo's code without the residual, against which changes are
            measured; None leaves the residual as it is under every edit.
        carrier: the network that carries it, made for this generator; None fades it by a rule (`carrier.faded`).
    """

    offset: Tensor | None
    features: Tensor | None
    carrier: ResidualCarrier | None

    def __init__(self):
        super().__init__()
        self.carrier = None
        self.register_buffer("offset", None)
        self.register_buffer("features", None)

    def forward(self, x: Tensor) -> Tensor:
        if self.offset is None or x.shape[-1] != self.offset.shape[-1]:
            return x
        if self.features is None:
            return x + self.offset
        carry = faded if self.carrier is None else self.carrier
        return x + carry(self.offset, self.features, x)


class StyleResidual(nn.Module):
    """Adds per-face residuals to the style vectors of every code, so that further edits build on one in StyleSpace.

    Attributes:
        count: number of style vectors.
        offset_I: the residual of style vector I, ``[1,C_I]``; None adds nothing.
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
    """Adds residuals to the style vectors inside a mask only, so that further edits build on one in a region.

    Inside the generator two pictures are synthesised in one batch, the first with the residuals, the second without
    (`expand`); at each level the features of the second replace those of the first outside the mask (`mix`); in the
    end the first is kept (`first`).

    Attributes:
        mask: ``[1,1,H,W]`` in [0,1], 1 where the residuals apply; None turns all of this off.
    """

    mask: Tensor | None

    def __init__(self, count: int):
        super().__init__(count)
        self.register_buffer("mask", None)

    def expand(self, styles: list[Tensor]) -> list[Tensor]:
        """Style vectors ``[N,C_i]`` -> ``[2N,C_i]``, inside and outside the mask; unchanged without a mask."""
        if self.mask is None:
            return styles
        inside = super().forward(styles)
        return [torch.cat([a, b.expand_as(a)]) for a, b in zip(inside, styles, strict=True)]

    def mix(self, x: Tensor) -> Tensor:
        """Mix the second half of features or images ``[2N,C,R,R]`` into the first; unchanged without a mask."""
        if self.mask is None:
            return x
        inside, outside = x.chunk(2)
        return torch.cat([torch.lerp(outside, inside, resized_mask(self.mask, x.shape[-1], x.dtype)), outside])

    def first(self, x: Tensor) -> Tensor:
        """The first half of a batch: ``[2N,...]`` -> ``[N,...]``; unchanged without a mask."""
        return x if self.mask is None else x.chunk(2)[0]


def shallow_copy(module: M) -> M:
    """A copy of a `torch.nn.Module` that shares all tensors with it, but whose tensors can be replaced one by one."""
    clone = copy.copy(module)
    assert isinstance(module, nn.Module) and isinstance(clone, nn.Module)
    clone._parameters, clone._buffers = dict(module._parameters), dict(module._buffers)
    clone._modules = {name: child and shallow_copy(child) for name, child in module._modules.items()}
    return clone


def adapted(generator: G, weights: Mapping[str, Tensor]) -> G:
    """A shallow copy of a generator with some parameters or buffers replaced.

    Args:
        weights: name -> value, as ``{"feature_residual.offset": ...}``; moved to the generator's device.
    """
    clone, device = shallow_copy(generator), generator.w_avg.device
    for name, value in weights.items():
        path, _, leaf = name.rpartition(".")
        module = clone.get_submodule(path)
        parameter = module._parameters.get(leaf)
        if parameter is None:
            value = value.to(device, torch.float32)  # in the layout of features: kernels, and so bits, depend on it
            module._buffers[leaf] = value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
        else:
            module._parameters[leaf] = nn.Parameter(value.to(device, parameter.dtype), requires_grad=False)
    return clone
