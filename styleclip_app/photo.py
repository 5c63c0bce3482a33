"""Where the photo comes from: a file, the webcam, an example, or a face that does not exist."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from styleclip_app.jobs import refuse, show_look
from styleclip_app.page import EXAMPLES, LOOKS, PRIVATE, QUICK, Page, Updates, Values, idle, thumbnails
from styleclip_app.session import InvertedFace, digest
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import LENT
from styleclip_core import Studio, StudioError


@dataclass(frozen=True)
class PhotoControls:
    """The photo, small pictures of its faces if there are several, and the random face's button and number."""

    photo: gr.Image
    faces: gr.Gallery
    random: gr.Button
    number: gr.Number


def photo_controls(domain: str) -> PhotoControls:
    photo = gr.Image(label="Photo", sources=["upload", "webcam", "clipboard"], height=205, elem_id="photo")
    # gr.Image would decode and re-encode the upload; the studio wants the file as it is. An event that changes more of
    # this box than its value would make gradio build it anew, without this.
    photo.preprocess = lambda payload: payload.path if payload else None
    faces = thumbnails("faces", 6, 86, show_label=False, visible=False)
    with gr.Row(equal_height=True):
        samples = [[str(path)] for path in sorted(EXAMPLES.glob("*.[jp][pn]g")) if domain == "face"]
        if samples:
            shown = gr.Dataset(components=[photo], samples=samples, samples_per_page=6, elem_id="samples")
            shown.click(lambda sample: sample[0], shown, photo, api_visibility="private", show_progress="hidden")
        with gr.Row(elem_id="random-row"):
            random = gr.Button(f"Random {domain} no.", size="sm", elem_id="random", min_width=124)
            number = gr.Number(1, show_label=False, container=False, precision=0, minimum=0, min_width=60)
    return PhotoControls(photo, faces, random, number)


def wire_photo(page: Page, controls: PhotoControls) -> None:
    """Wire the photo: say how many faces it has, and look at the chosen one. To be called before the tabs are wired."""
    status, report = page.views.status, functools.partial(on_photo_change, page.studio)
    changed = [status, controls.faces, page.face_index]
    chosen = controls.photo.change(
        report, [controls.photo, page.inverted], changed, trigger_mode="always_last", **QUICK, **PRIVATE
    )
    picked = controls.faces.select(on_face_pick, None, [page.face_index, status], **PRIVATE)
    if LENT:  # a look is not worth a visitor's share of the GPU
        return

    def look(values: Values) -> Iterator[Updates]:
        if values[page.photo] is None:
            return
        for named in show_look(page.studio, page.face_request(values)):
            yield page.updates(**named)

    outputs: list[Any] = [page.inverted, page.views.compare]
    page.looks.extend(event.then(look, page.face_inputs, outputs, **LOOKS, **PRIVATE) for event in (chosen, picked))
    gr.on([controls.photo.change, controls.faces.select], None, cancels=page.looks, queue=False, **PRIVATE)


def on_photo_change(studio: Studio, path: str | None, inverted: InvertedFace | None) -> tuple:
    """A photo was chosen: say how many faces it has, and offer the choice. Updates status, faces, face_index."""
    hidden, domain = gr.update(value=None, visible=False), studio.pack.domain
    if path is None:
        return status_html(idle(domain)), hidden, 0
    if inverted and inverted.choice is None and inverted.photo == digest(path):
        what = "person" if domain == "face" else domain
        return status_html(f"This {what} does not exist. Describe the change and press Run."), hidden, 0
    if domain != "face":
        return status_html("The photo's middle will be used. Describe the change and press Run."), hidden, 0
    try:
        crops = studio.find_faces(path)
    except StudioError as error:
        return refuse(error), hidden, 0
    if len(crops) == 1:
        return status_html("One face found. Describe the change and press Run."), hidden, 0
    text = f"{len(crops)} faces found; the largest is chosen. Pick another below the photo, or press Run."
    small = [crop.resize((160, 160)) for crop in crops]
    return status_html(text), gr.update(value=small, visible=True, selected_index=0), 0


def on_face_pick(event: gr.SelectData) -> tuple[int, str]:
    return event.index, status_html(f"Face {event.index + 1} is chosen. Describe the change and press Run.")
