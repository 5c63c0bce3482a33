"""Path C: let an edit, of whichever kind, through a mask only, at every resolution of the synthesis.

Features and colours of the edited and of the unedited face are mixed where the mask says so. Below some resolution the
edit's features may fill the whole picture, so that shapes that cross the outline (a beard, glasses) stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.edits.progress import check_range
from styleclip_core.errors import UnknownRegion
from styleclip_core.faces.photo import load_mask
from styleclip_core.faces.regions import feather, grow
from styleclip_core.networks.blend import Blend

SIZE = 1024


@dataclass(frozen=True)
class LocalSettings:
    """How an edit is confined.

    Attributes:
        grow: px of 1024 by which the outline is moved out, in if negative.
        feather: px of 1024 over which it fades, to both sides.
        shared: features below this many px are the edit's everywhere; 4 shares none.
    """

    grow: float = 8.0
    feather: float = 14.0
    shared: int = 4

    def checked(self) -> LocalSettings:
        """Return self. Raises BadSetting."""
        check_range("grow", self.grow, -200, 200)
        check_range("feather", self.feather, 0, 200)
        check_range("shared", self.shared, 4, SIZE)
        return self


def read_mask(picture: Any) -> Tensor:
    """A mask of any size -> ``float32 [1,1,1024,1024]`` in [0,1], 1 where the edit may show.

    Args:
        picture: what `load_mask` takes.
    Raises:
        BadImage.
    """
    mask = np.asarray(load_mask(picture).resize((SIZE, SIZE), Image.Resampling.BOX), np.float32) / 255
    return torch.from_numpy(mask)[None, None]


@dataclass(frozen=True, eq=False)
class Within:
    """Where an edit may show: ``mask float32 [1,1,1024,1024]``, ready for use, and LocalSettings' ``shared``."""

    mask: Tensor
    shared: int = 4

    def blend(self, generator: torch.nn.Module, w_plus: Tensor) -> Blend:
        """What keeps the face ``w_plus [1,L,512]`` outside, see `networks.blend`."""
        sizes = [4 << k for k in range((generator.resolution // 4).bit_length())]
        chosen = tuple(size for size in sizes if size >= self.shared)
        return Blend(generator.styles(w_plus), self.mask.to(w_plus.device), chosen)

    def picture(self) -> Image.Image:
        """The mask, "L"."""
        return Image.fromarray((self.mask[0, 0].numpy() * 255).round().astype(np.uint8))

    def compose(self, edited: Image.Image, original: Image.Image) -> Image.Image:
        """The edited picture where the mask is not 0, the original, bit by bit, elsewhere."""
        inside = self.picture().resize(edited.size, Image.Resampling.BOX).point(lambda value: 255 * (value > 0))
        return Image.composite(edited, original, inside)


def within(mask: Tensor, settings: LocalSettings | None = None) -> Within:
    """A mask ``[1,1,1024,1024]`` grown and feathered, for use. Raises BadSetting; UnknownRegion: it is empty."""
    settings = (settings or LocalSettings()).checked()
    ready = feather(grow(mask, settings.grow), settings.feather)
    if ready.max() < 1 / 255:
        raise UnknownRegion("The mask is empty: paint where the edit may show, or choose another region.")
    return Within(ready, int(settings.shared))
