"""Photos are handed out one at a time to workers, whatever these are: it is known at which photo one died."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from styleclip_core.batch.work import Row
from styleclip_core.errors import StudioError

TRIES = 2  # of a photo whose worker dies at it
STARTS = 3  # of a worker that dies before it is ready, in a row
DIED = {"error": "The worker died at it, twice: it may need more memory than there is.", "kind": "out of memory"}
NOBODY = {"error": "Every worker died at its start: there may be too little memory for them.", "kind": "out of memory"}


@dataclass(frozen=True)
class Ready:
    """A worker's networks are loaded; it waits for photos.

    Attributes:
        note: what is to be known about its networks, see `Pack.note`.
    """

    note: str = ""


Answer = Ready | Row | StudioError | None  # None: it died


class Team(Protocol):
    """Workers, by their numbers from 0. What goes wrong in one is its answer, never raised."""

    def begin(self, worker: int) -> None:
        """Start a worker, or one that died anew; it answers when it is ready, or with what it has against the plan."""
        ...

    def give(self, worker: int, photo: Path, wait: bool) -> None:
        """Let a worker that is ready do a photo, which it answers with the row. For ``wait`` see `Worker.do`."""
        ...

    def answer(self) -> tuple[int, Answer]:
        """The next answer of any worker, awaited."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


@dataclass(frozen=True)
class _Task:
    photo: Path
    tries: int = 1
    wait: bool = False


def hand_out(
    team: Team, workers: int, photos: Sequence[Path], say: Callable[[str], object] = lambda note: None
) -> Generator[tuple[Path, Row], None, None]:
    """Each photo with its row, as they come. Those that other processes are at come last. The team is closed.

    Args:
        say: is given what is to be known about the workers' networks, once.
    Raises:
        StudioError: what a worker has against the plan.
    """
    waiting = deque(map(_Task, photos))
    at: dict[int, _Task | None] = {}  # what the living workers are at that do not idle; None: starting
    idle: list[int] = []
    failed: Counter[int] = Counter()  # starts, in a row
    said = False

    def begin(worker: int) -> None:
        at[worker] = None
        team.begin(worker)

    try:
        for worker in range(min(workers, len(photos))):
            begin(worker)
        while at and (waiting or any(at.values())):
            worker, answer = team.answer()
            starting, task, row = worker in at, at.pop(worker, None), None
            if isinstance(answer, StudioError):
                raise answer
            if answer is None:
                failed[worker] += starting and task is None
                idle = [other for other in idle if other != worker]
                if task and task.tries < TRIES:
                    waiting.append(replace(task, tries=task.tries + 1))
                elif task:
                    row = DIED
            else:
                failed[worker] = 0
                idle.append(worker)
                if isinstance(answer, Ready):
                    if answer.note and not said:
                        said = True
                        say(answer.note)
                elif task and "busy" in answer:
                    waiting.append(replace(task, wait=True))
                else:
                    row = answer
            while waiting and idle:
                free, following = idle.pop(), waiting.popleft()
                at[free] = following
                team.give(free, following.photo, following.wait)
            if answer is None and waiting and failed[worker] < STARTS:
                begin(worker)
            if task and row is not None:
                yield task.photo, row
        for task in waiting:
            yield task.photo, NOBODY
    finally:
        team.close()
