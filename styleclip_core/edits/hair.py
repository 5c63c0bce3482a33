"""Hair from another photo: its length, fringe and curls by sliders whose strength is measured, its colour by paint.

The hair of both faces is read by the same instruments, and each slider is set so that the readings agree; see
`hair_color` for the colour. Where HairCLIP's mapper (Wei et al. 2022) is at hand, it takes both: it is trained for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.edits import hairclip, sliders
from styleclip_core.edits.hair_color import hair_mask, mean_lab, recolored
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import UnknownRegion, UnsupportedByPack
from styleclip_core.faces.instruments import INSTRUMENTS
from styleclip_core.faces.readings import Readings, read
from styleclip_core.images import to_image, to_tensor
from styleclip_core.packs.base import Pack
from styleclip_core.rendering import Preview

SLIDERS = {  # reading -> slider that raises it
    "hair_length": "boundary:hair length",
    "forehead_hair": "boundary:bangs",
    "curls": "boundary:curly hair",
}
CURLS = "a person with curly hair", "a person with straight hair"
ROUNDS = 4  # of measuring and setting the sliders anew
MOST = {"hair_length": 2.5, "forehead_hair": 2.5, "curls": 1.5}  # of the strength: beyond, hair is drawn badly
AGREES = {"hair_length": 0.3, "forehead_hair": 0.3, "curls": 0.6}  # deviations up to which readings agree
HOLD = 1.5  # weight of the change of colours outside the hair: a little of it is seen around the hair
REACHED = 4.0  # distance of colours in Lab from which on they agree
SIZE = 256  # px at which hair is looked at
LEAST = 0.01  # share of a picture that hair must fill to be copied


@dataclass(frozen=True, eq=False)
class Hair:
    """The hair of an aligned face.

    Attributes:
        readings: those of `SLIDERS`, as far as they can be told, in deviations over random faces.
        color: mean L, a and b ``[3]``, on the CPU as all tensors here.
        seen: `hairclip.see`, where the pack has HairCLIP's mapper; then nothing is read.
    """

    readings: Readings
    color: Tensor
    seen: Tensor | None = None


def check(pack: Pack) -> None:
    """Raise UnsupportedByPack if the pack cannot find hair or lacks a slider."""
    here = {slider.key for slider in sliders.available(pack)}
    if pack.parser is None or not (here.issuperset(SLIDERS.values()) or hairclip.takes_pictures(pack)):
        where = f": put HairCLIP's file (hairclip.pt) into {pack.own_mappers}" if pack.embed_raw_image else ""
        raise UnsupportedByPack(f"The pack {pack.name} cannot take hair from another photo{where}.")


def hair_of(pack: Pack, picture: Image.Image) -> Hair:
    """Read the hair of an aligned face. Raises UnknownRegion if there is hardly any."""
    small = to_tensor(picture.resize((SIZE, SIZE), Image.Resampling.BOX), pack.device)
    mask = hair_mask(pack, small)
    if mask.mean() < LEAST:
        raise UnknownRegion("There is hardly any hair in the other photo: choose one that shows it.")
    color = mean_lab(small, mask).detach().cpu()
    if hairclip.takes_pictures(pack):
        large = to_tensor(picture, pack.device)
        return Hair({}, color, hairclip.see(pack, large, hair_mask(pack, large)).cpu())
    return Hair(_readings(pack, picture), color)


@torch.no_grad()
def _readings(pack: Pack, picture: Image.Image) -> Readings:
    """The readings of `SLIDERS`: curls by the text-image network, which no single instrument tells."""
    found = read(picture, pack.parser, pack.device) or {}
    known = {key: found[key] / INSTRUMENTS[key].deviation for key in SLIDERS if key in found}
    texts = cached(pack, "curls", CURLS[0], lambda: pack.clip.encode_text(list(CURLS)))
    way = texts[:1] - texts[1:]
    embedding = pack.clip.encode_image(to_tensor(picture.resize((SIZE, SIZE), Image.Resampling.BOX), pack.device))
    return known | {"curls": pack.reference_faces.z_score((embedding @ way.T)[:, 0], way).item()}


@torch.no_grad()
def with_hair(pack: Pack, w_plus: Tensor, draw: Preview, hair: Hair, shape: bool, color: bool) -> Tensor:
    """Give a face other hair; the picture must be confined to the hair before and after.

    Args:
        w_plus: ``[1,L,512]``. draw: of that face.
        shape: take its length, fringe and curls. color: take its colour.
    Returns:
        the edited code ``[1,L,512]``.
    """
    if hair.seen is not None:
        seen = hair.seen.to(w_plus.device)
        return hairclip.move_to(pack, w_plus, seen if shape else None, seen if color else None)
    if shape:
        w_plus = sliders.move(pack, w_plus, _strengths(pack, w_plus, draw, hair))[0]
    return recolored(pack, w_plus, None, hair.color.to(w_plus.device), draw, HOLD, REACHED) if color else w_plus


def _strengths(pack: Pack, w_plus: Tensor, draw: Preview, hair: Hair) -> dict[str, float]:
    """Sliders at which the readings agree best, found by measuring what they do to this face."""

    def gaps(values: dict[str, float]) -> dict[str, float]:
        """How far each reading is below the wanted one."""
        picture = draw(sliders.move(pack, w_plus, values)[0]) if values else draw(w_plus)
        found = _readings(pack, to_image(picture))
        return {key: wanted - found[key] for key, wanted in hair.readings.items() if key in found}

    at_first = left = gaps({})
    values, best, least = dict[str, float](), dict[str, float](), _size(left)
    effects = dict.fromkeys(left, 1.0)  # deviations of a reading for a strength of 1
    for _ in range(ROUNDS):
        wrong = {key: gap for key, gap in left.items() if abs(gap) > AGREES[key]}
        if not wrong:
            break
        values = dict(values)
        for key, gap in wrong.items():
            strength = values.get(SLIDERS[key], 0.0) + gap / effects[key]
            values[SLIDERS[key]] = float(np.clip(strength, -MOST[key], MOST[key]))
        left = gaps(values)
        for key in left:
            moved = values.get(SLIDERS[key], 0.0)
            if abs(moved) > 0.2:
                effects[key] = float(np.clip((at_first[key] - left[key]) / moved, 0.5, 3.0))
        if _size(left) < least:
            best, least = values, _size(left)
    return best


def _size(gaps: dict[str, float]) -> float:
    return sum(min(abs(gap), 3.0) for gap in gaps.values())
