"""Folded into the tab "Local": the hair of another photo."""

from __future__ import annotations

import gradio as gr

from styleclip_app.jobs import Job, wire_job
from styleclip_app.page import Page, Values
from styleclip_app.requests import HairEdit

DONE = "Done. Only the hair is from the other photo; drag the line to compare."
SHAPE, COLOR = "length, fringe, curls", "colour"


def hair_controls(page: Page) -> None:
    """Lay them out and wire them."""
    with gr.Accordion("Hair from another photo", open=False, elem_id="hair"):
        photo = gr.Image(label="Photo with the hair", sources=["upload", "clipboard"], height=180, elem_id="hair-photo")
        photo.preprocess = lambda payload: payload.path if payload else None  # the file as it is
        what = gr.CheckboxGroup([SHAPE, COLOR], value=[SHAPE, COLOR], label="Take its", elem_id="hair-what")
        with gr.Row():
            start = gr.Button("Take the hair", variant="primary", elem_id="hair-run", scale=3)
            cancel = gr.Button("Cancel", interactive=False, elem_classes="cancel", min_width=80)

    def read(values: Values) -> Job:
        taken = values[what] or []
        return page.face_request(values), [HairEdit(values[photo], SHAPE in taken, COLOR in taken)]

    wire_job(page, (start, cancel), [start.click], read, page.face_inputs | {photo, what}, DONE)
