"""The tab "Prompt": any change, in words (path A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from styleclip_app.canvas import canvas, changed
from styleclip_app.jobs import AGAIN, Job, wire_job
from styleclip_app.page import EXAMPLES, PRIVATE, PROMPTS, Page, Values, strength_slider
from styleclip_app.requests import PromptEdit
from styleclip_app.session import InvertedFace
from styleclip_core import OptimizeSettings
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
    refused: gr.State

    @property
    def inputs(self) -> set[Component]:
        return {self.prompt, self.strength, self.region, self.steps, self.seed, self.refused, *self.terms.values()}

    def read(self, values: Values) -> PromptEdit:
        """What is asked for. Raises BadSetting, EmptyPrompt, BadPrompt."""
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
        if page.studio.pack.parser is None or inverted is None or DONE not in values[views.status]:
            return gr.skip(), gr.skip()
        with Image.open(values[views.save_face]) as edited:
            mask = changed(inverted.face.image, edited)
        return gr.update(visible=mask.getextrema()[0] == 0), canvas(inverted.picture, mask)["composite"].convert("RGB")

    begins, inputs = [tab.start.click, tab.prompt.submit], page.face_inputs | tab.inputs
    edited = wire_job(page, (tab.start, tab.cancel), begins, read, inputs, DONE)
    asked = {tab.prompt, views.status}
    edited.then(lambda v: v[tab.prompt] if AGAIN in v[views.status] else None, asked, tab.refused, **PRIVATE)
    edited.then(show_place, {page.inverted, views.status, views.save_face}, [tab.shown, tab.place], **PRIVATE)
    chosen = tab.everywhere.click(lambda: "everywhere", None, tab.region, **PRIVATE)
    chosen.then(None, None, None, js="() => document.querySelector('#run').click()")
    return tab


def _lay_out(domain: str) -> PromptTab:
    """What to change, how much, and the settings that most people leave alone."""
    default = OptimizeSettings()
    label = f"What should the {domain} look like?"
    prompt = gr.Textbox(label=label, placeholder=PROMPTS[domain], elem_id="prompt")
    file = EXAMPLES / "prompts.txt"
    lines = file.read_text("utf-8").splitlines() if domain == "face" and file.is_file() else []
    if prompts := [[line.strip()] for line in lines if line.strip()]:
        gr.Examples(prompts, prompt, label=None, examples_per_page=12, elem_id="prompts", api_visibility="private")
    with gr.Row():
        strength = strength_slider(min_width=220, scale=5)
        options: dict[str, Any] = {"allow_custom_value": True, "visible": domain == "face", "elem_id": "where"}
        region = gr.Dropdown(REGIONS, value="auto", label="Where", min_width=120, scale=2, **options)
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, elem_id="cancel", min_width=80)
    with gr.Row(visible=False, elem_id="place-row") as shown:
        place = gr.Image(
            label="Where it shows", height=150, interactive=False, buttons=[], elem_id="place", min_width=150
        )
        everywhere = gr.Button("Everywhere instead", size="sm", elem_id="everywhere", min_width=120)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        label = "Refinement steps, where the first picture is not enough"
        steps = gr.Slider(0, 100, default.steps, step=1, label=label, elem_id="steps")
        label = "Seed: the same one gives the same edit"
        seed = gr.Number(default.seed, label=label, precision=0, minimum=0)
        terms = {
            name: gr.Slider(0, 5, getattr(default, name), step=0.05, label=f"{label} ({name})")
            for name, label in TERMS.items()
        }
    return PromptTab(prompt, strength, region, start, cancel, shown, place, everywhere, steps, seed, terms, gr.State())
