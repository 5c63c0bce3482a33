"""The queue's order and its bound."""

import itertools
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest

from styleclip_app.waiting import fair_order, wait_fairly

NUMBERS = itertools.count()


def event(visitor: str) -> Any:
    return SimpleNamespace(session_hash=visitor, _id=f"event {next(NUMBERS)}", request=None)


def test_a_second_job_waits_behind_the_first_of_others() -> None:
    waiting = [event(visitor) for visitor in ("ann", "ann", "bob", "ann", "cleo", "bob")]
    ordered = fair_order(waiting, [])
    assert [each.session_hash for each in ordered] == ["ann", "bob", "cleo", "ann", "bob", "ann"]
    assert ordered[3] is waiting[1] and ordered[5] is waiting[3] and fair_order(ordered, []) == ordered
    ordered = fair_order(waiting, [event("ann")])
    assert [each.session_hash for each in ordered] == ["bob", "cleo", "ann", "bob", "ann", "ann"]


@pytest.fixture
def served() -> Iterator[SimpleNamespace]:
    """An app with one function, which waits until it is let go and notes who called it."""
    go_on, order = threading.Event(), []

    def work(name: str) -> str:
        order.append(name)
        go_on.wait(20)
        return name

    with gr.Blocks(analytics_enabled=False) as app:
        box = gr.Textbox()
        box.submit(work, box, box, concurrency_id="edit", concurrency_limit=1, api_name="work")
    wait_fairly(app.queue(), most=4, most_of_one=2)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield SimpleNamespace(url=url, go_on=go_on, order=order)
    go_on.set()
    app.close()


def ask(url: str, visitor: str, name: str) -> httpx.Response:
    body = {"data": [name], "fn_index": 0, "session_hash": visitor}
    return httpx.post(f"{url}gradio_api/queue/join", json=body, timeout=10)


def until(condition: Any) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_the_queue_is_fair_and_says_when_it_is_full(served: SimpleNamespace) -> None:
    assert ask(served.url, "ann", "ann 1").status_code == 200
    until(lambda: served.order)
    for visitor, name in (("ann", "ann 2"), ("bob", "bob 1"), ("bob", "bob 2")):
        assert ask(served.url, visitor, name).status_code == 200
    refused = ask(served.url, "bob", "bob 3")
    assert refused.status_code == 429 and "You have 2 requests waiting" in refused.json()["detail"]
    assert ask(served.url, "cleo", "cleo 1").status_code == 200
    refused = ask(served.url, "dora", "dora 1")
    assert refused.status_code == 429
    assert refused.json()["detail"] == "3 people are waiting; try again in a minute."
    served.go_on.set()
    until(lambda: len(served.order) == 5)
    assert served.order == ["ann 1", "bob 1", "cleo 1", "ann 2", "bob 2"]
