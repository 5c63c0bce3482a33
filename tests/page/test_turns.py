"""Who is served next, with work that computes nothing."""

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext

from styleclip_app import session
from styleclip_app.session import call_in_worker, in_background, in_worker, is_busy, jobs_so_far
from styleclip_app.turns import NOBODY, Kind, Turns, current_visitor, name_of


class Held:
    """Turns whose worker is held until all that is asked for waits; it notes in which order they are served."""

    def __init__(self) -> None:
        self.turns, self.served = Turns(), []
        self._threads: list[threading.Thread] = []
        self._held, self._go_on = threading.Event(), threading.Event()
        self._start(Kind.QUICK, NOBODY, lambda: self._held.set() or self._go_on.wait(10))
        assert self._held.wait(10)

    def _start(self, kind: Kind, visitor: str, work: Callable[[], Any]) -> None:
        self._threads.append(threading.Thread(target=self.turns.take, args=(kind, visitor, work)))
        self._threads[-1].start()

    def ask(self, kind: Kind, visitor: str) -> None:
        waiting = len(self.turns._waiting)
        self._start(kind, visitor, lambda: self.served.append((kind.name, visitor)))
        while len(self.turns._waiting) == waiting:
            pass  # it has arrived then, so that the order is certain

    def order(self) -> list[tuple[str, str]]:
        self._go_on.set()
        for thread in self._threads:
            thread.join(10)
        return self.served


@pytest.fixture
def as_visitor() -> Iterator[Callable[[str], None]]:
    """Makes this thread answer a call of a visitor's."""

    def become(visitor: str) -> None:
        LocalContext.request.set(gr.Request(session_hash=visitor))

    yield become
    LocalContext.request.set(None)


def test_quick_work_goes_before_edits_and_edits_before_looks() -> None:
    held = Held()
    for kind in (Kind.LOOK, Kind.EDIT, Kind.QUICK):
        held.ask(kind, "ann")
    held.ask(Kind.QUICK, "bob")
    assert held.order() == [("QUICK", "ann"), ("QUICK", "bob"), ("EDIT", "ann"), ("LOOK", "ann")]


def test_a_visitors_second_turn_waits_behind_the_first_of_others() -> None:
    held = Held()
    for visitor in ("ann", "ann", "ann", "bob", "bob", "cleo"):
        held.ask(Kind.EDIT, visitor)
    assert [visitor for _, visitor in held.order()] == ["ann", "bob", "cleo", "ann", "bob", "ann"]


def test_errors_reach_who_asked_and_the_worker_goes_on() -> None:
    turns = Turns()
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            turns.take(Kind.EDIT, "ann", lambda error=error: (_ for _ in ()).throw(error))
    assert turns.take(Kind.EDIT, "ann", lambda: 3) == 3


def test_a_preview_waits_for_one_step_of_an_edit_only() -> None:
    order: list[str] = []
    asked, begun = threading.Event(), threading.Event()

    def edit() -> Generator[int, None, None]:
        for step in range(4):
            begun.set()
            asked.wait(10)
            order.append(f"step {step}")
            yield step

    editing = threading.Thread(target=lambda: list(in_worker(edit())))
    editing.start()
    assert begun.wait(10)
    preview = threading.Thread(target=call_in_worker, args=(order.append, "preview"))
    preview.start()
    while not session._turns._waiting:
        pass
    asked.set()
    for thread in (editing, preview):
        thread.join(10)
    assert order == ["step 0", "preview", "step 1", "step 2", "step 3"]


def test_a_cancelled_edit_leaves_the_worker_to_the_next_after_its_step() -> None:
    taken: list[int] = []

    def edit() -> Generator[int, None, None]:
        for step in range(100):
            taken.append(step)
            yield step

    running = in_worker(edit())
    assert next(running) == 0 and next(running) == 1
    running.close()
    assert call_in_worker(len, taken) == 2 and not is_busy()


def test_a_look_that_waits_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAUSE", 0.01)
    seen: list[Any] = []
    edit = in_worker(iter_of(1, 2))
    next(edit)
    look = in_background(iter_of("look"))
    for _ in range(3):
        seen.append(next(look))
    look.close()
    edit.close()
    assert seen == [None] * 3
    assert [step for step in in_background(iter_of("look")) if step] == ["look"]


def iter_of(*steps: Any) -> Any:
    yield from steps


def test_work_of_others_is_not_ones_own(as_visitor: Callable[[str], None]) -> None:
    as_visitor("ann")
    edit = in_worker(iter_of(1, 2))
    next(edit)
    assert is_busy() and jobs_so_far() == 1
    as_visitor("bob")
    assert not is_busy() and jobs_so_far() == 0
    call_in_worker(max, 1, 2)
    assert not is_busy() and jobs_so_far() == 1
    as_visitor("ann")
    edit.close()
    assert not is_busy() and jobs_so_far() == 1


def test_visitors_are_sessions_or_addresses(as_visitor: Callable[[str], None]) -> None:
    assert current_visitor() == NOBODY
    as_visitor("ann")
    assert current_visitor() == "ann"

    class Call:
        client = type("Address", (), {"host": "192.0.2.1"})

    assert name_of("a session", "an event", Call) == "a session"
    assert name_of("an event", "an event", Call) == name_of(None, "an event", Call) == "192.0.2.1"
    assert name_of(None, None, None) == NOBODY
