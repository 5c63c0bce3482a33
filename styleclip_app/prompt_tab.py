"""The tab "Prompt": any change, in words (path A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.jobs import Job, wire_job
from styleclip_app.page import EXAMPLES, PROMPTS, Page, Values, strength_slider
from styleclip_app.requests import PromptEdit
from styleclip_core import OptimizeSettings
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
DONE = "Done. Drag the line to compare, or try another prompt on the same face."


@dataclass(frozen=True)
class PromptTab:
    """The tab's components; ``terms`` are the weights of OptimizeSettings' loss terms, by name."""

    prompt: gr.Textbox
    strength: gr.Slider
    start: gr.Button
    cancel: gr.Button
    steps: gr.Slider
    seed: gr.Number
    terms: dict[str, gr.Slider]

    @property
    def inputs(self) -> set[Component]:
        return {self.prompt, self.strength, self.steps, self.seed, *self.terms.values()}

    def read(self, values: Values) -> PromptEdit:
        """What is asked for. Raises BadSetting, EmptyPrompt, BadPrompt."""
        terms = self.terms.items()
        weights: dict[str, Any] = {name: check_range(name, values[slider], 0, 10) for name, slider in terms}
        strength, steps, seed = (values[control] for control in (self.strength, self.steps, self.seed))
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed, **weights)
        return PromptEdit(values[self.prompt], settings)


def prompt_tab(page: Page) -> PromptTab:
    """Build the tab and wire it."""
    tab = _lay_out(page.studio.pack.domain)

    def read(values: Values) -> Job:
        return page.face_request(values), tab.read(values)

    begins, inputs = [tab.start.click, tab.prompt.submit], page.face_inputs | tab.inputs
    wire_job(page, (tab.start, tab.cancel), begins, read, inputs, DONE)
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
    strength = strength_slider()
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, elem_id="cancel", min_width=80)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        steps = gr.Slider(1, 100, default.steps, step=1, label="Edit steps: more is firmer", elem_id="steps")
        label = "Seed: the same one gives the same edit"
        seed = gr.Number(default.seed, label=label, precision=0, minimum=0)
        terms = {
            name: gr.Slider(0, 5, getattr(default, name), step=0.05, label=f"{label} ({name})")
            for name, label in TERMS.items()
        }
    return PromptTab(prompt, strength, start, cancel, steps, seed, terms)
