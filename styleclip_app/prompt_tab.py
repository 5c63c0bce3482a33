"""The tab "Prompt": any change, in words (path A)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.canvas import canvas
from styleclip_app.examples import prompts as example_prompts
from styleclip_app.jobs import AGAIN, Job, wire_job
from styleclip_app.page import PRIVATE, PROMPTS, Page, Updates, Values, strength_slider
from styleclip_app.requests import PromptEdit
from styleclip_app.results import find
from styleclip_app.session import InvertedFace
from styleclip_core import OptimizeSettings
from styleclip_core.edits.recipe import Recipe
from styleclip_core.faces.regions import COMMON_REGIONS
from styleclip_core.settings import check_range

TERMS = {
    "clip": "Match the prompt",
    "directional": "Change only in the prompt's direction",
    "identity": "Stay the same person",
    "likeness": "Stay the same picture",
    "preserve": "Leave alone what the prompt does not name",
    "latent": "Stay near the unedited face",
    "mixing": "Change coarse and fine features alike",
}
REGIONS = [("Auto", "auto"), ("Everywhere", "everywhere"), ("Whole person", "person")]
REGIONS += [(name.capitalize(), name) for name in ("head", *COMMON_REGIONS)]
MAX_VARIANTS = 4
STRENGTHS, SEEDS = "strength", "seed"
DONE = "Done. Drag the line to compare, or try another prompt on the same face."


@dataclass(frozen=True)
class PromptTab:
    """The tab's components.

    ``terms`` are the weights of OptimizeSettings' loss terms, by name; ``refused`` holds the last prompt of which the
    model knew nothing: Run again tries it.
    """

    prompt: gr.Textbox
    strength: gr.Slider
    region: gr.Dropdown
    start: gr.Button
    cancel: gr.Button
    shown: gr.Row
    place: gr.Image
    everywhere: gr.Button
    steps: gr.Slider
    seed: gr.Number
    terms: dict[str, gr.Slider]
    variants: gr.Slider
    differ: gr.Radio
    refused: gr.State

    @property
    def outputs(self) -> list[Component]:
        """What `write` sets."""
        return [self.prompt, self.strength, self.region, self.steps, self.seed, *self.terms.values()]

    @property
    def inputs(self) -> set[Component]:
        """What `read` takes."""
        return {*self.outputs, self.variants, self.differ, self.refused}

    def write(self, asked: Recipe) -> Updates:
        """Set the controls to a recipe's prompt, region and settings."""
        settings = asked.settings
        weights = {slider: getattr(settings, name) for name, slider in self.terms.items()}
        numbers = {self.strength: settings.strength, self.steps: settings.steps, self.seed: settings.seed}
        return {self.prompt: asked.prompt, self.region: asked.region, **numbers, **weights}

    def read(self, values: Values) -> list[PromptEdit]:
        """What is asked for: one edit, or its variants. Raises BadSetting, EmptyPrompt, BadPrompt."""
        count = int(check_range("variants", values[self.variants], 1, MAX_VARIANTS))
        one = self._read_one(values)
        if count == 1:
            return [one]
        if values[self.differ] == SEEDS:
            settings = [replace(one.settings, seed=one.settings.seed + i) for i in range(count)]
        else:
            most = OptimizeSettings.RANGES["strength"][1]
            factors = (0.5 + i / (count - 1) for i in range(count))
            settings = [replace(one.settings, strength=min(factor * one.settings.strength, most)) for factor in factors]
        return [replace(one, settings=each) for each in settings]

    def _read_one(self, values: Values) -> PromptEdit:
        terms = self.terms.items()
        weights: dict[str, Any] = {name: check_range(name, values[slider], 0, 10) for name, slider in terms}
        strength, steps, seed = (values[control] for control in (self.strength, self.steps, self.seed))
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed, **weights)
        anyway = values[self.prompt] == values[self.refused]
        return PromptEdit(values[self.prompt], settings, values[self.region] or "auto", anyway=anyway)


def prompt_tab(page: Page) -> PromptTab:
    """Build the tab and wire it."""
    tab, views = _lay_out(page.studio.pack.domain), page.views

    def read(values: Values) -> Job:
        return page.face_request(values), tab.read(values)

    def show_place(values: Values) -> tuple[Any, Any]:
        """After an edit of a face: lay over the unedited one where it shows, unless that is everywhere."""
        inverted: InvertedFace | None = values[page.inverted]
        if page.studio.pack.parser is None or inverted is None or DONE not in str(values[views.status]):
            return gr.skip(), gr.skip()
        result = find(values[page.history.results], values[page.history.place])
        mask = result and result.mask
        if mask is None:
            return gr.update(visible=False), gr.skip()
        return gr.update(visible=True), canvas(inverted.picture, mask)["composite"].convert("RGB")

    begins, inputs = [tab.start.click, tab.prompt.submit], page.face_inputs | tab.inputs
    edited = wire_job(page, (tab.start, tab.cancel), begins, read, inputs, DONE)
    asked = {tab.prompt, views.status}
    edited.then(lambda v: v[tab.prompt] if AGAIN in str(v[views.status]) else None, asked, tab.refused, **PRIVATE)
    made: set[Component] = {page.history.results, page.history.place}
    edited.then(show_place, {page.inverted, views.status, *made}, [tab.shown, tab.place], **PRIVATE)
    chosen = tab.everywhere.click(lambda: "everywhere", None, tab.region, **PRIVATE)
    chosen.then(None, None, None, js="() => document.querySelector('#run').click()")
    return tab


def _lay_out(domain: str) -> PromptTab:
    """What to change, how much, and the settings that most people leave alone."""
    default = OptimizeSettings()
    label = f"What should the {domain} look like?"
    prompt = gr.Textbox(label=label, placeholder=PROMPTS[domain], elem_id="prompt")
    if prompts := [[line] for line in example_prompts() if domain == "face"]:
        gr.Examples(prompts, prompt, label=None, examples_per_page=12, elem_id="prompts", api_visibility="private")
    with gr.Row():
        strength = strength_slider(min_width=220, scale=5, elem_id="strength")
        options: dict[str, Any] = {"allow_custom_value": True, "visible": domain == "face", "elem_id": "where"}
        region = gr.Dropdown(REGIONS, value="auto", label="Where", min_width=120, scale=2, **options)
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, elem_id="cancel", elem_classes="cancel", min_width=80)
    with gr.Row(visible=False, elem_id="place-row") as shown:
        place = gr.Image(
            label="Where it shows", height=150, interactive=False, buttons=[], elem_id="place", min_width=150
        )
        everywhere = gr.Button("Everywhere instead", size="sm", elem_id="everywhere", min_width=120)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        with gr.Row():
            variants = gr.Slider(1, MAX_VARIANTS, 1, step=1, label="Variants side by side", elem_id="variants-wanted")
            differ = gr.Radio([STRENGTHS, SEEDS], value=STRENGTHS, label="They differ in")
        label = "Refinement steps, where the first picture is not enough"
        steps = gr.Slider(0, 100, default.steps, step=1, label=label, elem_id="steps")
        label = "Seed: the same one gives the same edit"
        seed = gr.Number(default.seed, label=label, precision=0, minimum=0)
        terms = {
            name: gr.Slider(0, 5, getattr(default, name), step=0.05, label=f"{label} ({name})")
            for name, label in TERMS.items()
        }
    edit, places = (prompt, strength, region, start, cancel), (shown, place, everywhere)
    return PromptTab(*edit, *places, steps, seed, terms, variants, differ, gr.State())
