"""Long work of the page: how it begins, reports, is cancelled and ends."""

from __future__ import annotations

import contextlib
import functools
import html
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from styleclip_app.page import LONG, PRIVATE, Page, Updates, Values
from styleclip_app.requests import EditRequest, PromptEdit
from styleclip_app.results import remember
from styleclip_app.session import FaceRequest, InvertedFace, find, in_worker, is_busy, jobs_so_far, run
from styleclip_app.theme import numbers_html, progress_html, status_html
from styleclip_app.zerogpu import job_seconds, on_gpu
from styleclip_core import Edit, Progress, Studio, StudioError
from styleclip_core.errors import UnknownPrompt

STOPPING, CANCELLED = "Stopping after this step", "Cancelled. What you see stays as it is."
FIRST_LOOK = "This is the edit at a first look; a better likeness follows"
AGAIN = "Press Run again to try it anyway."

Job = tuple[FaceRequest | InvertedFace, EditRequest | None]  # which face, and what to do to it: `session.run`


def wire_job(
    page: Page,
    buttons: tuple[gr.Button, gr.Button],
    begins: list[Any],
    read: Callable[[Values], Job],
    inputs: set[Component],
    done: str,
    keep: bool = True,
) -> Dependency:
    """Wire a tab's long job: it turns Run off and Cancel on until its end, and updates the page's views.

    Args:
        buttons: Run and Cancel.
        begins: the events that it begins with.
        read: what is asked for, from the values of ``inputs``; a StudioError that it raises is shown.
        done: what the page says at the end.
        keep: put what it makes among the page's results.
    Returns:
        the job's event, to be followed by ``then``.
    """
    status, cancel = page.views.status, buttons[1]
    work = on_gpu(functools.partial(show_run, page.studio), _gpu_seconds)

    def start(values: Values) -> Iterator[Updates]:
        try:
            face, edit = read(values)
        except StudioError as error:
            yield page.updates(status=refuse(error))
            return
        for named in work(face, edit, done):
            yield page.updates(**named)

    shown: dict[str, Any] = {"api_visibility": "private", "show_progress": "full", "show_progress_on": status}
    started = gr.on(begins, _busy, None, list(buttons), cancels=page.looks, queue=False, **PRIVATE)
    running = started.then(start, inputs, page.outputs, **shown, **LONG)
    running.then(_free, status, [*buttons, status], queue=False, **PRIVATE)  # also when it was cancelled
    if keep:
        views = page.views
        made = [page.results, views.compare, views.save_face, views.save_photo, views.numbers]
        running.then(remember, made, [page.results, page.strip], queue=False, **PRIVATE)
    cancel.click(_stopping, None, [cancel, status], cancels=running, queue=False, **PRIVATE)
    return running


def show_run(
    studio: Studio, request: FaceRequest | InvertedFace, edit: EditRequest | None, done: str
) -> Iterator[dict[str, Any]]:
    """Do the work in the worker thread and yield what the page shows of it, by the names that `Page.updates` takes.

    A face that is not known yet is edited twice: as it is at the first look, and when it is refined. What was shown of
    the first edit stays until then. An error says its sentence and leaves the rest as it was.
    """
    stage, started, before, inverted, edited = "", 0.0, None, None, False
    try:
        for step in in_worker(run(studio, request, edit, at_once=True)):
            if isinstance(step, InvertedFace):
                inverted, before = step, step.picture
                status = status_html("Beginning the edit", 0) if edit else status_html(done)
                seen = {} if edited else {"compare": (before, step.face.image)}
                yield {"inverted": inverted, "status": status, **seen}
            elif isinstance(step, Progress):
                if step.stage != stage:
                    stage, started = step.stage, time.perf_counter()
                before = before or step.preview
                views = {"compare": (before, step.preview)} if step.preview and not edited else {}
                yield {"status": progress_html(step, time.perf_counter() - started), **views}
            else:
                assert inverted is not None, "the face is found before it is edited"
                edited = True
                last = isinstance(request, InvertedFace) or inverted.choice in (None, request.choice)
                with tempfile.TemporaryDirectory() as folder:
                    aligned, pasted = save_pictures(step, folder, studio.pack.domain)
                    yield {
                        "status": status_html(done) if last else status_html(FIRST_LOOK, 0),
                        "compare": (before, aligned),  # the file, which says that AI made it
                        "pasted": pasted,
                        "numbers": numbers_html(step.scores, inverted.face, step.report),
                        "save_face": gr.update(value=aligned, interactive=True),
                        "save_photo": gr.update(value=pasted, interactive=True),
                    }
    except UnknownPrompt as error:
        yield {"status": refuse(UnknownPrompt(f"{error} {AGAIN}"))}
    except StudioError as error:
        yield {"status": refuse(error)}


def show_look(studio: Studio, request: FaceRequest) -> Iterator[dict[str, Any]]:
    """Begin before being asked: yield the face as the program sees it at a first look, then refined, and no errors.

    It takes turns only while nobody waits for anything else. Where there is nothing to show it yields that: between
    two yields it cannot be cancelled.
    """
    seen, begun = is_busy(), jobs_so_far()
    with contextlib.suppress(StudioError):  # a Run says what is wrong
        for step in in_worker(find(studio, request, at_once=True), background=True):
            if isinstance(step, InvertedFace):
                seen = seen or jobs_so_far() > begun  # an edit may be shown by now, which stays
                yield {"inverted": step, **({} if seen else {"compare": (step.picture, step.face.image)})}
                seen = True
            else:
                yield {"inverted": gr.skip()}


def save_pictures(edit: Edit, folder: str, domain: str) -> tuple[str, str]:
    """Write the aligned and the pasted-back picture; gradio copies them into its cache when it sends them."""
    paths = str(Path(folder, f"edited-{domain}.png")), str(Path(folder, "edited-photo.png"))
    edit.save(paths[0], aligned=True)
    edit.save(paths[1])
    return paths


def refuse(error: StudioError) -> str:
    """Show the error's sentence; the page stays as it was. Returns the status."""
    gr.Warning(html.escape(str(error), quote=False), duration=6)
    return status_html(str(error), bad=True)


def _gpu_seconds(request: FaceRequest | InvertedFace, edit: EditRequest | None, done: str) -> int:
    """How long `show_run` may take where GPUs are lent for single jobs."""
    known = isinstance(request, InvertedFace) or request.inverted is not None
    steps = edit.settings.steps if isinstance(edit, PromptEdit) else 0
    return job_seconds(known, steps)


def _busy() -> tuple:
    return gr.update(interactive=False), gr.update(interactive=True)


def _stopping() -> tuple:
    """Cancel was pressed; the job ends with the step that it is in."""
    return gr.update(interactive=False), status_html(STOPPING)


def _free(status: str) -> tuple:
    """The job is over: Run on, Cancel off, and if it was cancelled, say so."""
    text = status_html(CANCELLED) if STOPPING in status else gr.skip()
    return gr.update(interactive=True), gr.update(interactive=False), text
