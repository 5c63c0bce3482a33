"""The named endpoints, for programs: /random_face, /edit, /slide, /edit_region. Their components are hidden."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from styleclip_app.jobs import GPU_SECONDS, save_pictures
from styleclip_app.local_tab import LocalTab
from styleclip_app.page import LONG, QUICK, Page
from styleclip_app.photo import PhotoControls
from styleclip_app.prompt_tab import PromptTab
from styleclip_app.requests import EditRequest, PromptEdit, Region, SlidersEdit
from styleclip_app.session import FaceRequest, InvertedFace, call_in_worker, digest, in_worker, run
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Edit, OptimizeSettings, Progress, Studio, StudioError


def random_face(studio: Studio, number) -> Iterator[tuple[str, InvertedFace]]:
    """A face that does not exist. The same number gives the same face."""
    with _said_to_the_caller():
        face = call_in_worker(studio.random_face, number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"random-{studio.pack.domain}-{number:.0f}.png")
        face.save(path)
        yield str(path), InvertedFace(digest(path), None, face)


def edit(studio: Studio, photo, prompt, strength, steps, seed, region, anyway, inverted) -> Iterator[tuple]:
    """Edit the largest face of a photo by a prompt.

    The region is where the edit may show: "auto" (what the prompt is about), "everywhere", or a name, as of
    /edit_region. A prompt of which the model knows nothing is refused, unless it is to be tried anyway. Returns the
    aligned face (1024 x 1024), the photo with the edit pasted back, and the numbers: similarity to the prompt before
    and after, identity, distance, seconds, and as "report" what measurably changed.
    While it runs the numbers say how far it is.
    """
    with _said_to_the_caller():
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed)
        request = PromptEdit(prompt, settings, region or "auto", anyway=bool(anyway))
    for face, pasted, numbers, found in stream_api(studio, photo, inverted, request):
        yield face, pasted, numbers | ({"faces": found.face.faces} if face else {}), found


def slide(studio: Studio, photo, values, inverted) -> Iterator[tuple]:
    """Edit the largest face of a photo by sliders, given as {"mapper:smile": 1, "boundary:age": -0.5, ...}.

    Returns the aligned face (1024 x 1024), the photo with the edit pasted back, and the numbers: identity, distance,
    seconds, report.
    """
    with _said_to_the_caller():
        request = SlidersEdit(values)
    yield from stream_api(studio, photo, inverted, request)


def edit_region(studio: Studio, photo, prompt, region, mask, strength, inverted) -> Iterator[tuple]:
    """Edit a part of the largest face of a photo by a prompt.

    The part is a region's name ("hair", "lips+nose", "left eye", "auto", "everywhere") or, if given, a mask: a picture
    of the aligned face that is bright, or painted on transparency, where the edit may show. Returns the aligned face
    (1024 x 1024), the photo with the edit pasted back, the mask if there was one, and the numbers.
    """
    with _said_to_the_caller():
        settings = OptimizeSettings(strength=strength)
        request = PromptEdit(prompt, settings, region or "auto", Region(mask) if mask else None, anyway=True)
    yield from stream_api(studio, photo, inverted, request, with_mask=True)


def stream_api(
    studio: Studio, photo: str | None, inverted: InvertedFace | None, edit: EditRequest, with_mask: bool = False
) -> Iterator[tuple]:
    """Edit the largest face of a photo in the worker thread, for a caller of the API.

    Yields files (the last the mask, if asked for), numbers, and the InvertedFace. While it runs there are no files, and
    the numbers say how far it is.
    """
    with _said_to_the_caller():
        for step in in_worker(run(studio, FaceRequest(photo, inverted=inverted), edit)):
            if isinstance(step, InvertedFace):
                inverted = step
            elif isinstance(step, Progress):
                now = {"stage": step.stage, "step": step.step, "steps": step.steps}
                yield *(None,) * (3 if with_mask else 2), now, inverted
            else:
                with tempfile.TemporaryDirectory() as folder:
                    files = save_pictures(step, folder, studio.pack.domain)
                    if with_mask and step.mask:
                        step.mask.save(Path(folder, "mask.png"))
                    if with_mask:
                        files = *files, str(Path(folder, "mask.png")) if step.mask else None
                    yield *files, numbers_of(step), inverted


def numbers_of(edit: Edit) -> dict[str, Any]:
    """The scores of an edit, and what measurably changed: `Report.as_dict`, or None where no face can be read."""
    return edit.scores | {"report": edit.report and edit.report.as_dict()}


@contextlib.contextmanager
def _said_to_the_caller() -> Iterator[None]:
    """A StudioError is what gradio answers to the caller, not a failure of the server."""
    try:
        yield
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error


def add_endpoints(page: Page, photo: PhotoControls, prompt: PromptTab, local: LocalTab) -> None:
    """Declare the endpoints. What the page has a control for takes its label and default from there."""

    def declare(function: Callable[..., Iterator[tuple]], inputs: list, files: tuple[str, ...]) -> None:
        answer: list[Any] = [*(gr.Image(label=label) for label in files), gr.JSON(label="numbers"), page.inverted]
        call, name = on_gpu(functools.partial(function, page.studio), GPU_SECONDS), function.__name__
        gr.Button().click(call, [page.photo, *inputs, page.inverted], answer, api_name=name, **LONG)

    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        values, region, mask = gr.JSON(label="sliders"), gr.Textbox("auto", label="region"), gr.File(label="mask")
        settings = [prompt.strength, prompt.steps, prompt.seed]
        anyway = gr.Checkbox(label="anyway")
        declare(edit, [prompt.prompt, *settings, prompt.region, anyway], ("aligned", "pasted"))
        declare(slide, [values], ("aligned", "pasted"))
        declare(edit_region, [local.prompt, region, mask, local.strength], ("aligned", "pasted", "mask"))
    draw = on_gpu(functools.partial(random_face, page.studio))
    photo.random.click(draw, photo.number, [page.photo, page.inverted], api_name="random_face", **QUICK)
