"""HairCLIP's sliders (Wei et al. 2022): one of its 44 hairstyles and one of its 12 colours, alone or both at once.

Its mapper takes both texts in one pass; with only one of them, the other's layers still move a little, as in the
original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from styleclip_core.edits import user_mappers
from styleclip_core.edits.mapper import SHARE
from styleclip_core.errors import BadSetting, UnsupportedByPack
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
    mapper, embed = user_mappers.hair_mapper(pack), pack.embed_raw_text
    if mapper is None or embed is None:
        raise UnsupportedByPack("The pack has no HairCLIP mapper.")
    chosen = {STYLE: style, COLOR: color}
    texts = {source: embed([SENTENCES[source].format(pair[0])]) for source, pair in chosen.items() if pair}
    step = SHARE * mapper(w_plus, texts.get(STYLE), texts.get(COLOR))
    # The colour's text conditions the layers from 8 on. A level without a text of its own moves with the other.
    fine = (color or style or ("", 0.0))[1]
    coarse = (style or color or ("", 0.0))[1]
    return w_plus + torch.cat([coarse * step[:, :8], fine * step[:, 8:]], 1)
