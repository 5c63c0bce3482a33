"""The sliders of the page, read into strengths and set from them: the pack's, and a user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.page import Updates, Values
from styleclip_app.requests import Region, SlidersEdit
from styleclip_core.edits.sliders import MAX_STRENGTH, Slider
from styleclip_core.errors import BadSetting

MAX_OWN = 6  # sliders that a user can add


@dataclass(frozen=True)
class SliderControls:
    """Sliders, and what they stand for.

    Attributes:
        pack: the pack's own sliders, by their keys (`edits.sliders`).
        own: room for sliders that a user adds; hidden until then.
        own_keys: of the session: what the first of ``own`` stand for, ``list[str]``.
        mappers: of the session: the user's mappers, by the names that keys call them.
        draws: of the session: how often the sliders were set by something else than a hand. Its change begins a draw.
    """

    pack: dict[str, gr.Slider]
    own: list[gr.Slider]
    own_keys: gr.State
    mappers: gr.State
    draws: gr.State

    @property
    def all(self) -> list[gr.Slider]:
        return [*self.pack.values(), *self.own]

    @property
    def inputs(self) -> set[Component]:
        """What `read` takes."""
        return {*self.all, self.own_keys, self.mappers}

    def read(self, values: Values, region: Region | None = None) -> SlidersEdit:
        """The edit that the sliders stand for. Raises BadSetting."""
        places = {**self.pack, **dict(zip(values[self.own_keys], self.own, strict=False))}
        strengths = {key: values[slider] for key, slider in places.items()}
        return SlidersEdit(strengths, values[self.mappers], region)

    def write(self, own_keys: list[str], strengths: Mapping[str, float]) -> Updates:
        """Set all sliders; those without a strength go to 0."""
        updates: Updates = {self.own_keys: own_keys}
        for key, slider in self.pack.items():
            updates[slider] = gr.update(value=strengths.get(key, 0))
        for i, slider in enumerate(self.own):
            key = own_keys[i] if i < len(own_keys) else ""
            label = key.partition(":")[2] or "-"
            updates[slider] = gr.update(value=strengths.get(key, 0), label=label, visible=bool(key))
        return updates

    def redraw(self, values: Values, strengths: Mapping[str, float]) -> Updates:
        """Set the sliders that there are, and draw them."""
        return self.write(values[self.own_keys], strengths) | {self.draws: values[self.draws] + 1}

    def with_new(self, values: Values, new: list[str]) -> list[str]:
        """The keys of the user's sliders with new ones among them. Raises BadSetting if there is no room."""
        own = [*values[self.own_keys], *new]
        if len(own) > MAX_OWN:
            raise BadSetting(f"There is room for {MAX_OWN} sliders of your own; reload the page to begin anew.")
        return own


def pack_sliders(sliders: list[Slider]) -> dict[str, gr.Slider]:
    """A pack's sliders in panels by their groups, of which the first is open. Returns them by their keys."""
    controls: dict[str, gr.Slider] = {}
    for group, members in groupby(sliders, key=lambda one: one.group):
        with gr.Accordion(group, open=not controls), gr.Row():
            controls |= {one.key: edit_slider(one.key, one.label) for one in members}
    return controls


def own_sliders() -> list[gr.Slider]:
    """Room for sliders that a user adds."""
    with gr.Row():
        return [edit_slider(f"own-{i}", "-", visible=False) for i in range(MAX_OWN)]


def edit_slider(key: str, label: str, visible: bool = True) -> gr.Slider:
    look: dict[str, Any] = {"min_width": 150, "elem_classes": "edit-slider", "visible": visible}
    elem_id = "slider-" + re.sub(r"\W+", "-", key)
    return gr.Slider(-MAX_STRENGTH, MAX_STRENGTH, 0, step=0.05, label=label, elem_id=elem_id, **look)


def search_sliders(sliders: list[Slider], text: str | None) -> list[Any]:
    """The search box: show only sliders whose name or group has the text in it."""
    sought = (text or "").strip().lower()
    return [gr.update(visible=sought in f"{one.label} {one.group}".lower()) for one in sliders]
