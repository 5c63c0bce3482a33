"""What all tabs of the page share: the face they edit, the pictures that an edit shows, and how jobs begin and end."""

from __future__ import annotations

import html
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

import styleclip_app.results
from styleclip_app.session import InvertedFace, in_worker
from styleclip_app.theme import numbers_html, progress_html, status_html
from styleclip_core import Edit, InvertSettings, Progress, Studio, StudioError

KEEP_SECONDS = 3600  # how long uploads and results stay on disk, and the face of an idle session in memory
GPU_SECONDS = 120  # that a job may take where GPUs are lent for each job
VIEWS = ("status", "compare", "pasted", "numbers", "save_face", "save_photo", "known")  # what a running edit updates
STOPPING, CANCELLED = "Stopping after this step", "Cancelled. Everything is as it was."
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
QUICK: dict[str, Any] = {"concurrency_id": "quick", "concurrency_limit": 1}
LONG: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}  # the others see their place in the queue


@dataclass(frozen=True)
class Page:
    """The components that tabs share.

    Attributes:
        studio: what everything is computed with.
        photo: the chosen file.
        choice: which of its faces.
        known: the `InvertedFace` face of this session.
        inversion: the controls of InvertSettings' steps, faithful and tune.
        views: what an edit updates, by the names of VIEWS.
        results: the earlier results and their strip, see `styleclip_app.results`.
    """

    studio: Studio
    photo: gr.Image
    choice: gr.State
    known: gr.State
    inversion: list
    views: dict[str, Any]
    results: tuple[gr.State, gr.ReferenceFaces]

    @property
    def face(self) -> list:
        """What says which face to edit: photo, known, choice, and the settings of its inversion."""
        return [self.photo, self.known, self.choice, *self.inversion]

    @property
    def outputs(self) -> list:
        return [self.views[name] for name in VIEWS]


def inversion_of(steps: float, faithful: float, tune: float) -> InvertSettings:
    """The settings that the page's controls stand for. Raises BadSetting."""
    return InvertSettings(steps=steps, faithful=faithful, tune=tune).checked()


def show(**views: Any) -> list:
    return [views.get(name, gr.skip()) for name in VIEWS]


def refuse(error: StudioError) -> str:
    """Show the error's sentence; the page stays as it was. Returns the status."""
    gr.Warning(html.escape(str(error), quote=False), duration=6)
    return status_html(str(error), bad=True)


def save_pictures(edit: Edit, folder: str, domain: str) -> tuple[str, str]:
    """Write the aligned and the pasted-back picture; gradio copies them into its cache when it sends them."""
    paths = str(Path(folder, f"edited-{domain}.png")), str(Path(folder, "edited-photo.png"))
    for picture, path in zip((edit.image, edit.photo), paths, strict=True):
        picture.save(path, compress_level=1)
    return paths


def show_steps(studio: Studio, steps: Iterator[Progress | InvertedFace | Edit], done: str) -> Iterator[list]:
    """Run steps in the worker and show what they report; an error says its sentence and leaves the rest as it was."""
    stage, started, before, known = "", 0.0, None, None
    try:
        for step in in_worker(steps):
            if isinstance(step, InvertedFace):
                known, before = step, step.face.aligned or step.face.image
                yield show(known=known, compare=(before, step.face.image), status=status_html("Beginning the edit", 0))
            elif isinstance(step, Progress):
                if step.stage != stage:
                    stage, started = step.stage, time.perf_counter()
                before = before or step.preview
                views = {"compare": (before, step.preview)} if step.preview else {}
                yield show(status=progress_html(step, time.perf_counter() - started), **views)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    aligned, pasted = save_pictures(step, folder, studio.pack.domain)
                    yield show(
                        status=status_html(done),
                        compare=(before, step.image),
                        pasted=pasted,
                        numbers=numbers_html(step.scores, known.face),
                        save_face=gr.update(value=aligned, interactive=True),
                        save_photo=gr.update(value=pasted, interactive=True),
                    )
        if isinstance(step, InvertedFace):  # nothing else was to be done
            yield show(status=status_html(done))
    except StudioError as error:
        yield show(status=refuse(error))


def answers(
    studio: Studio, steps: Iterator[Progress | InvertedFace | Edit], known: InvertedFace | None, masks: bool = False
) -> Iterator[tuple]:
    """Run steps in the worker for a caller of the API: files (the last the mask, if asked for), numbers, known.

    While they run there are no files, and the numbers say how far it is.
    """
    try:
        for step in in_worker(steps):
            if isinstance(step, InvertedFace):
                known = step
            elif isinstance(step, Progress):
                now = {"stage": step.stage, "step": step.step, "steps": step.steps}
                yield *(None,) * (3 if masks else 2), now, known
            else:
                with tempfile.TemporaryDirectory() as folder:
                    files = save_pictures(step, folder, studio.pack.domain)
                    if masks:
                        files = *files, str(Path(folder, "mask.png"))
                        step.mask.save(files[-1])
                    yield *files, step.scores, known
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error


def job(
    page: Page, start: gr.Button, cancel: gr.Button, begins: list, steps: Any, inputs: list, keep: bool = True
) -> Any:
    """Wire a tab's long job: it begins with any of the events ``begins``, turns Run off and Cancel on until its end.

    Args:
        keep: put what it makes among the page's results.
    """
    status, buttons = page.views["status"], [start, cancel]
    started = gr.on(begins, _busy, None, buttons, queue=False, **PRIVATE)
    running = started.then(
        steps, inputs, page.outputs, api_visibility="private", show_progress="full", show_progress_on=status, **LONG
    )
    running.then(_free, status, [*buttons, status], queue=False, **PRIVATE)  # also when it was cancelled
    if keep:
        made = [page.views[name] for name in styleclip_app.results.READ]
        running.then(
            styleclip_app.results.remember, [page.results[0], *made], list(page.results), queue=False, **PRIVATE
        )
    cancel.click(_stopping, None, [cancel, status], cancels=running, queue=False, **PRIVATE)
    return running


def _busy() -> tuple:
    return gr.update(interactive=False), gr.update(interactive=True)


def _stopping() -> tuple:
    """Cancel was pressed; the job ends with the step that it is in."""
    return gr.update(interactive=False), status_html(STOPPING)


def _free(status: str) -> tuple:
    """The job is over: Run on, Cancel off, and if it was cancelled, say so."""
    text = status_html(CANCELLED) if STOPPING in status else gr.skip()
    return gr.update(interactive=True), gr.update(interactive=False), text
