"""Long work of the page: how it begins, reports, is cancelled and ends."""

from __future__ import annotations

import contextlib
import functools
import html
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from styleclip_app import results
from styleclip_app.page import LONG, PRIVATE, Page, Updates, Values
from styleclip_app.requests import EditRequest, PromptEdit
from styleclip_app.session import FaceRequest, InvertedFace, find, in_background, in_worker, is_busy, jobs_so_far, run
from styleclip_app.theme import progress_html, status_html
from styleclip_app.zerogpu import job_seconds, on_gpu
from styleclip_core import Progress, Studio, StudioError
from styleclip_core.errors import UnknownPrompt

STOPPING, CANCELLED = "Stopping after this step", "Cancelled. What you see stays as it is."
FIRST_LOOK = "This is the edit at a first look; a better likeness follows"
AGAIN = "Press Run again to try it anyway."
# Where the page is one column, a pressed Run leads to where its picture will be.
TO_RESULT = """() => {
  if (innerWidth < 900) document.getElementById('status').scrollIntoView({behavior: 'smooth'})
  return []
}"""

# Which face, and what to do to it: several edits are variants, each of the unedited face; none only finds the face.
Job = tuple[FaceRequest | InvertedFace, Sequence[EditRequest]]


def wire_job(
    page: Page,
    buttons: tuple[gr.Button, gr.Button],
    begins: list[Any],
    read: Callable[[Values], Job],
    inputs: set[Component],
    done: str,
) -> Dependency:
    """Wire a tab's long job: it turns Run off and Cancel on until its end, and updates the page's views and history.

    Args:
        buttons: Run and Cancel.
        begins: the events that it begins with.
        read: what is asked for, from the values of ``inputs``; a StudioError that it raises is shown.
        done: what the page says at the end.
    Returns:
        the job's event, to be followed by ``then``.
    """
    status, history = page.views.status, page.history
    work = on_gpu(functools.partial(show_run, page.studio), _gpu_seconds)

    def start(values: Values) -> Iterator[Updates]:
        try:
            face, edits = read(values)
        except StudioError as error:
            yield page.updates(status=refuse(error))
            return
        made: list[results.Result] = []
        for named in work(face, edits, done):
            result, last = named.pop("result", None), named.pop("last", False)
            yield page.updates(**named) | (page.show(values, result) if result else {})
            if result and last:
                made.append(result)
                yield page.with_new(values, made)

    overtake_looks(page, begins)
    needed = inputs | page.saving.inputs | {page.photo, history.results, history.place}
    return wire_work(buttons, begins, start, needed, page.outputs, status, LONG, TO_RESULT)


def wire_work(
    buttons: Sequence[gr.Button],
    begins: list[Any],
    work: Callable[[Values], Iterator[Updates]],
    inputs: set[Component],
    outputs: Sequence[Component],
    status: gr.HTML,
    queue: dict[str, Any],
    js: str | None = None,
) -> Dependency:
    """Wire work that can be cancelled between two of its yields.

    Args:
        buttons: those that are off while it runs, and Cancel, which is on then.
        begins: the events that it begins with.
        status: where it says how it is going; an output of ``work``.
        queue: gradio's options of the queue in which it waits.
        js: what the browser does at the beginning.
    """
    cancel = buttons[-1]
    shown: dict[str, Any] = {"api_visibility": "private", "show_progress": "full", "show_progress_on": status}
    busy = [gr.update(interactive=False)] * (len(buttons) - 1) + [gr.update(interactive=True)]
    started = gr.on(begins, lambda: busy, None, list(buttons), queue=False, js=js, **PRIVATE)
    running = started.then(work, inputs, list(outputs), **shown, **queue)

    def free(said: object) -> list[Any]:
        """It is over, also when it was cancelled, which is said then."""
        off = [gr.update(interactive=True)] * (len(buttons) - 1) + [gr.update(interactive=False)]
        return [*off, status_html(CANCELLED) if STOPPING in str(said) else gr.skip()]

    running.then(free, status, [*buttons, status], queue=False, **PRIVATE)
    cancel.click(_stopping, None, [cancel, status], cancels=running, queue=False, **PRIVATE)
    return running


def overtake_looks(page: Page, begins: list[Any]) -> None:
    """Let these events cancel looks at a photo. To be called before they are wired to anything else.

    The browser goes through what is wired to an event in order, and waits for each.
    """
    if page.looks:
        gr.on(begins, None, cancels=page.looks, queue=False, **PRIVATE)


def show_run(
    studio: Studio, request: FaceRequest | InvertedFace, edits: Sequence[EditRequest], done: str
) -> Iterator[dict[str, Any]]:
    """Do the work in the worker thread and yield what the page shows of it, by the names that `Page.updates` takes.

    Beside these names there are ``result``, a `results.Result`, and ``last``, whether it is to be kept. A face that is
    not known yet is edited twice: as it is at the first look, and when it is refined. What was shown of the first edit
    stays until then. An error says its sentence and leaves the rest as it was.
    """
    stage, started, before, inverted, number = "", 0.0, None, None, 0
    try:
        for step in in_worker(run(studio, request, *edits, at_once=len(edits) == 1)):
            if isinstance(step, InvertedFace):
                shown = {} if number else {"compare": (step.picture, step.face.image)}
                inverted, before, number = step, step.picture, 0
                status = status_html("Beginning the edit", 0) if edits else status_html(done)
                yield {"inverted": inverted, "status": status, **shown}
            elif isinstance(step, Progress):
                if step.stage != stage:
                    stage, started = step.stage, time.perf_counter()
                before = before or step.preview
                views = {"compare": (before, step.preview)} if step.preview and not number else {}
                yield {"status": progress_html(step, time.perf_counter() - started), **views}
            else:
                assert inverted is not None, "the face is found before it is edited"
                last = isinstance(request, InvertedFace) or inverted.is_of(inverted.photo, request.choice)
                result = results.write(step, inverted, edits[number].recipe, studio.pack.domain)
                number += 1
                more = f"{number} of {len(edits)} are done" if number < len(edits) else ""
                status = status_html(more or (done if last else FIRST_LOOK), None if last and not more else 0)
                yield {"status": status, "result": result, "last": last}
    except UnknownPrompt as error:
        yield {"status": refuse(UnknownPrompt(f"{error} {AGAIN}"))}
    except StudioError as error:
        yield {"status": refuse(error)}


def show_look(studio: Studio, request: FaceRequest, silent: bool = False) -> Iterator[dict[str, Any]]:
    """Begin before being asked: yield the face as the program sees it at a first look, then refined, and no errors.

    It takes turns only while no other job is under way. Where there is nothing to show it yields that: it can only be
    cancelled between two yields. ``silent``: show nothing of it.
    """
    seen, begun = silent or is_busy(), jobs_so_far()
    with contextlib.suppress(StudioError):  # a Run says what is wrong
        for step in in_background(find(studio, request, at_once=True)):
            if isinstance(step, InvertedFace):
                seen = seen or jobs_so_far() > begun  # an edit may be shown by now, which stays
                yield {"inverted": step, **({} if seen else {"compare": (step.picture, step.face.image)})}
                seen = True
            else:
                yield {"inverted": gr.skip()}


def refuse(error: StudioError) -> str:
    """Show the error's sentence; the page stays as it was. Returns the status."""
    gr.Warning(html.escape(str(error), quote=False), duration=6)
    return status_html(str(error), bad=True)


def _gpu_seconds(request: FaceRequest | InvertedFace, edits: Sequence[EditRequest], done: str) -> int:
    """How long `show_run` may take where GPUs are lent for single jobs."""
    known = isinstance(request, InvertedFace) or request.inverted is not None
    return job_seconds(known, sum(edit.settings.steps for edit in edits if isinstance(edit, PromptEdit)))


def _stopping() -> tuple:
    """Cancel was pressed; the job ends with the step that it is in."""
    return gr.update(interactive=False), status_html(STOPPING)
