"""Who is next: one thread runs all model code, and this says in which order.

The rule. Long work is a generator, and each of its steps is a turn. Of the turns that wait, quick calls go before steps
of edits, those before looks in the background; among equals, first the visitor whose last turn is longest ago. So a
preview waits for one step of somebody's edit, never for the whole, and who asks for much is served as often as who asks
for little. A look takes turns only while no other job is under way, even if that job rests between two of its steps.
"""

from __future__ import annotations

import contextlib
import enum
import itertools
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gradio.context import LocalContext

T = TypeVar("T")
NOBODY = ""  # the visitor of work that no visitor asked for
REMEMBERED = 1000  # visitors of whom is known what they did


class Kind(enum.IntEnum):
    """Of work, in the order in which it is served."""

    QUICK = 0
    EDIT = 1
    LOOK = 2


@dataclass(eq=False)
class _Turn:
    kind: Kind
    visitor: str
    arrived: int
    work: Callable[[], Any]
    done: Future = field(default_factory=Future)

    def run(self) -> None:
        try:
            self.done.set_result(self.work())
        except BaseException as error:  # it is raised where the turn was asked for
            self.done.set_exception(error)


class Turns:
    """The worker thread, which begins with the first turn, and what waits for it."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "studio")
        self._changed = threading.Condition()  # guards all that follows
        self._waiting: list[_Turn] = []
        self._numbers = itertools.count(1)
        self._served: OrderedDict[str, int] = OrderedDict()  # visitor -> the number of the last turn
        self._begun: OrderedDict[str, int] = OrderedDict()  # visitor -> jobs until now
        self._under_way: Counter[str] = Counter()  # visitor -> jobs now

    def take(self, kind: Kind, visitor: str, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, done in the worker thread when it is this turn's time."""
        with self._changed:
            turn = _Turn(kind, visitor, next(self._numbers), work)
            self._waiting.append(turn)
        self._worker.submit(self._serve)  # as often as there are turns, whichever comes then
        return turn.done.result()

    def _serve(self) -> None:
        with self._changed:
            turn = min(self._waiting, key=lambda each: (each.kind, self._served.get(each.visitor, 0), each.arrived))
            self._waiting.remove(turn)
            _remember(self._served, turn.visitor, next(self._numbers))
        turn.run()

    @contextlib.contextmanager
    def job(self, visitor: str) -> Iterator[None]:
        """Work that looks in the background wait for, until its end."""
        with self._changed:
            self._under_way[visitor] += 1
            _remember(self._begun, visitor, self._begun.get(visitor, 0) + 1)
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= Counter((visitor,))  # leaves out who has none
                self._changed.notify_all()

    def wait_for_jobs(self, seconds: float) -> bool:
        """Wait until no job is under way, at most so long. Returns whether none is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def jobs_of(self, visitor: str) -> tuple[int, int]:
        """How many jobs of a visitor are under way, and how many began until now."""
        with self._changed:
            return self._under_way[visitor], self._begun.get(visitor, 0)


def _remember(known: OrderedDict[str, int], visitor: str, number: int) -> None:
    known[visitor] = number
    known.move_to_end(visitor)
    while len(known) > REMEMBERED:
        known.popitem(last=False)


def current_visitor() -> str:
    """Whose call this thread answers, as gradio knows it; NOBODY's outside of a call."""
    request = LocalContext.request.get(None)
    return name_of(request.session_hash, LocalContext.event_id.get(None), request) if request else NOBODY


def name_of(session: str | None, event: str | None, request: Any) -> str:
    """A visitor's name: the session, or the client's address of a call without one (gradio then names it by its event).

    Args:
        request: gradio's or starlette's, or None.
    """
    if session and session != event:
        return session
    client = getattr(request, "client", None)
    return (client and client.host) or NOBODY
