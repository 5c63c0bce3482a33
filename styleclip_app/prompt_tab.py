"""The tab "Prompt": any change, in words (path A)."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import gradio as gr

from styleclip_app.controls import TERMS, edit_controls
from styleclip_app.jobs import GPU_SECONDS, LONG, Page, answers, inversion_of, job, refuse, show, show_steps
from styleclip_app.session import InvertedFace, face_steps
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Edit, InvertSettings, OptimizeSettings, Progress, Studio, StudioError
from styleclip_core.settings import check_prompt, check_range

DONE = "Done. Drag the line to compare, or try another prompt on the same face."


def edit_steps(
    studio: Studio, photo, face, inversion, known, prompt, settings
) -> Iterator[Progress | InvertedFace | Edit]:
    """Find the face in the photo, then edit it. Wrong input is refused before the long work."""
    prompt, settings = check_prompt(prompt), settings.checked()
    for step in face_steps(studio, photo, face, inversion, known):
        yield step
    yield from studio.optimize_steps(step.face, prompt, settings)


def run(
    studio: Studio, photo, known, choice, refine, faithful, tune, prompt, strength, steps, seed, *terms
) -> Iterator[list]:
    """Run was pressed. Each result updates the page's VIEWS."""
    try:
        weights = {name: check_range(name, value, 0, 10) for name, value in zip(TERMS, terms, strict=True)}
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed, **weights)
        inversion = inversion_of(refine, faithful, tune)
    except StudioError as error:
        yield show(status=refuse(error))
        return
    yield from show_steps(studio, edit_steps(studio, photo, choice, inversion, known, prompt, settings), DONE)


def edit(studio: Studio, photo, prompt, strength, steps, seed, known) -> Iterator[tuple]:
    """Edit the largest face of a photo by a prompt.

    Returns the aligned face (1024 x 1024), the photo with the edit pasted back, and the numbers: similarity to the
    prompt before and after, identity, distance, seconds. While it runs the numbers say how far it is.
    """
    settings = OptimizeSettings(strength=strength, steps=steps, seed=seed)
    work = edit_steps(studio, photo, 0, InvertSettings(), known, prompt, settings)
    for face, pasted, numbers, found in answers(studio, work, known):
        yield face, pasted, numbers | ({"faces": found.face.faces} if face else {}), found


def prompt_tab(page: Page) -> None:
    """Build the tab and wire it."""
    studio, domain = page.studio, page.studio.pack.domain
    prompt, strength, steps, seed, terms, start, cancel = edit_controls(domain)
    work = on_gpu(functools.partial(run, studio), GPU_SECONDS)
    job(page, start, cancel, [start.click, prompt.submit], work, [*page.face, prompt, strength, steps, seed, *terms])
    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        answer = [gr.Image(label="aligned"), gr.Image(label="pasted"), gr.JSON(label="numbers")]
        call = on_gpu(functools.partial(edit, studio), GPU_SECONDS)
        inputs = [page.photo, prompt, strength, steps, seed, page.known]
        gr.Button().click(call, inputs, [*answer, page.known], api_name="edit", **LONG)
