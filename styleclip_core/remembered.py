"""What a studio remembers of the last photos and edits, in bounded memory.

It is found again by a picture with exactly the same pixels only: who has not got the picture gets nothing.
"""

from __future__ import annotations

import functools
import hashlib
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from torch import Tensor

from styleclip_core.edits import invert
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.faces import Alignment
from styleclip_core.images import to_tensor
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress
from styleclip_core.results import DrawnState, Edit
from styleclip_core.settings import InvertSettings
from styleclip_core.steps import editable_state, stored_weights, with_less_memory

SAME_PLACE = 0.1  # of its side: how far a face's square may lie from that of the edited face to be the same


class InversionCache:
    """Results of the last looks and refinements, about half a megabyte each, so that the same photo is inverted once.

    Attributes:
        size: how many results are remembered; the least recently used is dropped.
    """

    def __init__(self, size: int = 64):
        self.size = size
        self._results: OrderedDict[tuple[bytes, InvertSettings], tuple[Tensor, dict[str, Tensor]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def invert(
        self, pack: Pack, aligned: Image.Image, settings: InvertSettings
    ) -> Generator[Progress, None, tuple[Tensor, dict[str, Tensor]]]:
        """Yield Progress; return the code ``[L,512]`` of an aligned picture and the weights that belong to it."""
        picture, settings = _digest(aligned), replace(settings, tune=0)
        wanted, seen = (picture, settings), (picture, replace(settings, steps=0))
        if wanted not in self._results and seen not in self._results:
            run = functools.partial(invert.look, pack, to_tensor(aligned, pack.device))
            self._remember(seen, (yield from with_less_memory(pack.device, run, settings)))
        if wanted not in self._results:
            w_plus, weights = self._results[seen]
            begun = to_tensor(aligned, pack.device), w_plus[None].to(pack.device), weights
            run = functools.partial(invert.refine, pack, *begun)
            self._remember(wanted, (yield from with_less_memory(pack.device, run, settings)))
        self._results.move_to_end(wanted)
        return self._results[wanted]

    def _remember(self, key: tuple[bytes, InvertSettings], last: Progress) -> None:
        assert last.w_plus is not None, "the last Progress of an inversion holds the code"
        self._results[key] = last.w_plus[0].cpu(), stored_weights(last.weights)
        while len(self._results) > self.size:
            self._results.popitem(last=False)


@dataclass(frozen=True, eq=False)
class EditedPhoto:
    """What the edited face in a photo was drawn from, and where it lies; the whole photo is it without an alignment."""

    state: DrawnState
    alignment: Alignment | None

    def shows(self, alignment: Alignment) -> bool:
        """Whether a square of the photo is that of the edited face."""
        if self.alignment is None:
            return True
        moved = np.linalg.norm(alignment.quad.mean(0) - self.alignment.quad.mean(0))
        return bool(moved < SAME_PLACE * self.alignment.side)


class EditedPhotos:
    """The last edits, up to 6 MB each, by the photos that they gave: whoever edits such a photo again goes on exactly
    where that ended, and nothing is inverted.

    Attributes:
        size: how many edits are remembered; the least recently used is dropped.
    """

    def __init__(self, size: int = 16):
        self.size = size
        self._known: OrderedDict[bytes, EditedPhoto] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, pack: Pack, edit: Edit) -> None:
        """Remember an edit. An edit in a region on top of another is none that another could go on from."""
        try:
            state = editable_state(pack, edit.state)
        except UnsupportedByPack:
            return
        self._known[_digest(edit.photo)] = EditedPhoto(state, edit.face and edit.face.alignment)
        while len(self._known) > self.size:
            self._known.popitem(last=False)

    def find(self, photo: Image.Image) -> EditedPhoto | None:
        """The edit that gave this photo."""
        key = _digest(photo)
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)


def _digest(picture: Image.Image) -> bytes:
    return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).digest()
