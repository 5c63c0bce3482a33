"""What all tabs of the page share: the components around them, and the options of its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.results import Result, added
from styleclip_app.saving import SavingControls
from styleclip_app.session import FaceRequest
from styleclip_app.viewer import HistoryControls, ResultViews
from styleclip_core import InvertSettings, OptimizeSettings, Studio

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # events of the page alone
QUICK: dict[str, Any] = {"concurrency_id": "quick", "concurrency_limit": 1}
LOOKS: dict[str, Any] = {"concurrency_id": "look", "concurrency_limit": 4}  # each waits in a thread of its own
LONG: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}  # the others see their place in the queue
PROMPTS = {  # an example for each thing that packs draw
    "face": "a smiling person with grey hair",
    "car": "a red sports car",
    "church": "a church covered in snow",
}

Values = dict[Component, Any]  # what an event's handler gets: the value of each of its inputs
Updates = dict[Any, Any]  # and what it gives: a value or `gr.update` for those of its outputs that change


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
class Page:
    """The components that tabs share.

    Attributes:
        studio: what everything is computed with.
        photo: the chosen file.
        face_index: which of its faces.
        inverted: the `InvertedFace` of this session, or None.
        inversion: the settings of the inversion.
        views: the last result.
        saving: how it is saved.
        history: it and the ones before it.
        looks: the events that look at a photo before anything is asked; a job overtakes them. `wire_photo` fills it.
    """

    studio: Studio
    photo: gr.Image
    face_index: gr.State
    inverted: gr.State
    inversion: InversionControls
    views: ResultViews
    saving: SavingControls
    history: HistoryControls
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
        """What long work updates, and what bringing back a result does."""
        views, saving, history = self.views, self.saving, self.history
        shown = [views.status, views.compare, views.whole, views.numbers, saving.face, saving.photo, saving.save]
        kept = [history.results, history.place, history.variants, history.strip, history.side_by_side]
        return [*shown, *kept, self.inverted]

    def updates(self, **named: Any) -> Updates:
        """Updates of the views, and of ``inverted``, by their names."""
        return {self.inverted if name == "inverted" else getattr(self.views, name): new for name, new in named.items()}

    def show(self, values: Values, result: Result) -> Updates:
        """Updates that show a result. ``values``: of `SavingControls.inputs`."""
        shown = self.updates(compare=(result.before, result.face), whole=result.views, numbers=result.numbers)
        return shown | self.saving.files(values, result)

    def with_new(self, values: Values, made: list[Result]) -> Updates:
        """Updates that put what a job has made into the history.

        Args:
            values: of the history's ``results`` and ``place``, and of ``photo``, as they were when it began.
            made: its results so far, the newest last.
        """
        history, kept = self.history, values[self.history.results]
        for result in made:
            kept = added(kept, result, values[history.place], values[self.photo])
        new = kept[-len(made) :]
        settings = [result.recipe.settings for result in new]
        names: list[Any] = [f"strength {each.strength:g}, seed {each.seed}" for each in settings]
        large: Any = [(result.face, name) for result, name in zip(new, names, strict=True)]
        small: Any = [(result.small, result.recipe.title) for result in kept]
        return {
            history.results: kept,
            history.place: kept[-1].number,
            history.strip: gr.update(value=small, visible=True, selected_index=len(kept) - 1),
            history.variants: [result.number for result in new],
            history.side_by_side: gr.update(value=large, visible=True) if len(new) > 1 else gr.update(visible=False),
        }


def inversion_controls() -> InversionControls:
    default = InvertSettings()
    with gr.Accordion("Make it look more like the photo", open=False, elem_id="finding"):
        label = "Effort (steps): more look more like the photo and take longer"
        steps = gr.Slider(0, 200, default.steps, step=1, label=label, elem_id="inversion")
        label = "Easy to edit (0) or true to the photo (1)"
        faithful = gr.Slider(0, 1, default.faithful, step=0.05, label=label, elem_id="faithful")
        label = "Learn this one photo (steps): half a minute more, the finest detail"
        tune = gr.Slider(0, 100, default.tune, step=5, label=label, elem_id="tune")
    return InversionControls(steps, faithful, tune)


def strength_slider(**options: Any) -> gr.Slider:
    """How strong an edit by a prompt is: OptimizeSettings' ``strength``."""
    low, high = OptimizeSettings.RANGES["strength"]
    label = "Strength (1 is clear)"
    return gr.Slider(low, high, OptimizeSettings().strength, step=0.05, label=label, **options)
