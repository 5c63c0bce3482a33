"""A named hair colour as a loss of its own: the mean colour of the hair, in CIE Lab, goes to that of the name.

Only the fine layers of W+ move, which paint and do not shape. HairCLIP (Wei et al., 2022) has such a loss; here no
text-image model has a say, which may mistake red for blond.
"""

from __future__ import annotations

import torch
from torch import Tensor

from styleclip_core.faces.regions import region
from styleclip_core.images import rgb_to_lab
from styleclip_core.packs.base import Pack
from styleclip_core.rendering import Preview

# Mean L, a and b of the hair in portraits. Pink, green and the like are not here: painted so far from W, hair smears.
COLORS = {
    "platinum": (76, 3, 16),
    "blond": (58, 8, 23),
    "brown": (29, 9, 13),
    "black": (15, 2, 2),
    "grey": (58, 1, 3),
    "white": (78, 0, 4),
    "red": (36, 22, 26),
    "auburn": (27, 17, 15),
}
REACHED = 9.0  # distance in Lab from which on a colour counts as reached
STEPS, RATE, FIRST_LAYER = 12, 0.3, 6  # of Adam, in whitened coordinates, on the layers from that on
SPREAD = 0.03  # weight of the squared step
HOLD = 8.0  # weight of the change of colours outside the hair
LIGHTNESS = 0.5  # share of the differences of L: light falls on hair of any colour
CONCEPTS = ("blond hair", "black hair", "brown hair", "grey hair", "red hair")  # that a named colour stands for


def hair_mask(pack: Pack, picture: Tensor) -> Tensor:
    """Where a picture ``[1,3,R,R]`` shows hair, ``[1,1,R,R]``. The pack must have a parser."""
    assert pack.parser, "hair is told by the parser"
    with torch.no_grad():
        mask = region(pack.parser.parse(picture), "hair")
    return torch.nn.functional.adaptive_avg_pool2d(mask, picture.shape[-1])


def mean_lab(picture: Tensor, mask: Tensor) -> Tensor:
    """Mean L, a and b ``[3]`` of a picture ``[1,3,R,R]`` inside a mask ``[1,1,R,R]``; differentiable."""
    return (rgb_to_lab(picture) * mask).sum((0, 2, 3)) / mask.sum().clamp(min=1e-6)


def distance(lab: Tensor, color: Tensor) -> Tensor:
    """Squared distance of two colours ``[3]``, in which lightness counts less."""
    weight = torch.tensor([LIGHTNESS, 1.0, 1.0], device=lab.device)
    return ((lab - color) * weight).square().sum()


@torch.enable_grad()
def recolored(
    pack: Pack,
    w_plus: Tensor,
    offsets: list[Tensor] | None,
    color: str | Tensor,
    draw: Preview,
    hold: float = 0.0,
    reached: float = REACHED,
) -> Tensor:
    """Move a code so that the hair that it shows takes a colour.

    Args:
        w_plus: ``[1,L,512]``.
        offsets: of `edits.start.Start`.
        color: a name of `COLORS`, or L, a and b ``[3]``.
        draw: of the unedited face; small pictures are enough.
        hold: weight of the change of colours outside the hair, where it would show (`HOLD`); none where the edit is
            confined to the hair.
        reached: distance in Lab at which it ends.
    Returns:
        the moved code; the same one if there is no hair, or its colour is that already.
    """
    generator, space = pack.generator, pack.space
    target = torch.tensor(COLORS[color], device=w_plus.device) if isinstance(color, str) else color

    def picture(code: Tensor) -> Tensor:
        if offsets is None:
            return draw(code)
        return draw([style + offset for style, offset in zip(generator.styles(code), offsets, strict=True)])

    with torch.no_grad():
        before = picture(w_plus)
        mask = hair_mask(pack, before)
        colors = rgb_to_lab(before)
    if mask.mean() < 0.005:
        return w_plus
    layers = (torch.arange(generator.num_layers, device=w_plus.device) >= FIRST_LAYER).float()[:, None]
    step = torch.zeros(1, 1, len(space.deviations), device=w_plus.device, requires_grad=True)
    optimizer = torch.optim.Adam([step], lr=RATE, betas=(0.8, 0.95))
    moved = w_plus
    for _ in range(STEPS):
        moved = w_plus + layers * space.step(step)
        painted = picture(moved)
        off = distance(mean_lab(painted, mask), target)
        if off < reached**2:
            break
        loss = off / 100 + SPREAD * step.square().sum()
        if hold:
            rest = (rgb_to_lab(painted) - colors).square() * (1 - mask)
            loss = loss + hold * rest.sum(1).mean() / 100
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return moved.detach()
