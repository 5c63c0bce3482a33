"""The tab "Many photos": the same edit on several photos, one after the other, as a gallery and a zip."""

from __future__ import annotations

import functools
import html
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from styleclip_app.jobs import AGAIN, refuse, wire_work
from styleclip_app.page import PRIVATE, PROMPTS, Updates, Values, strength_slider
from styleclip_app.photo import CONSENT
from styleclip_app.prompt_tab import REGIONS
from styleclip_app.requests import EditRequest, PromptEdit, RecipeEdit
from styleclip_app.results import KEEP_SECONDS, keep
from styleclip_app.session import FaceRequest, call_in_worker, in_worker, run
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import job_seconds, on_gpu
from styleclip_core import Edit, OptimizeSettings, Progress, Studio, StudioError
from styleclip_core.edits.recipe import Recipe
from styleclip_core.edits.sliders import available, read_pairs
from styleclip_core.errors import BadImage, BadSetting, UnknownPrompt
from styleclip_core.packs import Pack
from styleclip_core.provenance import save_picture

MANY: dict[str, Any] = {"concurrency_id": "many", "concurrency_limit": 1}  # a queue of their own: they take minutes
MOST = 40  # photos at a time; for more there is the command
SHOWN = 1000  # px of the longer side of photos in the gallery
IDLE = f"Choose up to {MOST} photos and describe the change: it is made in each, of its largest face."


@dataclass(frozen=True)
class Made:
    """What came of a photo: files of the whole photo (PNG) and of a smaller one (JPEG), or the sentence why not.

    Attributes:
        name: of the photo's file.
        identity: how much the face is that of the same person (1 identical); None of what is no face.
    """

    name: str
    file: str = ""
    shown: str = ""
    identity: float | None = None
    error: str = ""


@dataclass(frozen=True)
class ManyTab:
    """The tab's components.

    Attributes:
        made: of the session: what came of each photo of the last run, ``list[Made]``.
        refused: the last prompt of which the model knew nothing: Run again tries it.
    """

    photos: gr.File
    prompt: gr.Textbox
    strength: gr.Slider
    region: gr.Dropdown
    sliders: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    gallery: gr.Gallery
    save: gr.DownloadButton
    failures: gr.HTML
    made: gr.State
    refused: gr.State

    @property
    def inputs(self) -> set[Component]:
        """What `read` takes."""
        return {self.photos, self.prompt, self.strength, self.region, self.sliders, self.refused}

    @property
    def outputs(self) -> list[Component]:
        return [self.status, self.gallery, self.save, self.failures, self.made, self.refused]

    def read(self, values: Values) -> tuple[list[str], PromptEdit | RecipeEdit]:
        """The photos' files and the edit. Raises BadImage, BadSetting, EmptyPrompt, BadPrompt."""
        photos = values[self.photos] or []
        if not photos:
            raise BadImage("Choose photos first.")
        if len(photos) > MOST:
            raise BadSetting(f"At most {MOST} photos are edited at a time here; `styleclip batch` edits any number.")
        settings = OptimizeSettings(strength=values[self.strength])
        prompt, region = values[self.prompt], values[self.region] or "auto"
        anyway = prompt == values[self.refused]
        if sliders := read_pairs(values[self.sliders] or []):
            return photos, RecipeEdit(Recipe(prompt or "", region, settings, sliders), anyway)
        return photos, PromptEdit(prompt, settings, region, anyway=anyway)


Draw = Callable[[str, EditRequest], Iterator[Progress | Made]]


def many_tab(studio: Studio) -> ManyTab:
    """Build the tab and wire it."""
    tab = _lay_out(studio.pack)
    buttons, begins = (tab.run, tab.cancel), [tab.run.click, tab.prompt.submit]
    draw = on_gpu(functools.partial(edit_one, studio), _seconds)
    work = functools.partial(_work, studio, draw, tab)
    ran = wire_work(buttons, begins, work, tab.inputs, tab.outputs, tab.status, MANY)
    ran.then(_zip, tab.made, tab.save, **PRIVATE)  # also when it was cancelled: what is done is kept
    return tab


def _lay_out(pack: Pack) -> ManyTab:
    domain = pack.domain
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=440):
            kinds: dict[str, Any] = {"file_count": "multiple", "file_types": ["image"]}
            photos = gr.File(label="Photos", height=205, elem_id="many-photos", **kinds)
            if domain == "face":
                gr.HTML(f"<small>{CONSENT}</small>", elem_classes="consent")
            label = f"What should each {domain} look like?"
            prompt = gr.Textbox(label=label, placeholder=PROMPTS[domain], elem_id="many-prompt")
            with gr.Row():
                strength = strength_slider(min_width=220, scale=5, elem_id="many-strength")
                options: dict[str, Any] = {"allow_custom_value": True, "visible": domain == "face"}
                where = {"value": "auto", "label": "Where", "min_width": 120, "scale": 2, "elem_id": "many-where"}
                region = gr.Dropdown(REGIONS, **where, **options)
            known = available(pack)
            named = [(f"{slider.label} ({slider.group})", f"{slider.key}=1") for slider in known]
            example = f", such as {known[0].key}=-0.5" if known else ""
            label = f"Sliders, besides or instead: choose, or type NAME=STRENGTH{example}"
            several: dict[str, Any] = {"multiselect": True, "allow_custom_value": True, "visible": bool(known)}
            sliders = gr.Dropdown(named, label=label, elem_id="many-sliders", **several)
            with gr.Row():
                start = gr.Button("Edit all", variant="primary", elem_id="many-run", scale=3)
                look: dict[str, Any] = {"interactive": False, "elem_classes": "cancel", "min_width": 80}
                cancel = gr.Button("Cancel", elem_id="many-cancel", **look)
        with gr.Column(scale=8, min_width=520):
            status = gr.HTML(status_html(IDLE), elem_id="many-status")
            plain: dict[str, Any] = {"interactive": False, "visible": False, "object_fit": "contain", "buttons": []}
            gallery = gr.Gallery(label="Edited", height="auto", elem_id="many-gallery", **plain)
            failures = gr.HTML(visible=False, elem_id="many-failures")
            save = gr.DownloadButton("Save all as a zip", interactive=False, size="sm", elem_id="many-save")
    asked, shown = (photos, prompt, strength, region, sliders, start, cancel), (status, gallery, save, failures)
    return ManyTab(*asked, *shown, gr.State([], time_to_live=KEEP_SECONDS), gr.State())


def _work(studio: Studio, draw: Draw, tab: ManyTab, values: Values) -> Iterator[Updates]:
    """Edit the photos; yield what the page shows of it. What is wrong with one photo is said, and the rest goes on."""
    try:
        photos, edit = tab.read(values)
        call_in_worker(edit.check, studio)
    except UnknownPrompt as error:
        yield {tab.status: refuse(UnknownPrompt(f"{error} {AGAIN}")), tab.refused: values[tab.prompt]}
        return
    except StudioError as error:
        yield {tab.status: refuse(error)}
        return
    made: list[Made] = []
    nothing: Updates = {tab.save: gr.update(value=None, interactive=False)}
    yield nothing | _shown(tab, made) | {tab.status: status_html("Beginning", 0), tab.refused: None}
    began = time.perf_counter()
    for number, photo in enumerate(photos):
        for step in draw(photo, edit):
            if isinstance(step, Made):
                made.append(step)
                yield _shown(tab, made)
            else:
                yield {tab.status: _progress(step, number, len(photos), time.perf_counter() - began)}
    failed = sum(bool(each.error) for each in made)
    said = f"{len(made) - failed} of {len(made)} photos are edited" + (f", {failed} could not be." if failed else ".")
    yield {tab.status: status_html(said, bad=failed == len(made))}


def _seconds(photo: str, edit: EditRequest) -> int:
    """For how long a GPU is asked for."""
    return job_seconds(False, edit.recipe.settings.steps)


def edit_one(studio: Studio, photo: str, edit: EditRequest) -> Iterator[Progress | Made]:
    """Edit a photo in the worker thread by turns: Progress on the way, in the end what came of it."""
    name = Path(photo).name
    try:
        for step in in_worker(run(studio, FaceRequest(photo), edit)):
            if isinstance(step, Progress):
                yield step
            elif isinstance(step, Edit):
                yield _written(name, step)
    except StudioError as error:
        yield Made(name, error=str(error))


def _written(name: str, edit: Edit) -> Made:
    """Its files in gradio's cache, under names that depend on what is in them."""
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, f"{Path(name).stem}.png"), Path(folder, f"{Path(name).stem}.jpg")
        edit.save(whole)
        picture: Image.Image = edit.photo.copy()
        picture.thumbnail((SHOWN, SHOWN))
        save_picture(picture, small)
        return Made(name, keep(whole), keep(small), edit.scores.get("identity"))


def _shown(tab: ManyTab, made: list[Made]) -> Updates:
    """What came until now."""
    pictures: Any = [(each.shown, _caption(each)) for each in made if each.shown]
    lines = "".join(f"<li><b>{html.escape(m.name)}</b>: {html.escape(m.error)}</li>" for m in made if m.error)
    failures = f'<div class="job bad">Not edited:<ul>{lines}</ul></div>'
    return {
        tab.made: list(made),
        tab.gallery: gr.update(value=pictures, visible=bool(pictures)),
        tab.failures: gr.update(value=failures if lines else "", visible=bool(lines)),
    }


def _caption(made: Made) -> str:
    return made.name if made.identity is None else f"{made.name} · same person {made.identity:.2f}"


def _progress(step: Progress, number: int, count: int, seconds: float) -> str:
    """``number``: of the photo, from 0."""
    left = f" · about {seconds / number * (count - number):.0f} s left" if number else ""
    part = step.step / step.steps if step.steps else 0
    return status_html(f"Photo {number + 1} of {count} · {step.stage}{left}", (number + part) / count)


def _zip(made: list[Made] | None) -> Any:
    """The button that saves, with a zip of what was made."""
    files = [each for each in made or [] if each.file and Path(each.file).is_file()]
    if not files:
        return gr.skip()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "edited-photos.zip")
        with zipfile.ZipFile(path, "w") as archive:  # stored: pictures are compressed already
            for number, each in enumerate(files, 1):
                archive.write(each.file, f"{number:02d}-{Path(each.name).stem}.png")
        return gr.update(value=keep(path), interactive=True)
