"""Recipes and the page: the controls that one sets, and how one comes: by a file, an address, the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from styleclip_app.jobs import refuse
from styleclip_app.local_tab import LocalTab
from styleclip_app.page import PRIVATE, Page, Updates, Values
from styleclip_app.prompt_tab import PromptTab
from styleclip_app.results import find
from styleclip_app.session import InvertedFace
from styleclip_app.slider_controls import SliderControls
from styleclip_app.theme import status_html
from styleclip_core import StudioError
from styleclip_core.edits import recipe
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadSetting

LOADED = "The edit's settings are loaded. Press Run, or drag on."
COPY = "(query) => {query && navigator.clipboard?.writeText(location.origin + location.pathname + '?' + query)}"


@dataclass(frozen=True)
class RecipeControls:
    """All controls that say how an edit is asked for."""

    tabs: gr.Tabs
    prompt: PromptTab
    sliders: SliderControls
    local: LocalTab

    @property
    def inputs(self) -> set[Component]:
        """What `write` and `clear` read."""
        return {self.sliders.own_keys}

    @property
    def outputs(self) -> list[Any]:
        return [self.tabs, *self.prompt.outputs, *self.local.outputs, self.sliders.own_keys, *self.sliders.all]

    def write(self, values: Values, asked: Recipe, face: InvertedFace | None) -> Updates:
        """Set the controls so that they ask for the edit again. Raises BadSetting if a slider is not here.

        Args:
            face: the one in which its mask is painted; None leaves the mask out.
        """
        here = {*self.sliders.pack, *values[self.sliders.own_keys]}
        missing = [key for key in asked.sliders if key not in here]
        if strange := [key for key in missing if not key.startswith(("text:", "style:"))]:
            raise BadSetting(f"This edit needs the slider {strange[0][:60]!r}, which is not here; load its file first.")
        updates = self.sliders.write(self.sliders.with_new(values, missing), asked.sliders)
        if asked.mask is not None:
            return updates | self.local.write(asked, face) | {self.tabs: gr.Tabs(selected="local")}
        if asked.prompt:
            return updates | self.prompt.write(asked) | {self.tabs: gr.Tabs(selected="prompt")}
        return updates | {self.tabs: gr.Tabs(selected="sliders")}

    def clear(self, values: Values) -> Updates:
        """All sliders at 0; what is written and painted stays."""
        return self.sliders.write(values[self.sliders.own_keys], {})


def wire_recipes(app: gr.Blocks, page: Page, controls: RecipeControls) -> None:
    """Wire how settings come and go."""
    status, history, saving = page.views.status, page.history, page.saving
    outputs = [status, *controls.outputs]
    remembered = gr.BrowserState("", storage_key="styleclip-studio", secret="not a secret: texts and numbers only")

    def load(values: Values) -> Updates:
        if not values[saving.load]:
            return {status: gr.skip()}
        try:
            asked = recipe.read(values[saving.load])
            updates = controls.write(values, asked, values[page.inverted])
        except StudioError as error:
            return {status: refuse(error)}
        if asked.sliders and values[page.photo]:  # they are drawn at once, as if they had been dragged
            updates |= {controls.sliders.draws: values[controls.sliders.draws] + 1}
        return {status: status_html(LOADED), **updates}

    def open_page(values: Values, request: gr.Request) -> Updates:
        """The page was opened: what its address asks for, or else what this browser asked for last."""
        query = {name: str(value) for name, value in request.query_params.items()}
        try:
            asked = recipe.from_query(query)
            if asked == Recipe():
                asked = recipe.from_json(values[remembered]) if values[remembered] else asked
            if asked == Recipe():
                return {status: gr.skip()}
            return {status: status_html(LOADED) if query else gr.skip(), **controls.write(values, asked, None)}
        except StudioError as error:
            return {status: refuse(error)} if query else {status: gr.skip()}

    def shown(values: Values) -> Recipe | None:
        result = find(values[history.results], values[history.place])
        return result and result.recipe

    def link(values: Values) -> Updates:
        asked = shown(values)
        text = "The link is copied. It holds words and numbers, no picture." if asked else "There is no result yet."
        return {status: status_html(text), query: asked.to_query() if asked else ""}

    query = gr.Textbox(visible=False)
    drawn: set[Block] = {*controls.inputs, controls.sliders.draws, page.inverted, page.photo}
    made: set[Block] = {history.results, history.place}
    saving.load.upload(load, {*drawn, saving.load}, [*outputs, controls.sliders.draws], **PRIVATE)
    saving.link.click(link, made, [status, query], **PRIVATE).then(None, query, None, js=COPY)
    app.load(open_page, {*controls.inputs, remembered}, outputs, **PRIVATE)
    history.place.change(lambda v: (asked := shown(v)) and _without_mask(asked), made, remembered, **PRIVATE)


def _without_mask(asked: Recipe) -> str:
    """The recipe as the browser keeps it: no pictures."""
    return Recipe(asked.prompt, asked.region, asked.settings, asked.sliders).to_json()
