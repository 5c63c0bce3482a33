"""The tab "Local": paint a region, edit only there (path C)."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from styleclip_app.canvas import CANVAS, CHANGES, PAINT, canvas, change, painted
from styleclip_app.hair_controls import hair_controls
from styleclip_app.jobs import Job, refuse, wire_job
from styleclip_app.page import PRIVATE, PROMPTS, Page, Updates, Values, strength_slider
from styleclip_app.requests import PromptEdit, Region
from styleclip_app.session import InvertedFace, call_in_worker
from styleclip_app.slider_controls import SliderControls
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import on_gpu
from styleclip_core import OptimizeSettings, Studio, StudioError
from styleclip_core.edits.local import EditMask, read_mask
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadSetting
from styleclip_core.faces.regions import COMMON_REGIONS
from styleclip_core.settings import LocalSettings

PROMPT, SLIDERS = "the prompt", "the tab Sliders"
DONE = "Done. Only what is painted, or else what the prompt is about, has changed."
FIRST = "Paint where the edit may show, or choose a region. With nothing painted, the prompt's words decide."


@dataclass(frozen=True)
class LocalTab:
    """The tab's components. ``laid`` is the face that lies in the editor, by its photo and choice (`InvertedFace`)."""

    show_face: gr.Button
    load: gr.UploadButton
    save: gr.DownloadButton
    editor: gr.ImageEditor
    bare: gr.Image
    laid: gr.State
    regions: dict[str, gr.Button]
    changes: dict[str, gr.Button]
    prompt: gr.Textbox
    start: gr.Button
    cancel: gr.Button
    source: gr.Radio
    strength: gr.Slider
    grow: gr.Slider
    feather: gr.Slider

    @property
    def inputs(self) -> set[Component]:
        """What `read` takes, besides the face and the sliders."""
        return {self.editor, self.laid, self.prompt, self.source, self.strength, self.grow, self.feather}

    @property
    def outputs(self) -> list[Component]:
        """What `write` sets."""
        face = [self.editor, self.laid, self.bare]
        return [*face, self.prompt, self.source, self.strength, self.grow, self.feather]

    def write(self, asked: Recipe, face: InvertedFace | None) -> Updates:
        """Set the controls to a recipe's prompt, settings and mask; without a face there is nothing to paint on."""
        numbers = {self.grow: asked.confine.grow, self.feather: asked.confine.feather}
        numbers |= {self.strength: asked.settings.strength}
        source = {self.source: PROMPT if asked.prompt else SLIDERS, self.prompt: asked.prompt}
        return {**numbers, **source, **(self.lay(face, asked.mask) if face else {})}

    def lay(self, face: InvertedFace, mask: Image.Image | None = None) -> Updates:
        """Put a face into the editor, with a mask painted over it."""
        bare = canvas(face.picture)["background"].convert("RGB")
        return {self.editor: canvas(face.picture, mask), self.laid: _id(face), self.bare: bare}

    def read(self, page: Page, sliders: SliderControls, values: Values) -> Job:
        """An edit within what is painted, or within what the prompt speaks of. Raises BadSetting and its like."""
        settings, request = OptimizeSettings(strength=values[self.strength]), page.face_request(values)
        confine = LocalSettings(grow=values[self.grow], feather=values[self.feather])
        mask = painted(values[self.editor]) if request.inverted and values[self.laid] == _id(request.inverted) else None
        region = Region(mask, confine) if mask else None
        if values[self.source] == PROMPT:
            return request, [PromptEdit(values[self.prompt], settings, painted=region, anyway=True)]
        edit = sliders.read(values, region)
        if not (edit.values and mask and request.inverted):
            raise BadSetting("Move sliders in the tab Sliders, and paint here where they may work.")
        return request.inverted, [edit]


def local_tab(page: Page, sliders: SliderControls) -> LocalTab:
    """Build the tab and wire it. ``sliders``: of the tab "Sliders", which may be what is let through the mask."""
    tab = _lay_out(page.studio.pack.domain)
    if page.studio.pack.domain == "face":
        hair_controls(page)

    def lay(values: Values) -> Updates:
        """Put the face into the editor, unless it lies there already."""
        inverted: InvertedFace | None = values[page.inverted]
        if inverted is None or values[tab.laid] == _id(inverted):
            return {tab.laid: values[tab.laid]}
        return tab.lay(inverted)

    def find(values: Values) -> Job:
        return page.face_request(values), ()

    shown, finders, editors = [tab.editor, tab.laid, tab.bare], (tab.show_face, tab.cancel), (tab.start, tab.cancel)
    found = wire_job(page, finders, [tab.show_face.click], find, page.face_inputs, FIRST)
    found.then(lay, {page.inverted, tab.laid}, shown, **PRIVATE)
    _wire_painting(page, tab)
    read, inputs = functools.partial(tab.read, page, sliders), page.face_inputs | tab.inputs | sliders.inputs
    begins = [tab.start.click, tab.prompt.submit]
    edited = wire_job(page, editors, begins, read, inputs, DONE)
    edited.then(lay, {page.inverted, tab.laid}, shown, **PRIVATE)
    return tab


def _lay_out(domain: str) -> LocalTab:
    with gr.Row():
        show_face = gr.Button(f"Show the {domain}", size="sm", elem_id="show-face", min_width=100)
        load = gr.UploadButton("Load a mask", size="sm", file_types=["image"], min_width=80)
        save = gr.DownloadButton("Save the mask", size="sm", interactive=False, min_width=80, elem_id="save-mask")
    plain: dict[str, Any] = {"show_label": False, "height": 470}
    brush = gr.Brush(default_size=40, colors=[f"rgb{PAINT}"], color_mode="fixed")
    image: dict[str, Any] = {"type": "pil", "image_mode": "RGBA", "canvas_size": (CANVAS, CANVAS)}
    none: dict[str, Any] = {"sources": (), "transforms": (), "layers": False}
    editor = gr.ImageEditor(brush=brush, elem_id="editor", **image, **none, **plain)
    bare = gr.Image(interactive=False, buttons=[], elem_id="bare", **plain)
    with gr.Row(elem_id="regions"):
        named = COMMON_REGIONS if domain == "face" else ()
        regions = {name: gr.Button(name, size="sm", min_width=56) for name in named}
    with gr.Row():
        changes = {name: gr.Button(name, size="sm", min_width=60) for name in CHANGES}
        overlay = gr.Checkbox(True, label="Overlay", container=False, min_width=90, elem_id="overlay")
    overlay.change(None, overlay, None, js="(on) => {document.body.classList.toggle('bare', !on)}")
    prompt = gr.Textbox(label="What should be there?", placeholder=PROMPTS[domain], elem_id="local-prompt")
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="local-run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, min_width=80, elem_classes="cancel")
    with gr.Accordion("Advanced", open=False):
        source = gr.Radio([PROMPT, SLIDERS], value=PROMPT, label="The edit comes from")
        strength, default = strength_slider(), LocalSettings()
        grow = gr.Slider(-50, 50, default.grow, step=1, label="Move the outline out by (px of 1024)")
        feather = gr.Slider(0, 100, default.feather, step=1, label="Soften the outline by (px of 1024)")
    tools, edit = (show_face, load, save, editor, bare, gr.State(None)), (prompt, start, cancel)
    return LocalTab(*tools, regions, changes, *edit, source, strength, grow, feather)


def _wire_painting(page: Page, tab: LocalTab) -> None:
    """What lays a mask over the face: the names of regions, changes of what is painted, a file."""
    status, changed = page.views.status, [tab.editor, tab.save, page.views.status]
    find = on_gpu(functools.partial(_find_region, page.studio))

    def paint(inverted: InvertedFace | None, mask: Image.Image | None, said: str) -> Updates:
        if inverted is None:
            return {status: status_html("Choose a photo and press Show the face first.", bad=True)}
        if mask is None:
            return {status: status_html("Nothing is painted yet.", bad=True)}
        with tempfile.NamedTemporaryFile(suffix=".png", prefix="mask-", delete=False) as file:
            mask.convert("L").save(file, "PNG")
        save = gr.update(value=file.name, interactive=True)
        return {tab.editor: canvas(inverted.picture, mask), tab.save: save, status: status_html(said)}

    def paint_region(name: str, values: Values) -> Updates:
        inverted: InvertedFace | None = values[page.inverted]
        found = inverted and find(inverted, name)
        if isinstance(found, str):
            return {status: found}
        return paint(inverted, found, f"Painted: {name}. Brush and eraser change it.")

    def change_mask(how: str, values: Values) -> Updates:
        mask = painted(values[tab.editor])
        return paint(values[page.inverted], mask and change(mask, how), f"{how}: done.")

    def load_mask(values: Values) -> Updates:
        try:
            mask = EditMask(read_mask(values[tab.load])).picture()
        except StudioError as error:
            return {status: refuse(error)}
        return paint(values[page.inverted], mask, "The mask was loaded.")

    for name, button in tab.regions.items():
        button.click(functools.partial(paint_region, name), {page.inverted}, changed, **PRIVATE)
    for how, button in tab.changes.items():
        button.click(functools.partial(change_mask, how), {page.inverted, tab.editor}, changed, **PRIVATE)
    tab.load.upload(load_mask, {page.inverted, tab.load}, changed, **PRIVATE)


def _find_region(studio: Studio, inverted: InvertedFace, name: str) -> Image.Image | str:
    """The mask of a named region, or, if the pack finds none, the refusal's status."""
    sharp = LocalSettings(grow=0, feather=0)
    try:
        return call_in_worker(studio.region, inverted.face, name, settings=sharp).picture()
    except StudioError as error:
        return refuse(error)


def _id(inverted: InvertedFace) -> tuple:
    """What tells one laid face from another."""
    return inverted.photo, inverted.choice
