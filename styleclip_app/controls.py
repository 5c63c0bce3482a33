"""What the page shows: its controls and results, without what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from styleclip_app.theme import status_html
from styleclip_core import InvertSettings, OptimizeSettings

EXAMPLES = Path(__file__).resolve().parent / "examples"
DEFAULTS, INVERSION = OptimizeSettings(), InvertSettings()
TERMS = {
    "clip": "Match the prompt",
    "directional": "Change only in the prompt's direction",
    "identity": "Stay the same person",
    "likeness": "Stay the same picture",
    "preserve": "Leave alone what the prompt does not name",
    "latent": "Stay near the unedited face",
    "mixing": "Change coarse and fine features alike",
}
PROMPTS = {  # an example for each thing that packs draw
    "face": "a smiling person with grey hair",
    "car": "a red sports car",
    "church": "a church covered in snow",
}


def idle(domain: str) -> str:
    """What the page says before anything was done."""
    where = "" if domain == "face" else f" with a {domain} in its middle"
    return f"Choose a photo{where}, describe the change and press Run."


def photo_controls(domain: str) -> tuple:
    """Where the photo comes from: a file, the webcam, an example, or a face that does not exist."""
    photo = gr.Image(label="Photo", sources=["upload", "webcam", "clipboard"], height=205, elem_id="photo")
    # gr.Image would decode and re-encode the upload; the studio wants the file as it is. An event that changes more of
    # this box than its value would make gradio build it anew, without this.
    photo.preprocess = lambda payload: payload.path if payload else None
    faces = gr.ReferenceFaces(
        show_label=False,
        columns=6,
        fit_columns=False,
        height=86,
        visible=False,
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="faces",
    )
    with gr.Row(equal_height=True):
        samples = [[str(path)] for path in sorted(EXAMPLES.glob("*.[jp][pn]g")) if domain == "face"]
        if samples:
            shown = gr.Dataset(components=[photo], samples=samples, samples_per_page=6, elem_id="samples")
            shown.click(lambda sample: sample[0], shown, photo, api_visibility="private", show_progress="hidden")
        with gr.Row(elem_id="random-row"):
            button = gr.Button(f"Random {domain} no.", size="sm", elem_id="random", min_width=124)
            number = gr.Number(1, show_label=False, container=False, precision=0, minimum=0, min_width=60)
    return photo, faces, button, number


def edit_controls(domain: str) -> tuple:
    """What to change, how much, and the settings that most people leave alone."""
    label = f"What should the {domain} look like?"
    prompt = gr.Textbox(label=label, placeholder=PROMPTS[domain], elem_id="prompt")
    file = EXAMPLES / "prompts.txt"
    lines = file.read_text("utf-8").splitlines() if domain == "face" and file.is_file() else []
    if prompts := [[line.strip()] for line in lines if line.strip()]:
        gr.Examples(prompts, prompt, label=None, examples_per_page=12, elem_id="prompts", api_visibility="private")
    strength = gr.Slider(0, 2, DEFAULTS.strength, step=0.05, label="Strength: 0 none, 1 clear, 2 extreme")
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, elem_id="cancel", min_width=80)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        steps = gr.Slider(1, 100, DEFAULTS.steps, step=1, label="Edit steps: more is firmer", elem_id="steps")
        label = "Seed: the same one gives the same edit"
        seed = gr.Number(DEFAULTS.seed, label=label, precision=0, minimum=0)
        terms = [
            gr.Slider(0, 5, getattr(DEFAULTS, name), step=0.05, label=f"{label} ({name})")
            for name, label in TERMS.items()
        ]
    return prompt, strength, steps, seed, terms, start, cancel


def inversion_controls() -> list:
    """How the photo's code is found: the sliders of `InvertSettings` steps, faithful and tune."""
    with gr.Accordion("How the photo's code is found", open=False, elem_id="finding"):
        label = "Steps: more look more like the photo"
        steps = gr.Slider(0, 200, INVERSION.steps, step=1, label=label, elem_id="inversion")
        label = "Editable (0) or faithful (1)"
        faithful = gr.Slider(0, 1, INVERSION.faithful, step=0.05, label=label, elem_id="faithful")
        label = "Steps that adapt the generator to the photo: slow, more detail"
        tune = gr.Slider(0, 100, INVERSION.tune, step=5, label=label, elem_id="tune")
    return [steps, faithful, tune]


def result_views(domain: str) -> dict[str, Any]:
    """What an edit shows, by name."""
    views = {"status": gr.HTML(status_html(idle(domain)), elem_id="status")}
    picture = {"interactive": False, "height": 420, "buttons": ["fullscreen"]}
    save = {"interactive": False, "size": "sm"}
    with gr.Row(equal_height=True):
        with gr.Column(scale=3, min_width=300):
            views["compare"] = gr.ImageSlider(label="Before and after", elem_id="compare", type="filepath", **picture)
            views["save_face"] = gr.DownloadButton(f"Save the {domain} (PNG)", elem_id="save-face", **save)
        with gr.Column(scale=2, min_width=220):
            views["pasted"] = gr.Image(label="In the photo", elem_id="pasted", **picture)
            views["save_photo"] = gr.DownloadButton("Save the photo (PNG)", elem_id="save-photo", **save)
    views["numbers"] = gr.HTML(elem_id="numbers")
    return views
