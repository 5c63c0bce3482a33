"""What a program that serves people needs around a Studio: a face is inverted once per session, and all model code runs
in a single worker thread, by turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from PIL import Image

from styleclip_app.requests import EditRequest
from styleclip_app.turns import Kind, Turns, current_visitor
from styleclip_core import Edit, Face, InvertSettings, Progress, Studio
from styleclip_core.errors import BadImage

P = ParamSpec("P")
T = TypeVar("T")
_END: Any = object()
PAUSE = 0.3  # seconds that work in the background waits before it says that it still does
_turns = Turns()


def _new_worker() -> None:
    global _turns
    _turns = Turns()


os.register_at_fork(after_in_child=_new_worker)  # threads do not survive a fork, and ZeroGPU forks for every job


@dataclass(frozen=True, eq=False)
class InvertedFace:
    """The face a person worked on last, so that their next edit of it starts at once. It belongs in their own session.

    Attributes:
        photo: sha256 of the photo's file.
        choice: which of its faces, and how it was inverted (None: it is an edited face, which was not); None for a face
            of the generator.
        face: the face.
    """

    photo: str
    choice: tuple[int, InvertSettings | None] | None
    face: Face

    @property
    def picture(self) -> Image.Image:
        """What people see of the face: the aligned part of the photo, or the generator's picture if there is none."""
        return self.face.aligned or self.face.image

    def is_of(self, photo: str, choice: tuple[int, InvertSettings]) -> bool:
        """Whether this is that face of the photo with that sha256."""
        return self.photo == photo and self.choice in (None, choice, (choice[0], None))


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

    @property
    def choice(self) -> tuple[int, InvertSettings]:
        """Which of the photo's faces, and how it is inverted."""
        return self.index, self.settings


Report = Progress | InvertedFace | Edit  # what long work yields: Progress any time, faces when found, then the Edit


def run(
    studio: Studio, request: FaceRequest | InvertedFace, *edits: EditRequest, at_once: bool = False
) -> Generator[Report, None, None]:
    """Find the face, then edit it. What the pack refuses is refused first, before the long work.

    Args:
        request: which face; an InvertedFace is edited whatever photo it is from.
        edits: each is of the face as it was found; without any it is only found.
        at_once: edit the face as it is at the first look, too, so that an Edit is there soon; a better one follows.
    Raises:
        StudioError: the verbs' own, and BadImage if there is no photo.
    """
    for edit in edits:
        edit.check(studio)
    finding = iter((request,)) if isinstance(request, InvertedFace) else find(studio, request, at_once)
    for found in finding:
        yield found
        if isinstance(found, InvertedFace):
            for edit in edits:
                yield from edit.steps(studio, found.face)


def find(studio: Studio, request: FaceRequest, at_once: bool = False) -> Generator[Progress | InvertedFace, None, None]:
    """The session's last face if it is the one asked for; else Progress of inverting the one that is, then that.

    Args:
        at_once: yield the face after a first look, too, before it is refined.
    """
    if request.photo is None:
        raise BadImage("Choose a photo first, or make a random face.")
    photo, inverted = digest(request.photo), request.inverted
    wanted = [request.settings]
    look = replace(request.settings, steps=0, tune=0)
    if at_once and look != request.settings and not (inverted and inverted.is_of(photo, request.choice)):
        wanted.insert(0, look)
    for each in wanted:
        if inverted and inverted.is_of(photo, (request.index, each)):
            yield inverted
            continue
        face: Face | None = None
        for step in studio.invert_steps(request.photo, request.index, each):
            if isinstance(step, Face):
                face = step
            else:
                yield step
        assert face is not None, "an inversion ends with its face"
        yield InvertedFace(photo, (request.index, each), face)


def digest(path: str | Path) -> str:
    """The sha256 of a photo's file. Raises BadImage if it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise BadImage("The photo cannot be read; choose it again.") from error


def in_worker(steps: Generator[T, None, Any]) -> Generator[T, None, None]:
    """The same steps, each taken in the single worker thread, by turns (`Turns`). Closing this closes them.

    A web server takes any of its threads for a step. Each would start compute threads and keep freed memory of its own,
    and the last step of a cancelled job would run beside the first of the next.
    """
    turns, visitor = _turns, current_visitor()
    with turns.job(visitor), contextlib.closing(steps):
        while (step := turns.take(Kind.EDIT, visitor, lambda: next(steps, _END))) is not _END:
            yield step


def in_background(steps: Generator[T, None, Any]) -> Generator[T | None, None, None]:
    """The same steps, taken in the worker thread only while no other job is under way.

    While one is, this yields None now and then: a server can cancel between two yields only.
    """
    turns, visitor = _turns, current_visitor()
    with contextlib.closing(steps):
        while True:
            while not turns.wait_for_jobs(PAUSE):
                yield None
            if (step := turns.take(Kind.LOOK, visitor, lambda: next(steps, _END))) is _END:
                break
            yield step


def call_in_worker(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What one short call returns, made in the worker thread before steps of long work."""
    visitor = current_visitor()
    with _turns.job(visitor):
        return _turns.take(Kind.QUICK, visitor, lambda: work(*args, **options))


def is_busy() -> bool:
    """Whether work of this visitor is under way, other than in the background."""
    return _turns.jobs_of(current_visitor())[0] > 0


def jobs_so_far() -> int:
    """How many pieces of work of this visitor began until now, without those in the background."""
    return _turns.jobs_of(current_visitor())[1]
