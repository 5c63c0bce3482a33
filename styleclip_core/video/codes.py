"""Codes and feature residuals of a clip's frames: found in one pass each, kept in files, smoothed over time."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.edits import invert
from styleclip_core.images import to_tensor
from styleclip_core.packs.base import Pack
from styleclip_core.rendering import Preview
from styleclip_core.settings import InvertSettings, VideoSettings
from styleclip_core.video.smoothing import radius, weights
from styleclip_core.video.track import Run, Track

LOOKS = (0, 1.0), (1, 1.0)  # learned steps and their shares: the first two bring most of the likeness
FINE = 8  # the first layer of W+ that is held at a run's mean: colours and textures, as in STIT
SQUARE = 256  # px at which frames are inverted


class Coder:
    """Finds the codes of faces that follow one another in a film.

    What reads colours from the generator's features is fitted to the first of them, and serves the others too: that
    takes a third of the time, since a full picture is drawn for it.
    """

    def __init__(self, pack: Pack):
        self.pack = pack
        self._draw: Preview | None = None

    def code(self, square: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
        """Code ``float16 [L,512]`` of an aligned face, and its feature residual ``float16 [C,R,R]`` or None."""
        pack, image = self.pack, to_tensor(square, self.pack.device)
        with torch.no_grad():
            start = pack.encoder(image)
        if pack.inverter is None:
            return start[0].half().cpu().numpy(), None
        search = invert.Search(pack, start, {}, InvertSettings())
        draw = self._draw and self._draw.of_another(search.generator)
        photo = invert.Comparison(search, image, pack.inverter.picture_sizes[0], draw)
        self._draw = self._draw or photo.draw
        for step, share in LOOKS:
            search.take_learned_step(photo, step, share)
        code, found = search.result()
        return code[0].half().cpu().numpy(), found["feature_residual.offset"][0].half().cpu().numpy()


def inverted_frames(run: Run, stride: int) -> list[int]:
    """The frames of a run that are inverted: every so many, and the last."""
    return sorted({*range(run.first, run.last + 1, stride), run.last})


class Codes:
    """The codes of a track, from files of segments.

    Args:
        folder: of the files ``codes_K.npz`` with ``frames [n]``, ``w_plus [n,L,512]`` and ``residual [n,C,R,R]``.
    """

    def __init__(self, folder: Path, track: Track, settings: VideoSettings):
        self.folder, self.track, self.settings = folder, track, settings
        self._read = functools.lru_cache(maxsize=4)(self._load)
        self._fine = functools.lru_cache(maxsize=8)(self._mean)

    def _load(self, segment: int) -> dict[int, tuple[np.ndarray, np.ndarray | None]]:
        with np.load(segment_file(self.folder, segment), allow_pickle=False) as file:
            frames, codes = file["frames"].tolist(), file["w_plus"]
            residuals = file["residual"] if "residual" in file else [None] * len(frames)
        return {frame: (code, each) for frame, code, each in zip(frames, codes, residuals, strict=True)}

    def _of(self, frame: int) -> tuple[np.ndarray, np.ndarray | None]:
        return self._read(frame // self.settings.segment)[frame]

    def _mean(self, run: Run) -> np.ndarray:
        """The mean code ``float32 [L,512]`` of a run."""
        frames = inverted_frames(run, self.settings.stride)
        total = np.zeros_like(self._of(frames[0])[0], np.float64)
        for frame in frames:
            total += self._of(frame)[0]
        return (total / len(frames)).astype(np.float32)

    def at(self, frame: int, run: Run) -> tuple[Tensor, dict[str, Tensor]]:
        """The smoothed code ``[1,L,512]`` of a frame, and the residual as `networks.adapted` takes it."""
        known, deviation = np.array(inverted_frames(run, self.settings.stride)), self.settings.codes
        near = known[np.abs(known - frame) <= max(radius(deviation), self.settings.stride)]
        shares = weights(near, frame, deviation)
        codes = [self._of(each) for each in near.tolist()]
        code = sum(share * each[0].astype(np.float32) for share, each in zip(shares, codes, strict=True))
        assert isinstance(code, np.ndarray), "a run has codes"
        if deviation:
            code[FINE:] = self._fine(run)[FINE:]
        w_plus = torch.from_numpy(code.astype(np.float32))[None]
        if codes[0][1] is None:
            return w_plus, {}
        residual = sum(share * np.asarray(each[1], np.float32) for share, each in zip(shares, codes, strict=True))
        assert isinstance(residual, np.ndarray), "all frames have residuals, or none has"
        return w_plus, {"feature_residual.offset": torch.from_numpy(residual.astype(np.float32))[None]}


def segment_file(folder: Path, segment: int) -> Path:
    return folder / f"codes_{segment:05}.npz"


def save_segment(folder: Path, segment: int, found: dict[int, tuple[np.ndarray, np.ndarray | None]]) -> None:
    """Write the codes of a segment's frames, whole or not at all."""
    path = segment_file(folder, segment)
    arrays = {"frames": np.array(list(found), np.int64), "w_plus": np.array([code for code, _ in found.values()])}
    residuals = [residual for _, residual in found.values() if residual is not None]
    if residuals:
        arrays["residual"] = np.array(residuals)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def adapting(pack: Pack, code: Tensor, residual: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that adapt the generator to a frame: its residual, and the features that edits are measured by."""
    if not residual:
        return {}
    return residual | {"feature_residual.features": invert.plain_features(pack.generator, code.to(pack.device))}
