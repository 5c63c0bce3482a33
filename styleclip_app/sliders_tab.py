"""The tab "Sliders": pick a concept, drag, see the face change (path B)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.blocks import Block
from PIL import Image

from styleclip_app.jobs import Job, wire_job
from styleclip_app.own_sliders import OwnSliderControls, own_slider_controls, wire_own_sliders
from styleclip_app.page import PRIVATE, Page, Values
from styleclip_app.requests import SlidersEdit
from styleclip_app.session import InvertedFace, call_in_worker, in_worker
from styleclip_app.slider_controls import SliderControls, pack_sliders, search_sliders
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Studio, StudioError
from styleclip_core.edits.sliders import Slider, available
from styleclip_core.provenance import save_picture

GRID = (-2, -1, 0, 1, 2)  # strengths of the grid
DONE = "Done. Drag on, or compare with the line."
PREVIEWS: dict[str, Any] = {"concurrency_id": "preview", "concurrency_limit": 1, "trigger_mode": "always_last"}


@dataclass(frozen=True)
class SlidersTab:
    """The tab's components."""

    search: gr.Textbox
    apply: gr.Button
    reset: gr.Button
    cancel: gr.Button
    own: OwnSliderControls
    grid: gr.Image
    controls: SliderControls


def sliders_tab(page: Page) -> SlidersTab:
    """Build the tab and wire it."""
    known = available(page.studio.pack)
    tab = _lay_out(known)
    controls = tab.controls

    def read(values: Values) -> Job:
        return page.face_request(values), [controls.read(values)]

    _wire_dragging(page, controls)
    hands = [slider.release for slider in controls.all]
    begins = [*hands, tab.apply.click, controls.draws.change]  # a typed number releases nothing
    inputs, buttons = page.face_inputs | controls.inputs, (tab.apply, tab.cancel)
    wire_job(page, buttons, begins, read, inputs, DONE)
    states: set[Block] = {controls.own_keys, controls.draws}
    changed = [controls.draws, controls.own_keys, *controls.all]
    tab.reset.click(lambda values: controls.redraw(values, {}), states, changed, **PRIVATE)
    wire_own_sliders(page, controls, tab.own)
    _wire_grid(page, tab)
    search, found = functools.partial(search_sliders, known), list(controls.pack.values())
    tab.search.change(search, tab.search, found, trigger_mode="always_last", **PRIVATE)
    return tab


def _lay_out(known: list[Slider]) -> SlidersTab:
    """``known``: the pack's sliders."""
    small: dict[str, Any] = {"size": "sm", "min_width": 56}
    with gr.Row():
        search = gr.Textbox(show_label=False, placeholder="Search", container=False, min_width=90, elem_id="search")
        apply, reset = (gr.Button(name, elem_id=name.lower(), **small) for name in ("Apply", "Reset"))
        cancel = gr.Button("Cancel", interactive=False, elem_classes="cancel", **small)
    pack, own = pack_sliders(known), own_slider_controls()
    hidden: dict[str, Any] = {"show_label": False, "visible": False, "interactive": False}
    grid = gr.Image(buttons=["download", "fullscreen"], elem_id="grid", **hidden)
    controls = SliderControls(pack, own.sliders, gr.State([]), gr.State({}), gr.State(0))
    return SlidersTab(search, apply, reset, cancel, own, grid, controls)


def _wire_dragging(page: Page, controls: SliderControls) -> None:
    """While a slider moves: a small picture at once, if the face was found already."""
    draw, compare = on_gpu(functools.partial(_preview, page.studio)), page.views.compare

    def drag(values: Values) -> Any:
        inverted: InvertedFace | None = values[page.inverted]
        if inverted is None:
            return gr.skip()
        small = draw(inverted, controls.read(values))
        return (inverted.face.aligned or inverted.face.image, small) if small else gr.skip()

    moves = [slider.input for slider in controls.all]
    gr.on(moves, drag, {page.inverted, *controls.inputs}, compare, **PREVIEWS, **PRIVATE)


def _wire_grid(page: Page, tab: SlidersTab) -> None:
    """The button "Grid": a row of pictures of the strongest slider at several strengths, the others as they are."""
    draw = on_gpu(functools.partial(_grid, page.studio))

    def show(values: Values) -> Iterator[Any]:
        inverted, edit = values[page.inverted], tab.controls.read(values)
        if inverted is None or not edit.values:
            gr.Warning("Move a slider first.", duration=4)
            yield gr.skip()
            return
        with tempfile.TemporaryDirectory() as folder:  # gradio copies the file when it sends it
            path = Path(folder, "sliders.png")
            save_picture(draw(inverted, edit), path, inverted.face.source)
            yield gr.update(value=str(path), visible=True)

    tab.own.grid.click(show, {page.inverted, *tab.controls.inputs}, tab.grid, **PRIVATE)


def _preview(studio: Studio, inverted: InvertedFace, edit: SlidersEdit) -> Image.Image | None:
    """A small picture of the edit; None if it cannot be made, which is said."""
    try:
        return call_in_worker(studio.preview, inverted.face, edit.values, edit.own)
    except StudioError as error:
        gr.Warning(str(error), duration=4)
        return None


def _grid(studio: Studio, inverted: InvertedFace, edit: SlidersEdit) -> Image.Image:
    strongest = max(edit.values, key=lambda key: abs(edit.values[key]))
    edits = ({**edit.values, strongest: strength} for strength in GRID)
    draws = (studio.preview(inverted.face, values, edit.own) for values in edits)
    return Image.fromarray(np.hstack([np.asarray(small) for small in in_worker(draws)]))
