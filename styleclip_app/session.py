"""What a program that serves people needs around a Studio: a face is found once, and one thread does all the sums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from styleclip_core.edits.invert import InvertSettings
from styleclip_core.errors import BadImage
from styleclip_core.progress import Progress
from styleclip_core.results import Face
from styleclip_core.studio import Studio

T = TypeVar("T")
_END = object()
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

    def fits(self, photo: str | Path, choice: tuple[int, InvertSettings]) -> bool:
        """Whether this is that face of that photo."""
        return self.photo == digest(photo) and self.choice in (None, choice)


def digest(path: str | Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def face_steps(
    studio: Studio, photo: str | Path | None, face: int, settings: InvertSettings, known: InvertedFace | None
) -> Iterator[Progress | InvertedFace]:
    """Yield the known face if it is the one asked for, else Progress of finding it and then the newly InvertedFace.

    Args:
        photo: path of the photo.
        face: which face, 0 the largest.
        settings: of the inversion.
    Raises:
        BadImage, NoFaceFound, BadSetting.
    """
    if photo is None:
        raise BadImage("Choose a photo first, or make a random face.")
    choice = int(face), settings.checked()
    if known is not None and known.fits(photo, choice):
        yield known
        return
    for step in studio.invert_steps(photo, *choice):
        yield InvertedFace(digest(photo), choice, step) if isinstance(step, Face) else step


def in_worker(steps: Iterator[T]) -> Iterator[T]:
    """The same steps, each taken in the one worker thread: what computes takes turns. Closing this closes them.

    A web server takes any of its threads for a step. Each would start compute threads and keep freed memory of its own,
    and the last step of a cancelled job would run beside the first of the next.
    """
    try:
        while (step := _worker.submit(next, steps, _END).result()) is not _END:
            yield step
    finally:
        steps.close()


def call_in_worker(work: Callable[..., T], *args: object, **options: object) -> T:
    """What one call returns, made in the worker thread."""
    return _worker.submit(work, *args, **options).result()
