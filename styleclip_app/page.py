"""What all tabs of the page share: the components around them, and the options of its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.session import FaceRequest
from styleclip_app.theme import status_html
from styleclip_core import InvertSettings, OptimizeSettings, Studio

KEEP_SECONDS = 3600  # how long uploads and results stay on disk, and the face of an idle session in memory
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # events of the page alone
QUICK: dict[str, Any] = {"concurrency_id": "quick", "concurrency_limit": 1}
LOOKS: dict[str, Any] = {"concurrency_id": "look", "concurrency_limit": 4}  # each waits in a thread of its own
LONG: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}  # the others see their place in the queue
PROMPTS = {  # an example for each thing that packs draw
    "face": "a smiling person with grey hair",
    "car": "a red sports car",
    "church": "a church covered in snow",
}
_BESIDE = Path(__file__).resolve().parent  # an installed package has the examples in it, a clone beside it
EXAMPLES = next((f for f in (_BESIDE / "examples", _BESIDE.parent / "examples") if f.is_dir()), _BESIDE / "examples")

Values = dict[Component, Any]  # what an event's handler gets: the value of each of its inputs
Updates = dict[Component, Any]  # and what it gives: a value or `gr.update` for those of its outputs that change


@dataclass(frozen=True)
class InversionControls:
    """How the photo's code is found: sliders of InvertSettings of the same names."""

    steps: gr.Slider
    faithful: gr.Slider
    tune: gr.Slider

    def read(self, values: Values) -> InvertSettings:
        """Raises BadSetting."""
        return InvertSettings(steps=values[self.steps], faithful=values[self.faithful], tune=values[self.tune])


@dataclass(frozen=True)
class ResultViews:
    """What an edit shows: how it is going, the face before and after, the edited photo, the numbers, two files."""

    status: gr.HTML
    compare: gr.ImageSlider
    save_face: gr.DownloadButton
    pasted: gr.Image
    save_photo: gr.DownloadButton
    numbers: gr.HTML


@dataclass(frozen=True)
class Page:
    """The components that tabs share.

    Attributes:
        studio: what everything is computed with.
        photo: the chosen file.
        face_index: which of its faces.
        inverted: the `InvertedFace` of this session, or None.
        inversion: the settings of the inversion.
        views: the last result.
        looks: the events that look at a photo before anything is asked; a job overtakes them. `wire_photo` fills it.
        results, strip: the earlier results and their thumbnails, see `styleclip_app.results`.
    """

    studio: Studio
    photo: gr.Image
    face_index: gr.State
    inverted: gr.State
    inversion: InversionControls
    views: ResultViews
    results: gr.State
    strip: gr.Gallery
    looks: list[Any] = field(default_factory=list)

    @property
    def face_inputs(self) -> set[Component]:
        """What `face_request` reads."""
        inversion = self.inversion
        return {self.photo, self.inverted, self.face_index, inversion.steps, inversion.faithful, inversion.tune}

    def face_request(self, values: Values) -> FaceRequest:
        """The face that is to be edited. Raises BadSetting."""
        settings = self.inversion.read(values)
        return FaceRequest(values[self.photo], values[self.face_index], settings, values[self.inverted])

    @property
    def outputs(self) -> list[Component]:
        """What long work updates."""
        views = self.views
        shown = [views.status, views.compare, views.pasted, views.numbers, views.save_face, views.save_photo]
        return [*shown, self.inverted]

    def updates(self, **named: Any) -> Updates:
        """Updates of the views, and of ``inverted``, by their names."""
        return {self.inverted if name == "inverted" else getattr(self.views, name): new for name, new in named.items()}


def inversion_controls() -> InversionControls:
    default = InvertSettings()
    with gr.Accordion("How the photo's code is found", open=False, elem_id="finding"):
        label = "Steps: more look more like the photo"
        steps = gr.Slider(0, 200, default.steps, step=1, label=label, elem_id="inversion")
        label = "Editable (0) or faithful (1)"
        faithful = gr.Slider(0, 1, default.faithful, step=0.05, label=label, elem_id="faithful")
        label = "Steps that adapt the generator to the photo: slow, more detail"
        tune = gr.Slider(0, 100, default.tune, step=5, label=label, elem_id="tune")
    return InversionControls(steps, faithful, tune)


def result_views(domain: str) -> ResultViews:
    status = gr.HTML(status_html(idle(domain)), elem_id="status")
    picture: dict[str, Any] = {"interactive": False, "height": 420, "buttons": ["fullscreen"]}
    save: dict[str, Any] = {"interactive": False, "size": "sm"}
    with gr.Row(equal_height=True):
        with gr.Column(scale=3, min_width=300):
            compare = gr.ImageSlider(label="Before and after", elem_id="compare", type="filepath", **picture)
            save_face = gr.DownloadButton(f"Save the {domain} (PNG)", elem_id="save-face", **save)
        with gr.Column(scale=2, min_width=220):
            pasted = gr.Image(label="In the photo", elem_id="pasted", **picture)
            save_photo = gr.DownloadButton("Save the photo (PNG)", elem_id="save-photo", **save)
    numbers = gr.HTML(elem_id="numbers")
    return ResultViews(status, compare, save_face, pasted, save_photo, numbers)


def strength_slider(**options: Any) -> gr.Slider:
    """How strong an edit by a prompt is: OptimizeSettings' ``strength``."""
    low, high = OptimizeSettings.RANGES["strength"]
    label = "Strength (1 is clear)"
    return gr.Slider(low, high, OptimizeSettings().strength, step=0.05, label=label, **options)


def thumbnails(elem_id: str, columns: int, height: int, **options: Any) -> gr.Gallery:
    """A row of small pictures to choose from."""
    plain: dict[str, Any] = {"fit_columns": False, "allow_preview": False, "interactive": False, "buttons": []}
    return gr.Gallery(columns=columns, height=height, elem_id=elem_id, **plain, **options)


def idle(domain: str) -> str:
    """What the page says before anything was done."""
    where = "" if domain == "face" else f" with a {domain} in its middle"
    return f"Choose a photo{where}, describe the change and press Run."
