"""One face through a clip: found, followed, and its aligned square steadied over time, as in STIT (Tzaban et al. 2022).

A *run* is a stretch of frames of one shot in which the face is there. Detectors miss a face now and then: gaps of a few
frames belong to the run. At the ends of a run that are no cuts the edit is faded in and out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from styleclip_core.errors import BadVideo, NoFaceFound
from styleclip_core.faces import Alignment, DetectedFace, cut, detect_faces
from styleclip_core.faces.align import ffhq_square, quad_of
from styleclip_core.faces.detect import follow_face
from styleclip_core.faces.readings import angles
from styleclip_core.images import to_tensor
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress
from styleclip_core.settings import VideoSettings
from styleclip_core.video.container import Clip, Frame, read_frames
from styleclip_core.video.smoothing import smoothed

CUT = 27.0  # mean change of small frames, of 255, from which it is a cut, if it also stands out
STANDS_OUT = 3.0  # times the median change of the frames before
MAX_GAP = 3  # frames without a face that a run may have
LEAST_RUN = 2  # frames; what is shorter is no face, unless the shot is as short
FADE = 4  # frames over which an edit fades in and out
SEARCH_EVERY = 3  # frames: how often a face that is lost is looked for
SAME_PERSON = 0.35  # cosine of identities above which a face found again may be the one that was lost
KNOWN = 8  # frames whose mean identity stands for the person
EXPRESSIONS = {"smile": ("mouthSmileLeft", "mouthSmileRight"), "jaw_open": ("jawOpen",)}  # reading -> blendshapes


@dataclass(frozen=True)
class Run:
    """Frames ``first`` to ``last``; ``cut_before``, ``cut_after``: the clip or the shot begins or ends there."""

    first: int
    last: int
    cut_before: bool
    cut_after: bool

    def weight(self, frame: int) -> float:
        """How much of the edit a frame shows, in (0,1]."""
        begin = 1.0 if self.cut_before else (frame - self.first + 1) / (FADE + 1)
        end = 1.0 if self.cut_after else (self.last - frame + 1) / (FADE + 1)
        return min(1.0, begin, end)


@dataclass(frozen=True, eq=False)
class Track:
    """A face through a clip of T frames.

    Attributes:
        times: ``int64 [T,2]``, time and duration of each frame (`container.Frame`).
        squares: ``float64 [T,2,2]``, centre and axis of the aligned square, steadied; NaN where there is none.
        readings: ``float64 [T,R]``, `EXPRESSIONS` and then how far the head is turned, in degrees; NaN where unknown.
        shots: ``int64 [T]``, number of each frame's shot.
        runs: where the face is.
        others: how many frames show other people too, or only them.
    """

    times: np.ndarray
    squares: np.ndarray
    readings: np.ndarray
    shots: np.ndarray
    runs: list[Run]
    others: int

    def __len__(self) -> int:
        return len(self.times)

    def alignment(self, frame: int, photo_size: tuple[int, int], size: int) -> Alignment:
        """The aligned square of a frame, ``size`` px wide."""
        return Alignment(quad_of(*self.squares[frame]), photo_size, size)

    @property
    def side(self) -> float:
        """Median side of the squares, px of the frames."""
        return float(2 * np.nanmedian(np.linalg.norm(self.squares[:, 1], axis=1)))

    def run_of(self, frame: int) -> Run | None:
        return next((run for run in self.runs if run.first <= frame <= run.last), None)

    @property
    def notes(self) -> list[str]:
        """What is to be known of the clip, in sentences."""
        followed, shots, said = sum(run.last - run.first + 1 for run in self.runs), int(self.shots.max()) + 1, []
        if followed < len(self):
            said.append(
                f"{len(self) - followed} of {len(self)} frames show no face, or another one, and stay as they are."
            )
        if shots > 1:
            said.append(f"{shots} shots; each is smoothed by itself.")
        if self.others:
            said.append("Other faces are seen in some frames; one face is followed.")
        return said


def track_steps(clip: Clip, pack: Pack, settings: VideoSettings, face: int = 0) -> Iterator[Progress | Track]:
    """Follow a face: Progress on the way, the Track at the end.

    Args:
        face: which one of the first frame that shows any, 0 the largest.
    Raises:
        NoFaceFound: no frame shows one. BadVideo: no frame can be read.
    """
    follower, times = _Follower(pack, face), []
    for number, frame in enumerate(read_frames(clip)):
        times.append((frame.time, frame.duration))
        follower.see(frame)
        yield Progress("Following the face", number + 1, max(clip.frames, number + 1))
    if not times:
        raise BadVideo(f"{clip.path.name} has no frame in that part.")
    yield make_track(np.array(times), follower, settings)


@dataclass
class _Follower:
    """What is known of the face so far; its lists have an entry for each frame."""

    pack: Pack
    choice: int
    faces: list[DetectedFace | None] = field(default_factory=list)
    shots: list[int] = field(default_factory=list)
    others: int = 0
    _small: np.ndarray | None = None
    _changes: list[float] = field(default_factory=list)
    _identities: list[torch.Tensor] = field(default_factory=list)
    _lost: int = 0

    def see(self, frame: Frame) -> None:
        photo = Image.fromarray(frame.pixels)
        is_cut = self._is_cut(photo)
        last = None if is_cut or not self.faces else self.faces[-1]
        face = follow_face(photo, last) if last else None
        if face is None and (last is not None or is_cut or self._lost % SEARCH_EVERY == 0):
            face = self._search(photo)
        self._lost = 0 if face else self._lost + 1
        if face and len(self._identities) < KNOWN and self.pack.identity:
            self._identities.append(self._identity(photo, face))
        self.faces.append(face)
        self.shots.append((self.shots[-1] if self.shots else 0) + is_cut)

    def _is_cut(self, photo: Image.Image) -> bool:
        small, before = np.asarray(photo.resize((64, 36), Image.Resampling.BOX), np.float32), self._small
        self._small = small
        if before is None:
            return False
        change, usual = float(np.abs(small - before).mean()), float(np.median(self._changes or [0.0]))
        self._changes = [*self._changes, change][-12:]
        return change > CUT and change > STANDS_OUT * usual

    def _search(self, photo: Image.Image) -> DetectedFace | None:
        try:
            found = detect_faces(photo, thorough=False)
        except NoFaceFound:
            return None
        if not self._identities:
            self.others += len(found) > 1
            return found[min(self.choice, len(found) - 1)]
        known = torch.stack(self._identities).mean(0)
        cosines = [float(torch.cosine_similarity(self._identity(photo, face), known, 0)) for face in found]
        best = int(np.argmax(cosines))
        self.others += len(found) > 1 or cosines[best] <= SAME_PERSON
        return found[best] if cosines[best] > SAME_PERSON else None

    @torch.no_grad()
    def _identity(self, photo: Image.Image, face: DetectedFace) -> torch.Tensor:
        square = cut(photo, Alignment(quad_of(*ffhq_square(face)), photo.size, 256))
        assert self.pack.identity, "identities are compared only where the pack can tell them"
        return self.pack.identity(to_tensor(square, self.pack.device))[0].cpu()


def make_track(times: np.ndarray, follower: _Follower, settings: VideoSettings) -> Track:
    """Runs of the faces found, with gaps filled and squares steadied. Raises NoFaceFound."""
    count, shots = len(times), np.array(follower.shots)
    squares, readings = np.full((count, 2, 2), np.nan), np.full((count, len(EXPRESSIONS) + 1), np.nan)
    for number, face in enumerate(follower.faces):
        if face is not None:
            squares[number] = ffhq_square(face)
            shapes = [np.mean([face.blendshapes.get(name, 0) for name in names]) for names in EXPRESSIONS.values()]
            turned = angles(face.pose)
            readings[number] = [*shapes, float(np.hypot(turned["yaw"], turned["pitch"]))]
    runs = _runs(~np.isnan(squares[:, 0, 0]), shots)
    steady = np.full_like(squares, np.nan)
    for run in runs:
        part = slice(run.first, run.last + 1)
        filled = _filled(squares[part])
        steady[part, 0] = smoothed(filled[:, 0], settings.center)
        steady[part, 1] = smoothed(filled[:, 1], settings.axes)
    if not runs:
        raise NoFaceFound("No face was found in the video: use one in which a face is seen from the front.")
    return Track(times, steady, readings, shots, runs, follower.others)


def _runs(there: np.ndarray, shots: np.ndarray) -> list[Run]:
    runs: list[Run] = []
    for frame in np.flatnonzero(there).tolist():
        last = runs[-1] if runs else None
        if last and shots[last.last] == shots[frame] and frame - last.last <= MAX_GAP + 1:
            runs[-1] = Run(last.first, frame, last.cut_before, False)
        else:
            runs.append(Run(frame, frame, frame == 0 or shots[frame - 1] != shots[frame], False))
    ends = [run.last == len(shots) - 1 or shots[run.last + 1] != shots[run.last] for run in runs]
    runs = [Run(run.first, run.last, run.cut_before, end) for run, end in zip(runs, ends, strict=True)]
    return [run for run in runs if run.last - run.first + 1 >= LEAST_RUN or (run.cut_before and run.cut_after)]


def _filled(values: np.ndarray) -> np.ndarray:
    """``[T,...]`` with NaN replaced by what lies on the line between its neighbours."""
    flat = values.reshape(len(values), -1).copy()
    there, times = ~np.isnan(flat[:, 0]), np.arange(len(flat))
    for column in flat.T:
        column[:] = np.interp(times, times[there], column[there])
    return flat.reshape(values.shape)


def save_track(track: Track, path: Path) -> None:
    """Write a track as plain arrays."""
    runs = np.array([(run.first, run.last, run.cut_before, run.cut_after) for run in track.runs])
    arrays = {"times": track.times, "squares": track.squares, "readings": track.readings, "shots": track.shots}
    with path.open("wb") as file:
        np.savez(file, runs=runs, others=np.array(track.others), **arrays)  # type: ignore[arg-type]


def load_track(path: Path) -> Track:
    """Read what `save_track` wrote."""
    with np.load(path, allow_pickle=False) as file:
        runs = [Run(int(a), int(b), bool(c), bool(d)) for a, b, c, d in file["runs"]]
        return Track(file["times"], file["squares"], file["readings"], file["shots"], runs, int(file["others"]))
