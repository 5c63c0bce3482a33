"""Draw the edit of each frame and paste it in, with masks and colours smoothed over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from styleclip_core import steps
from styleclip_core.edits import local
from styleclip_core.errors import UnknownRegion
from styleclip_core.faces import Alignment, cut, paste_back, tones
from styleclip_core.faces.align import ALIGNED_SIZE, BORDER_FEATHER
from styleclip_core.images import to_image
from styleclip_core.packs.base import Generator, Pack
from styleclip_core.settings import VideoSettings
from styleclip_core.video.codes import Codes, adapting
from styleclip_core.video.container import Frame
from styleclip_core.video.smoothing import radius, weights
from styleclip_core.video.step import Step, Wish
from styleclip_core.video.track import Run, Track

SIZES = (256, 512, 1024)  # px of the pictures that are pasted: the first that is not much smaller than the face
ENLARGED = 1.25  # at most: more would be seen
MAPS = 256  # px of masks and colour corrections
HIDDEN = (32.0, 64.0)  # mean difference of frame and reconstruction, of 255, from which something hides the face


@dataclass(frozen=True, eq=False)
class Layer:
    """What is drawn for a frame.

    Attributes:
        number: of the frame. run: that it is in, or None: it stays as it is.
        alignment: of the square, as large as the pictures.
        base, edited: the generator's pictures without and with the edit.
        maps: ``float32 [9,M,M]``: colour corrections of base and edited (3 each, of 255), where the frame is kept,
            where the edit may show, where nothing hides the face.
    """

    number: int
    frame: Frame
    run: Run | None = None
    alignment: Alignment | None = None
    base: Image.Image | None = None
    edited: Image.Image | None = None
    maps: np.ndarray | None = None


class Drawer:
    """Draws the layers of a clip's frames.

    A generator that does not stop early at the pictures' size has its features of half of it read: what reads them is
    fitted to one frame, and serves the clip.
    """

    def __init__(self, pack: Pack, track: Track, codes: Codes, wish: Wish, step: Step, shares: np.ndarray):
        self.pack, self.track, self.codes, self.step, self.shares = pack, track, codes, step, shares
        self.place, self.free = wish.place(pack) if pack.parser else None, wish.free
        self.size = next((size for size in SIZES if size * ENLARGED >= track.side), SIZES[-1])
        self.size = min(self.size, pack.generator.resolution)
        stops = pack.generator.exit_resolution(self.size) == self.size
        self.read = None if stops or self.size // 2 not in pack.generator.preview_resolutions else self._reader()

    @torch.no_grad()
    def _reader(self) -> nn.Module | None:
        """Features of half the pictures' size -> pictures, fitted to the frame in the middle of the longest run."""
        run = max(self.track.runs, key=lambda run: run.last - run.first)
        code, residual = self.codes.at((run.first + run.last) // 2, run)
        generator = steps.adapted_pack(self.pack, adapting(self.pack, code, residual)).generator
        picture = generator.synthesize(code, self.size)
        return generator.fitted_head(generator.styles(code), picture, self.size // 2)

    def _pictures(self, generator: Generator, styles: list[Tensor]) -> list[Image.Image]:
        if self.read is None:
            pictures = generator.synthesize(styles, self.size)
        else:
            pictures = self.read(generator.features(styles, self.size // 2))
        return [to_image(each) for each in pictures.split(1)]

    @torch.no_grad()
    def layer(self, number: int, frame: Frame) -> Layer:
        run = self.track.run_of(number)
        if run is None:
            return Layer(number, frame)
        photo = Image.fromarray(frame.pixels)
        alignment = self.track.alignment(number, photo.size, self.size)
        code, residual = self.codes.at(number, run)
        code, share = code.to(self.pack.device), float(self.shares[number] * run.weight(number))
        generator = steps.adapted_pack(self.pack, adapting(self.pack, code, residual)).generator
        moved = code + share * self.step.code.to(code)
        styles = generator.styles(torch.cat([code, moved]))
        if self.step.styles is not None:
            pairs = zip(styles, self.step.styles, strict=True)
            styles = [torch.cat([both[:1], both[1:] + share * offset.to(both)]) for both, offset in pairs]
        base, edited = self._pictures(generator, styles)
        maps = self._maps(cut(photo, alignment), base, edited)
        return Layer(number, frame, run, alignment, base, edited, maps)

    def _maps(self, photo: Image.Image, base: Image.Image, edited: Image.Image) -> np.ndarray:
        pictures, parts, shown = (photo, base, edited), None, np.ones((MAPS, MAPS), np.float32)
        if self.pack.parser is not None:
            found = tones.parsed([*pictures], self.pack.parser, self.pack.device).split(1)
            each = [tones.parts_in(*pair) for pair in zip(pictures, found, strict=True)]
            parts = each[0], each[1], each[2]
            if self.place is not None:
                shown = self._place(self.place, found[0], found[2])
        before, after, kept = tones.corrections(*pictures, parts, self.free)
        fields = np.concatenate([before, after, kept[..., None]], 2)
        if len(fields) != MAPS:
            fields = cv2.resize(fields, (MAPS, MAPS))
        return np.concatenate([fields.transpose(2, 0, 1), shown[None], self._visible(photo, base)[None]]).astype(
            np.float32
        )

    def _place(self, name: str, before: Tensor, after: Tensor) -> np.ndarray:
        try:
            mask = local.edited_place(before, after, name, self.step.tight).mask
        except UnknownRegion:  # not to be seen in this frame
            return np.zeros((MAPS, MAPS), np.float32)
        return cv2.resize(mask[0, 0].numpy(), (MAPS, MAPS), interpolation=cv2.INTER_AREA)

    def _visible(self, photo: Image.Image, base: Image.Image) -> np.ndarray:
        """0 where something that is no part of the face (a hand) hides it, else 1: ``[M,M]``."""
        a, b = (np.asarray(each.resize((64, 64), Image.Resampling.BOX), np.float32) for each in (photo, base))
        missed = a - b
        missed = np.abs(missed - np.median(missed, (0, 1))).max(-1)
        missed = cv2.GaussianBlur(missed, (0, 0), 2.5)
        low, high = HIDDEN
        return cv2.resize(1 - np.clip((missed - low) / (high - low), 0, 1), (MAPS, MAPS))


def pasted(layers: Iterable[Layer], settings: VideoSettings) -> Iterator[tuple[Layer, np.ndarray]]:
    """Layers, and their frames ``uint8 [H,W,3]`` with the edits, with maps smoothed over the frames beside.

    Args:
        layers: of successive frames. The first and last few are smoothed only over those that there are.
    """
    reach = radius(settings.maps)
    window: deque[Layer] = deque(maxlen=2 * reach + 1)
    due = 0  # place in the window of the next frame to be pasted
    for layer in layers:
        due -= len(window) == window.maxlen
        window.append(layer)
        if len(window) - due > reach:
            yield _finished(window, due, settings)
            due += 1
    for place in range(due, len(window)):
        yield _finished(window, place, settings)


def _finished(window: deque[Layer], place: int, settings: VideoSettings) -> tuple[Layer, np.ndarray]:
    layer = window[place]
    if layer.run is None or layer.base is None or layer.edited is None or layer.alignment is None:
        return layer, layer.frame.pixels
    reach = radius(settings.maps)
    near = [each for each in window if each.run == layer.run and abs(each.number - layer.number) <= reach]
    shares = weights([each.number for each in near], layer.number, settings.maps)
    maps = sum(np.float32(share) * each.maps for share, each in zip(shares, near, strict=True) if each.maps is not None)
    assert isinstance(maps, np.ndarray) and layer.maps is not None, "frames of runs have maps"
    shown = maps[7] * np.minimum(maps[8], layer.maps[8])  # what comes before the face is at once not painted over
    before, after = (maps[part].transpose(1, 2, 0) for part in (slice(0, 3), slice(3, 6)))
    new = tones.applied(layer.base, layer.edited, before, after, maps[6])
    mask = Image.fromarray((np.clip(shown, 0, 1) * 255).round().astype(np.uint8))
    feather = BORDER_FEATHER * layer.alignment.size / ALIGNED_SIZE
    photo = Image.fromarray(layer.frame.pixels)
    result = paste_back(photo, new.edited, layer.alignment, mask, new.base, feather, new.kept)
    return layer, np.asarray(result)
