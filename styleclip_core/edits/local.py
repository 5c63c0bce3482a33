"""Path C: confine an edit of any kind to a mask, at every resolution of the synthesis.

Features and RGB of the edited and of the unedited face are mixed by the mask. Below a chosen resolution the edit's
features may fill the whole picture, so that shapes that cross the outline (a beard, glasses) stay whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core.edits import text
from styleclip_core.errors import UnknownRegion, UnsupportedByPack
from styleclip_core.faces import regions
from styleclip_core.faces.align import ALIGNED_SIZE
from styleclip_core.faces.photo import load_mask
from styleclip_core.images import to_tensor
from styleclip_core.networks.blend import Blend
from styleclip_core.packs.base import Generator, Latent, Pack
from styleclip_core.settings import LocalSettings

PARSED = 256  # px at which the unedited face is parsed
# Picture [1,3,R,R] of an edit, and whether it changes no outline -> where it may show; None: everywhere.
Confine = Callable[[Tensor, bool], "EditMask | None"]
LOOSE, TIGHT = LocalSettings(grow=0), LocalSettings(grow=-12, feather=8)


def read_mask(picture: Any) -> Tensor:
    """A mask of any size -> ``float32 [1,1,1024,1024]`` in [0,1], 1 where the edit may show.

    Args:
        picture: what `load_mask` takes.
    Raises:
        BadImage.
    """
    mask = np.asarray(load_mask(picture).resize((ALIGNED_SIZE, ALIGNED_SIZE), Image.Resampling.BOX), np.float32) / 255
    return torch.from_numpy(mask)[None, None]


@dataclass(frozen=True, eq=False)
class EditMask:
    """Where an edit may show.

    Attributes:
        mask: ``float32 [1,1,1024,1024]`` in [0,1], grown and feathered already.
        shared: px; features of lower resolution are the edit's everywhere (`LocalSettings.shared`).
    """

    mask: Tensor
    shared: int = 4

    def blend(self, generator: Generator, latent: Latent) -> Blend:
        """The `Blend` that keeps a face, ``w_plus [1,L,512]`` or its style vectors, outside the mask."""
        sizes = [4 << k for k in range((generator.resolution // 4).bit_length())]
        chosen = tuple(size for size in sizes if size >= self.shared)
        styles = latent if isinstance(latent, list) else generator.styles(latent)
        return Blend(styles, self.mask.to(styles[0].device), chosen)

    def picture(self) -> Image.Image:
        """The mask as a picture "L"."""
        return Image.fromarray((self.mask[0, 0].numpy() * 255).round().astype(np.uint8))

    def compose(self, edited: Image.Image, original: Image.Image) -> Image.Image:
        """The edited picture where the mask is not 0, elsewhere the original, with every bit unchanged."""
        share = np.asarray(self.picture().resize(edited.size, Image.Resampling.BOX))
        return Image.composite(edited, original, Image.fromarray(np.where(share > 0, 255, 0).astype(np.uint8)))


def edit_mask(mask: Tensor, settings: LocalSettings | None = None) -> EditMask:
    """Grow and feather a mask ``[1,1,1024,1024]``. Raises UnknownRegion if it is empty."""
    settings = settings or LocalSettings()
    ready = regions.feather(regions.grow(mask, settings.grow), settings.feather)
    if ready.max() < 1 / 255:
        raise UnknownRegion("The mask is empty: paint where the edit may show, or choose another region.")
    return EditMask(ready, settings.shared)


def place_name(pack: Pack, name: str, prompt: str = "") -> str | None:
    """The name of the region that an edit is confined to, or None where it may show everywhere.

    Args:
        name: as `faces.regions.region` takes it, or "auto": what the prompt is about, by its words and its concepts;
            everywhere if the pack has no parser of faces.
    Raises:
        UnknownRegion.
        UnsupportedByPack: a region was named, but the pack has no parser of faces.
    """
    if name != "auto":
        regions.check(name)
    elif pack.parser is None:
        return None
    place = regions.resolve(name, prompt, text.wishes(pack, prompt) if name == "auto" and prompt else None)
    if regions.REGION_SYNONYMS.get(place, place) == "everywhere":
        return None
    if pack.parser is None:
        raise UnsupportedByPack(f"The pack {pack.name} knows no regions; paint a mask.")
    return place


@torch.no_grad()
def parsed(pack: Pack, picture: Tensor) -> Tensor:
    """Probabilities ``[1,19,H,H]``, on the CPU, of an aligned face ``[1,3,H,H]``. The pack must have a parser."""
    assert pack.parser, "`place_name` gives no region without a parser"
    return pack.parser.parse(picture).cpu()


def edited_place(before: Tensor, after: Tensor, name: str, tight: bool = False) -> EditMask:
    """Where an edit may show that changes the outline of a region: the region before and after it.

    Args:
        before, after: `parsed` pictures of the unedited and of the edited face, in any sizes.
        name: of the region.
        tight: without the room that changes of the outline need.
    Raises:
        UnknownRegion: neither face shows it.
    """
    before = F.interpolate(before, after.shape[2:], mode="bilinear", antialias=True)
    return edit_mask(regions.edited_region(before, after, name), TIGHT if tight else LOOSE)


@torch.no_grad()
def confinement(pack: Pack, unedited: Image.Image, where: EditMask | str | None, chosen: bool) -> Confine:
    """A function that finds where an edit may show.

    Args:
        unedited: the aligned face.
        where: a mask; the name of a place, of `place_name`, to be found in both pictures; None: everywhere.
        chosen: by a person: then UnknownRegion is raised if no picture shows the place; else the whole person is it.
    """
    if not isinstance(where, str):
        return lambda picture, tight: where
    before = parsed(pack, to_tensor(unedited.resize((PARSED, PARSED)), pack.device))

    def confine(picture: Tensor, tight: bool) -> EditMask:
        after = parsed(pack, picture)
        try:
            return edited_place(before, after, where, tight)
        except UnknownRegion:
            if chosen:
                raise
            return edited_place(before, after, "person")

    return confine
