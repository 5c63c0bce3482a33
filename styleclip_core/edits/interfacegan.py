"""InterFaceGAN (Shen et al., 2020): an attribute is a half-space of W, and its boundary's normal is the slider.

The boundaries are made by `training/directions.py`. Attributes are correlated (glasses with age); a conditional edit
moves at right angles to the normals of those that should stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from styleclip_core.edits import stored
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_range

FILE = "interfacegan.safetensors"
# The most correlated attributes, which are kept by default (measured by benchmarks/directions.py)
DEFAULT_KEEP = {
    "baldness": ("gender",),
    "chubbiness": ("skin tone",),
    "curly hair": ("skin tone", "age"),
    "eyeglasses": ("age",),
    "grey hair": ("age",),
    "hair length": ("gender",),
    "lipstick": ("skin tone", "gender"),
    "makeup": ("skin tone", "gender"),
}


@dataclass(frozen=True)
class Boundary:
    """A half-space of W: faces with ``(w - mean) @ normal > offset`` have the attribute.

    Attributes:
        name: of the attribute, which increases along ``normal``.
        normal: unit vector ``[512]``.
        deviation: standard deviation of random codes along the normal; the unit of sliders.
        offset: the boundary's distance from W's mean.
    """

    name: str
    normal: Tensor
    deviation: float
    offset: float


def _file(pack: Pack) -> dict[str, Tensor]:
    content = stored.load(pack, FILE)
    if not content or not stored.same_space(content["mean"], pack.generator.w_avg):
        raise UnsupportedByPack(
            f"There are no boundaries for the W space of the pack {pack.name!r}: they were made for FFHQ faces. "
            "Use a prompt or a principal component instead."
        )
    return content


def names(pack: Pack) -> list[str]:
    """The attributes that have a boundary. Raises UnsupportedByPack."""
    return sorted(name.removesuffix(".normal") for name in _file(pack) if name.endswith(".normal"))


def load(pack: Pack, name: str) -> Boundary:
    """The boundary of an attribute. Raises UnsupportedByPack, BadSetting (no such name)."""
    content = _file(pack)
    if f"{name}.normal" not in content:
        raise BadSetting(f"No boundary is called {name!r}; choose from {', '.join(names(pack))}.")
    deviation, offset = float(content[f"{name}.deviation"]), float(content[f"{name}.offset"])
    return Boundary(name, content[f"{name}.normal"], deviation, offset)


def boundary(pack: Pack, name: str, keep: Iterable[str] = ()) -> Tensor:
    """The unit normal ``[512]`` of an attribute's boundary, at right angles to those of the attributes to keep.

    Raises:
        UnsupportedByPack: the pack's W is not that of FFHQ faces.
        BadSetting: no such attribute, or nothing is left of it when the others are kept.
    """
    return conditional(load(pack, name).normal, [load(pack, other).normal for other in keep])


def conditional(normal: Tensor, others: list[Tensor]) -> Tensor:
    """``normal [512]`` without its part in the span of ``others``, of unit length. Raises BadSetting if that is 0."""
    if not others:
        return normal
    basis, _ = torch.linalg.qr(torch.stack(others, 1).double())
    rest = normal.double() - basis @ (basis.T @ normal.double())
    if rest.norm() < 1e-3:
        raise BadSetting("Nothing is left of this attribute when the others are kept; keep fewer.")
    return (rest / rest.norm()).float()


def score(pack: Pack, name: str, w: Tensor) -> Tensor:
    """How far codes ``w [N,512]`` lie beyond the boundary, in standard deviations of random codes, ``[N]``."""
    plane = load(pack, name)
    return ((w - _file(pack)["mean"]) @ plane.normal - plane.offset) / plane.deviation


def apply(
    pack: Pack,
    w_plus: Tensor,
    name: str,
    strength: float,
    keep: Iterable[str] | None = None,
    layers: slice = slice(None),
) -> Tensor:
    """Move ``w_plus [N,L,512]`` by ``strength`` (about -3 to 3) standard deviations of random codes along a normal.

    Args:
        keep: attributes to leave as they are; None for those of `DEFAULT_KEEP`, () for none.
        layers: those of W+ that move; all by default.
    Raises:
        UnsupportedByPack, BadSetting (see `boundary`; ``strength`` beyond [-20, 20]).
    """
    strength = check_range("strength", strength, -20, 20)
    moved = w_plus.clone()
    normal = boundary(pack, name, DEFAULT_KEEP.get(name, ()) if keep is None else keep)
    moved[..., layers, :] += strength * load(pack, name).deviation * normal
    return moved
