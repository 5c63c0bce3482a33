"""HairCLIP (Wei et al. 2022): one of its 44 hairstyles and one of its 12 colours, or the hair of another photo.

Its mapper takes style and colour in one pass; with only one of them, the other's layers still move a little, as in the
original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from styleclip_core.edits import user_mappers
from styleclip_core.edits.mapper import SHARE
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.packs.base import Pack

STYLE, COLOR = "hairstyle", "haircolor"  # the sources of the sliders
NAMES = {
    STYLE: (
        "afro;bob cut;bowl cut;braid;caesar cut;chignon;cornrows;crew cut;crown braid;curtained hair;dido flip;"
        "dreadlocks;extensions;fade;fauxhawk;finger waves;french braid;frosted tips;full crown;harvard clip;"
        "high and tight;hime cut;hi-top fade;jewfro;jheri curl;liberty spikes;marcel waves;mohawk;pageboy;perm;"
        "pixie cut;psychobilly wedge;quiff;regular taper cut;ringlets;shingle bob;short hair;slicked-back;spiky hair;"
        "surfer hair;taper cut;the rachel;undercut;updo"
    ).split(";"),
    COLOR: "purple;red;orange;yellow;green;blue;gray;brown;black;white;blond;pink".split(";"),
}
SENTENCES = {STYLE: "{} hairstyle", COLOR: "{} hair"}  # what CLIP is given


def available(pack: Pack) -> Mapping[str, Sequence[str]]:
    """The names of the sliders of each source; none without HairCLIP's file."""
    return NAMES if user_mappers.hair_mapper(pack) else {}


def check(pack: Pack, source: str, name: str) -> None:
    """Raise UnsupportedByPack without HairCLIP's file, BadSetting for a name that it was not trained on."""
    if user_mappers.hair_mapper(pack) is None:
        where = f"put its file (hairclip.pt) into {pack.own_mappers}" if pack.embed_raw_text else "choose the pack full"
        raise UnsupportedByPack(f"The sliders {source}:NAME need HairCLIP's mapper: {where}.")
    if name not in NAMES[source]:
        raise BadSetting(f"HairCLIP has no {source} {name!r}; choose of {', '.join(NAMES[source])}.")


@torch.no_grad()
def move(pack: Pack, w_plus: Tensor, style: tuple[str, float] | None, color: tuple[str, float] | None) -> Tensor:
    """Move codes ``[N,L,512]`` towards a hairstyle and a colour, each a name and a strength, or None.

    With both, they are asked for in one pass, and each level moves by the strength of its own text. Raises
    UnsupportedByPack.
    """
    mapper, embed = _mapper(pack), pack.embed_raw_text
    assert embed, "hair mappers are found only by packs that have it"
    chosen = {STYLE: style, COLOR: color}
    texts = {source: embed([SENTENCES[source].format(pair[0])]) for source, pair in chosen.items() if pair}
    step = SHARE * mapper(w_plus, texts.get(STYLE), texts.get(COLOR))
    # The colour's text conditions the layers from 8 on. A level without a text of its own moves with the other.
    fine = (color or style or ("", 0.0))[1]
    coarse = (style or color or ("", 0.0))[1]
    return w_plus + torch.cat([coarse * step[:, :8], fine * step[:, 8:]], 1)


def takes_pictures(pack: Pack) -> bool:
    """Whether the pack has HairCLIP's mapper, and what it sees pictures by."""
    return user_mappers.hair_mapper(pack) is not None and pack.embed_raw_image is not None


@torch.no_grad()
def see(pack: Pack, picture: Tensor, mask: Tensor) -> Tensor:
    """What HairCLIP sees of the hair in a picture: an embedding ``[1,512]``.

    Args:
        picture: ``[1,3,R,R]`` in [-1,1], an aligned face. mask: ``[1,1,R,R]``, 1 where it shows hair.
    """
    assert pack.embed_raw_image, "see takes_pictures"
    return pack.embed_raw_image(picture * mask)  # grey, 0, where there is no hair, as in HairCLIP's training


@torch.no_grad()
def move_to(pack: Pack, w_plus: Tensor, style: Tensor | None, color: Tensor | None) -> Tensor:
    """Move codes ``[N,L,512]`` to the style and the colour of hair that was seen (`see`); None: not to it."""
    return w_plus + SHARE * _mapper(pack)(w_plus, style, color)


def _mapper(pack: Pack) -> HairMapper:
    """Raises UnsupportedByPack."""
    mapper = user_mappers.hair_mapper(pack)
    if mapper is None:
        raise UnsupportedByPack("The pack has no HairCLIP mapper.")
    return mapper
