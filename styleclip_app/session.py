"""What a program that serves people needs around a Studio: a face is inverted once per session, and a single worker
thread runs all model code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from PIL import Image

from styleclip_app.requests import EditRequest
from styleclip_core import Edit, Face, InvertSettings, Progress, Studio
from styleclip_core.errors import BadImage

P = ParamSpec("P")
T = TypeVar("T")
_END: Any = object()
_worker = ThreadPoolExecutor(1, "studio")


def _new_worker() -> None:
    global _worker
    _worker = ThreadPoolExecutor(1, "studio")


os.register_at_fork(after_in_child=_new_worker)  # threads do not survive a fork, and ZeroGPU forks for every job


@dataclass(frozen=True, eq=False)
class InvertedFace:
    """The face a person worked on last, so that their next edit of it starts at once. It belongs in their own session.

    Attributes:
        photo: sha256 of the photo's file.
        choice: which of its faces, and how it was inverted; None for a face of the generator.
        face: the face.
    """

    photo: str
    choice: tuple[int, InvertSettings] | None
    face: Face

    @property
    def picture(self) -> Image.Image:
        """What people see of the face: the aligned part of the photo, or the generator's picture if there is none."""
        return self.face.aligned or self.face.image

    def fits(self, photo: str | Path, choice: tuple[int, InvertSettings]) -> bool:
        """Whether this is that face of that photo."""
        return self.photo == digest(photo) and self.choice in (None, choice)


@dataclass(frozen=True, eq=False)
class FaceRequest:
    """Which face to edit.

    Attributes:
        photo: path of the photo, or None if none was chosen.
        index: which of its faces, 0 the largest.
        settings: of the inversion.
        inverted: the session's last face; it is taken if it is the one asked for.
    """

    photo: str | Path | None
    index: int = 0
    settings: InvertSettings = field(default_factory=InvertSettings)
    inverted: InvertedFace | None = None


Report = Progress | InvertedFace | Edit  # what long work yields: Progress any time, the face once, then the Edit


def run(
    studio: Studio, request: FaceRequest | InvertedFace, edit: EditRequest | None = None
) -> Generator[Report, None, None]:
    """Find the face, then edit it. What the pack refuses is refused first, before the long work.

    Args:
        request: which face; an InvertedFace is edited whatever photo it is from.
        edit: None only finds the face.
    Raises:
        StudioError: the verbs' own, and BadImage if there is no photo.
    """
    if edit:
        edit.check(studio)
    inverted = request if isinstance(request, InvertedFace) else (yield from _find_face(studio, request))
    yield inverted
    if edit:
        yield from edit.steps(studio, inverted.face)


def _find_face(studio: Studio, request: FaceRequest) -> Generator[Progress, None, InvertedFace]:
    """The session's last face if it is the one asked for; else yield Progress of inverting the one that is."""
    if request.photo is None:
        raise BadImage("Choose a photo first, or make a random face.")
    choice, inverted = (int(request.index), request.settings), request.inverted
    if inverted is not None and inverted.fits(request.photo, choice):
        return inverted
    for step in studio.invert_steps(request.photo, *choice):
        if isinstance(step, Face):
            return InvertedFace(digest(request.photo), choice, step)
        yield step
    raise AssertionError("an inversion ends with its face")


def digest(path: str | Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def in_worker(steps: Generator[T, None, Any]) -> Generator[T, None, None]:
    """The same steps, each taken in the single worker thread: what computes takes turns. Closing this closes them.

    A web server takes any of its threads for a step. Each would start compute threads and keep freed memory of its own,
    and the last step of a cancelled job would run beside the first of the next.
    """
    try:
        while (step := _worker.submit(next, steps, _END).result()) is not _END:
            yield step
    finally:
        steps.close()


def call_in_worker(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What one call returns, made in the worker thread."""
    return _worker.submit(work, *args, **options).result()
