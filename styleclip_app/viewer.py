"""The page's right side: the last result large, those before it small, the buttons that lead from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from styleclip_app.examples import Example
from styleclip_app.results import KEEP_SECONDS
from styleclip_app.saving import SavingControls, save_buttons, saving_controls
from styleclip_app.theme import status_html


@dataclass(frozen=True)
class ResultViews:
    """What an edit shows: how it is going, the face before and after, the whole photo before and after, the numbers."""

    status: gr.HTML
    compare: gr.ImageSlider
    whole: gr.ImageSlider
    numbers: gr.HTML


@dataclass(frozen=True)
class HistoryControls:
    """The results of a session; `styleclip_app.history` wires them.

    Attributes:
        results: ``list[Result]``.
        place: the number of the result that is shown; 0: none.
        variants: numbers of the results that stand side by side, ``list[int]``.
        strip, side_by_side: small pictures of all results, and large ones of the variants.
        undo, redo, go_on: buttons.
    """

    results: gr.State
    place: gr.State
    variants: gr.State
    strip: gr.Gallery
    side_by_side: gr.Gallery
    undo: gr.Button
    redo: gr.Button
    go_on: gr.Button


def result_column(domain: str, example: Example | None) -> tuple[ResultViews, HistoryControls, SavingControls]:
    """Lay it all out, from top to bottom. ``example``: what is shown before anything was done."""
    status = gr.HTML(status_html(example.said if example else idle(domain)), elem_id="status")
    face, photo = (example.face, example.whole) if example else (None, None)
    picture: dict[str, Any] = {"interactive": False, "type": "filepath", "buttons": ["fullscreen"], "show_label": False}
    with gr.Tabs(elem_id="viewer"):
        with gr.Tab(domain.capitalize()):
            compare = gr.ImageSlider(face, elem_id="compare", height=500, **picture)
        with gr.Tab("Whole photo"):
            whole = gr.ImageSlider(photo, elem_id="whole", height=500, **picture)
    small: dict[str, Any] = {"size": "sm", "min_width": 70}
    with gr.Row():
        undo = gr.Button("Undo", elem_id="undo", **small)
        redo = gr.Button("Redo", elem_id="redo", **small)
        gr.Button("Hold to see before", elem_id="peek", **small)
        go_on = gr.Button("Edit this result", elem_id="go-on", **small)
    save_face, save_photo = save_buttons(domain)
    side_by_side = thumbnails("variants", 4, 190, show_label=False, visible=False)
    numbers = gr.HTML(elem_id="numbers")
    strip = thumbnails("history", 10, 120, label="Results", visible=False)
    history = HistoryControls(
        gr.State([], time_to_live=KEEP_SECONDS), gr.State(0), gr.State([]), strip, side_by_side, undo, redo, go_on
    )
    return ResultViews(status, compare, whole, numbers), history, saving_controls(save_face, save_photo)


def thumbnails(elem_id: str, columns: int, height: int, **options: Any) -> gr.Gallery:
    """A row of small pictures to choose from."""
    plain: dict[str, Any] = {"fit_columns": False, "allow_preview": False, "interactive": False, "buttons": []}
    return gr.Gallery(columns=columns, height=height, elem_id=elem_id, **plain, **options)


def idle(domain: str) -> str:
    """What the page says before anything was done."""
    where = "" if domain == "face" else f" with a {domain} in its middle"
    return f"Choose a photo{where}, describe the change and press Run."
