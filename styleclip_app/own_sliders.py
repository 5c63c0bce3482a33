"""Sliders that a user adds: from a prompt, from a mapper's file."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from styleclip_app.jobs import refuse
from styleclip_app.page import PRIVATE, Page, Updates, Values
from styleclip_app.session import call_in_worker
from styleclip_app.slider_controls import SliderControls, own_sliders
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Studio, StudioError
from styleclip_core.checkpoints import load_mapper
from styleclip_core.errors import BadSetting
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.settings import check_prompt

KINDS = {"learned": "text", "StyleSpace": "style"}  # of sliders from prompts: what a user reads -> the key's source


@dataclass(frozen=True)
class OwnSliderControls:
    """What makes sliders, the sliders themselves, and the buttons that stand below them."""

    prompt: gr.Textbox
    kind: gr.Dropdown
    add: gr.Button
    sliders: list[gr.Slider]
    load_mapper: gr.UploadButton
    grid: gr.Button


def own_slider_controls() -> OwnSliderControls:
    plain: dict[str, Any] = {"show_label": False, "container": False}
    with gr.Accordion("Your own", open=True):
        with gr.Row():
            prompt = gr.Textbox(placeholder="New slider from a prompt", scale=3, elem_id="new-prompt", **plain)
            kind = gr.Dropdown(list(KINDS), value=list(KINDS)[0], min_width=110, **plain)
            add = gr.Button("Add", size="sm", min_width=50, elem_id="new-slider")
        mine = own_sliders()
        with gr.Row():
            mapper = gr.UploadButton("Load a mapper", size="sm", file_types=[".pt", ".safetensors"], min_width=90)
            grid = gr.Button("Grid", size="sm", min_width=60)
    return OwnSliderControls(prompt, kind, add, mine, mapper, grid)


def wire_own_sliders(page: Page, controls: SliderControls, own: OwnSliderControls) -> None:
    status, changed = page.views.status, [page.views.status, controls.own_keys, *controls.all]
    try_on = on_gpu(functools.partial(_try_on, page.studio))

    def add_from_prompt(values: Values) -> Updates:
        try:
            prompt = values[own.prompt]
            key = f"{KINDS[values[own.kind]]}:{check_prompt(prompt)}"
            updates = _add(controls, values, key)
        except StudioError as error:
            return {status: refuse(error)}
        if refusal := try_on(key):
            return {status: refusal}
        return {status: status_html(f"Drag the new slider “{prompt}”."), **updates}

    def add_from_file(values: Values) -> Updates:
        file = values[own.load_mapper]
        if not file:
            return {}
        try:
            mapper, name = load_mapper(file), f"{Path(file).stem[:40]} (file)"
            updates = _add(controls, values, f"mapper:{name}")
        except StudioError as error:
            return {status: refuse(error)}
        mappers: dict[str, LevelsMapper] = values[controls.mappers] | {name: mapper}
        return {status: status_html(f"Drag the new slider “{name}”."), controls.mappers: mappers, **updates}

    new, uploads = [own.add.click, own.prompt.submit], {own.load_mapper, *controls.inputs}
    gr.on(new, add_from_prompt, {own.prompt, own.kind, *controls.inputs}, changed, **PRIVATE)
    own.load_mapper.upload(add_from_file, uploads, [*changed, controls.mappers], **PRIVATE)


def _try_on(studio: Studio, key: str) -> str:
    """Move a random face by a new slider, so that what is wrong is said now. Returns the refusal's status, or ""."""
    try:
        somebody = call_in_worker(studio.random_face, 1)
        call_in_worker(studio.preview, somebody, {key: 1.0})
        return ""
    except StudioError as error:
        return refuse(error)


def _add(controls: SliderControls, values: Values, key: str) -> Updates:
    """One more slider, at 0; the others stay where they are. Raises BadSetting."""
    if key in values[controls.own_keys]:
        raise BadSetting("There is a slider for that already.")
    return controls.write(controls.with_new(values, [key]), controls.read(values).values)
