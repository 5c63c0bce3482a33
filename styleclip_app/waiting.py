"""Gradio's queue, fair and with a bound: which jobs wait in which order, and what is said to who may not wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import gradio as gr
from fastapi import HTTPException

from styleclip_app.turns import name_of

TOO_MANY_REQUESTS = 429  # gradio's pages show the sentence of any answer but 503, which they replace by one of theirs


def fair_order(waiting: Iterable[Any], running: Iterable[Any]) -> list[Any]:
    """Waiting events in the order in which they are due: a visitor's second job waits behind others' first.

    Args:
        waiting: gradio's events, the longest waiting first.
        running: those that are computed; a visitor who has one of them waits as with a second job.
    """
    jobs = Counter(_visitor(event) for event in running)
    order = []
    for place, event in enumerate(waiting):
        order.append((jobs[_visitor(event)], place, event))
        jobs[_visitor(event)] += 1
    return [event for _, _, event in sorted(order, key=lambda each: each[:2])]


def wait_fairly(app: gr.Blocks, most: int, most_of_one: int) -> None:
    """Let the events of each of the app's queues wait in `fair_order`, their places told anew, and at most so many.

    Args:
        most: events that wait in a queue; of previews and edits each their own.
        most_of_one: of them, those of one visitor.
    """
    queue = app._queue
    queue.max_size = None  # gradio's own bound counts previews and edits together and says "Queue is full"
    push: Callable[..., Awaitable[Any]] = queue.push
    get_events, broadcast = queue.get_events, queue.broadcast_estimations

    def sort(name: str) -> bool:
        """Whether that changed the order."""
        waiting = queue.event_queue_per_concurrency_id[name].queue
        before = list(waiting)
        running = [event for job in queue.active_jobs for event in job or () if event.concurrency_id == name]
        waiting[:] = fair_order(before, running)
        return waiting != before

    def next_events() -> Any:
        for name, each in queue.event_queue_per_concurrency_id.items():
            if len(each.queue) > 1:
                sort(name)
        return get_events()

    def tell_places(name: str, after: int | None = None) -> None:
        broadcast(name, None if sort(name) else after)

    async def enter(body: Any, request: Any, username: str | None) -> Any:
        fn = app.fns.get(body.fn_index)
        if fn is None:
            raise HTTPException(404, "There is no such call.")
        there = queue.event_queue_per_concurrency_id.get(fn.concurrency_id)
        waiting = there.queue if there else []
        visitor = name_of(body.session_hash, None, request)
        own = sum(_visitor(event) == visitor for event in waiting)
        if own >= most_of_one:
            said = f"You have {own} requests waiting already; wait until one of them is done."
            raise HTTPException(TOO_MANY_REQUESTS, said)
        if len(waiting) >= most:
            raise HTTPException(TOO_MANY_REQUESTS, full_sentence(len({_visitor(event) for event in waiting})))
        return await push(body=body, request=request, username=username)

    queue.get_events, queue.broadcast_estimations, queue.push = next_events, tell_places, enter  # type: ignore


def full_sentence(people: int) -> str:
    """What is said to who comes when all places are taken."""
    return f"{people} {'people are' if people != 1 else 'person is'} waiting; try again in a minute."


def _visitor(event: Any) -> str:
    return name_of(event.session_hash, event._id, event.request)
