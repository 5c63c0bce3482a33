"""Path C: confine an edit of any kind to a mask, at every resolution of the synthesis.

Features and RGB of the edited and of the unedited face are mixed by the mask. Below a chosen resolution the edit's
features may fill the whole picture, so that shapes that cross the outline (a beard, glasses) stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.errors import UnknownRegion
from styleclip_core.faces.align import ALIGNED_SIZE
from styleclip_core.faces.photo import load_mask
from styleclip_core.faces.regions import feather, grow
from styleclip_core.networks.blend import Blend
from styleclip_core.packs.base import Generator, Latent
from styleclip_core.settings import LocalSettings


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
    ready = feather(grow(mask, settings.grow), settings.feather)
    if ready.max() < 1 / 255:
        raise UnknownRegion("The mask is empty: paint where the edit may show, or choose another region.")
    return EditMask(ready, settings.shared)
