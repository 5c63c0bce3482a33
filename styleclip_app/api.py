"""The named endpoints, for programs and, by MCP, for language models: /random_face, /edit, /slide, /edit_region.

Their components are hidden. Names, docstrings and types of the functions are what the API page and MCP clients show;
gradio reads one line for each argument.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from styleclip_app.local_tab import LocalTab
from styleclip_app.page import LONG, QUICK, Page
from styleclip_app.photo import PhotoControls
from styleclip_app.prompt_tab import PromptTab
from styleclip_app.requests import EditRequest, PromptEdit, Region, SlidersEdit
from styleclip_app.session import FaceRequest, InvertedFace, call_in_worker, digest, in_worker, run
from styleclip_app.zerogpu import MAX_SECONDS, job_seconds, on_gpu
from styleclip_core import Edit, OptimizeSettings, Progress, Studio, StudioError


def random_face(studio: Studio, number: int) -> Iterator[tuple[str, InvertedFace]]:
    """Draw the portrait of a person who does not exist, 1024 x 1024. The same number gives the same person.

    Args:
        number: Which person, a whole number from 0.
    Returns:
        The portrait (PNG).
    """
    with _said_to_the_caller():
        face = call_in_worker(studio.random_face, number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"random-{studio.pack.domain}-{number:.0f}.png")
        face.save(path)
        yield str(path), InvertedFace(digest(path), None, face)


def edit(
    studio: Studio,
    photo: str,
    prompt: str,
    strength: float,
    steps: int,
    seed: int,
    region: str,
    anyway: bool,
    inverted: InvertedFace | None,
) -> Iterator[tuple]:
    """Edit the largest face in a photo by a description of how it should look, and put it back into the photo.

    Smiles, glasses, beards, hair (length, curls, natural colours), make-up, age and expressions work well; the rest of
    the photo stays as it is. It takes from a few seconds to a minute. While it runs the numbers say how far it is.

    Args:
        photo: A photo in which a face is seen from the front or half from the side.
        prompt: How the person should look, in plain English: "a smiling person with grey hair".
        strength: How much to change: 1 is clearly visible, 0 nothing, 2 the most.
        steps: Refinement steps where the first picture does not show enough: 20 is usual, 0 is fastest.
        seed: The same seed gives the same edit.
        region: Where the edit may show: "auto" is what the prompt is about; or "everywhere", "hair", "lips+nose", ...
        anyway: Try a prompt of which the model knows nothing, which is refused otherwise.
    Returns:
        the aligned face, 1024 x 1024 (PNG)
        the photo with the edit in it, as large as the photo (PNG)
        numbers: similarity to the prompt before and after, identity, distance, seconds, report (what changed)
    """
    with _said_to_the_caller():
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed)
        request = PromptEdit(prompt, settings, region or "auto", anyway=bool(anyway))
    for face, pasted, numbers, found in stream_api(studio, photo, inverted, request):
        yield face, pasted, numbers | ({"faces": found.face.faces} if face else {}), found


def slide(studio: Studio, photo: str, values: dict[str, float], inverted: InvertedFace | None) -> Iterator[tuple]:
    """Edit the largest face in a photo by sliders, which add up, and put it back into the photo. It is exact and fast.

    Sliders are mapper:NAME (smiling, beard, bangs, eyeglasses, ...), boundary:NAME (age, smile, ...), component:NAME,
    and of any prompt text:PROMPT and style:PROMPT. An unknown name is answered with those that there are.

    Args:
        photo: A photo in which a face is seen from the front or half from the side.
        values: Strengths from -3 to 3 by sliders: {"mapper:smiling": 1, "boundary:age": -0.5}.
    Returns:
        the aligned face, 1024 x 1024 (PNG)
        the photo with the edit in it, as large as the photo (PNG)
        numbers: identity, distance, seconds, report (what changed)
    """
    with _said_to_the_caller():
        request = SlidersEdit(values)
    yield from stream_api(studio, photo, inverted, request)


def edit_region(
    studio: Studio,
    photo: str,
    prompt: str,
    region: str,
    mask: str | None = None,
    strength: float = 1,
    inverted: InvertedFace | None = None,
) -> Iterator[tuple]:
    """Edit only a part of the largest face in a photo by a description; outside the part nothing changes.

    Args:
        photo: A photo in which a face is seen from the front or half from the side.
        prompt: How the part should look, in plain English: "blond hair".
        region: The part: "hair", "lips+nose", "left eye", ..., "auto" (what the prompt is about) or "everywhere".
        mask: In place of the region: a picture of the aligned face, bright or painted where the edit may show.
        strength: How much to change: 1 is clearly visible, 0 nothing, 2 the most.
    Returns:
        the aligned face, 1024 x 1024 (PNG)
        the photo with the edit in it, as large as the photo (PNG)
        the mask, if there was one (PNG)
        numbers: similarity to the prompt before and after, identity, distance, seconds, report (what changed)
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
                    files = str(Path(folder, f"edited-{studio.pack.domain}.png")), str(Path(folder, "edited-photo.png"))
                    step.save(files[0], aligned=True)
                    step.save(files[1])
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
        raise gr.Error(textwrap.shorten(str(error), 2000), print_exception=False) from error  # it may quote the caller


def with_studio(function: Callable[..., Iterator[tuple]], studio: Studio) -> Callable[..., Iterator[tuple]]:
    """The function with its first argument given. Unlike a `functools.partial` it keeps name, docstring and types."""

    @functools.wraps(function)
    def call(*args: Any) -> Iterator[tuple]:
        yield from function(studio, *args)

    _, *others = inspect.signature(function).parameters.values()
    call.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
    return call


def gpu_seconds(function: Callable[..., Any]) -> Callable[..., int]:
    """How long calls of an endpoint may take where GPUs are lent, from their arguments."""
    _, *names = inspect.signature(function).parameters

    def seconds(*args: Any) -> int:
        asked = dict(zip(names, args, strict=False))
        photo, inverted, steps = asked.get("photo"), asked.get("inverted"), asked.get("steps", OptimizeSettings.steps)
        known = isinstance(inverted, InvertedFace) and bool(photo) and inverted.photo == digest(photo)
        return job_seconds(known, steps) if isinstance(steps, int | float) else MAX_SECONDS

    return seconds


def add_endpoints(page: Page, photo: PhotoControls, prompt: PromptTab, local: LocalTab) -> None:
    """Declare the endpoints. What the page has a control for takes its label and default from there."""

    def declare(function: Callable[..., Iterator[tuple]], inputs: list, files: tuple[str, ...]) -> None:
        answer: list[Any] = [*(gr.Image(label=label) for label in files), gr.JSON(label="numbers"), page.inverted]
        call = on_gpu(with_studio(function, page.studio), gpu_seconds(function))
        gr.Button().click(call, [page.photo, *inputs, page.inverted], answer, api_name=function.__name__, **LONG)

    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        values, region, mask = gr.JSON(label="sliders"), gr.Textbox("auto", label="region"), gr.File(label="mask")
        settings = [prompt.strength, prompt.steps, prompt.seed]
        anyway = gr.Checkbox(label="anyway")
        declare(edit, [prompt.prompt, *settings, prompt.region, anyway], ("aligned", "pasted"))
        declare(slide, [values], ("aligned", "pasted"))
        declare(edit_region, [local.prompt, region, mask, local.strength], ("aligned", "pasted", "mask"))
    draw = on_gpu(with_studio(random_face, page.studio))
    photo.random.click(draw, photo.number, [page.photo, page.inverted], api_name="random_face", **QUICK)
