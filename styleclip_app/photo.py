"""Where the photo comes from: a file, the webcam, an example, or a face that does not exist."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block
from PIL import Image

from styleclip_app.examples import examples
from styleclip_app.jobs import overtake_looks, refuse, show_look
from styleclip_app.page import LOOKS, PRIVATE, QUICK, Page, Updates, Values
from styleclip_app.results import find
from styleclip_app.session import InvertedFace, digest
from styleclip_app.theme import status_html
from styleclip_app.viewer import idle, thumbnails
from styleclip_app.zerogpu import LENT
from styleclip_core import Studio, StudioError

CONSENT = "Only photos of yourself or of people who agree. Saved pictures say that AI edited them."


@dataclass(frozen=True)
class PhotoControls:
    """The photo, small pictures of its faces if there are several, examples, the random face's button and number."""

    photo: gr.Image
    faces: gr.Gallery
    samples: gr.Dataset | None
    random: gr.Button
    number: gr.Number


def photo_controls(domain: str) -> PhotoControls:
    photo = gr.Image(label="Photo", sources=["upload", "webcam", "clipboard"], height=205, elem_id="photo")
    # gr.Image would decode and re-encode the upload; the studio wants the file as it is. An event that changes more of
    # this box than its value would make gradio build it anew, without this.
    photo.preprocess = lambda payload: payload.path if payload else None
    if domain == "face":
        gr.HTML(f"<small>{CONSENT}</small>", elem_classes="consent")
    faces = thumbnails("faces", 6, 86, show_label=False, visible=False)
    samples: gr.Dataset | None = None
    with gr.Row(equal_height=True):
        if known := [[str(example.photo)] for example in examples() if domain == "face"]:
            samples = gr.Dataset(components=[photo], samples=known, type="index", samples_per_page=6, elem_id="samples")
        with gr.Row(elem_id="random-row"):
            random = gr.Button(f"Random {domain} no.", size="sm", elem_id="random", min_width=124)
            number = gr.Number(1, show_label=False, container=False, precision=0, minimum=0, min_width=60)
    return PhotoControls(photo, faces, samples, random, number)


def wire_photo(page: Page, controls: PhotoControls) -> None:
    """Wire the photo: say how many faces it has, and look at the chosen one. To be called before the tabs are wired."""
    status, history = page.views.status, page.history

    def report(values: Values) -> Updates:
        """A photo was chosen: say how many faces it has, and offer the choice."""
        found = look_for_faces(page.studio, values[page.photo], values[page.inverted])
        chosen = bool(found.faces) and gr.update(value=found.faces, visible=True, selected_index=found.index)
        updates = {page.face_index: found.index, controls.faces: chosen or gr.update(value=None, visible=False)}
        updates |= {looks: values[looks] + 1}
        if not _is_brought_back(page, values):
            updates |= {status: found.said, history.place: 0}
        return updates

    if controls.samples:
        shown = [controls.photo, page.views.compare, page.views.whole]
        controls.samples.click(on_example, controls.samples, shown, **PRIVATE)

    def pick(event: gr.SelectData, values: Values) -> Updates:
        said = f"Face {event.index + 1} is chosen. Describe the change and press Run."
        return {page.face_index: event.index, status: status_html(said), looks: values[looks] + 1}

    inputs: set[Block] = {page.photo, page.inverted, history.results, history.place}
    looks = gr.State(0)  # how many were asked for; its change begins one

    def look(values: Values) -> Iterator[Updates]:
        photo = values[page.photo]
        if photo is None or _is_brought_back(page, values):
            yield {page.inverted: gr.skip()}  # a generator that yields nothing empties its outputs
            return
        silent = digest(photo) in _digests_of_examples()  # whose finished edit is to be seen
        for named in show_look(page.studio, page.face_request(values), silent):
            yield page.updates(**named)

    if not LENT:  # a look is not worth a visitor's share of a GPU
        outputs: list[Any] = [page.inverted, page.views.compare]
        page.looks.append(looks.change(look, {*page.face_inputs, *inputs}, outputs, **LOOKS, **PRIVATE))
    overtake_looks(page, [controls.photo.change, controls.faces.select])
    changed = [status, controls.faces, page.face_index, history.place, looks]
    controls.photo.change(report, {*inputs, looks}, changed, trigger_mode="always_last", **QUICK, **PRIVATE)
    controls.faces.select(pick, {looks}, [page.face_index, status, looks], **PRIVATE)


@functools.cache
def _digests_of_examples() -> frozenset[str]:
    return frozenset(digest(example.photo) for example in examples())


def _is_brought_back(page: Page, values: Values) -> bool:
    """Whether the photo is not a new one, but came with a result of this session: what is shown stays."""
    result = find(values[page.history.results], values[page.history.place])
    if result is None or values[page.photo] is None:
        return False
    return result.start is values[page.inverted] or digest(result.photo) == digest(values[page.photo])


@dataclass(frozen=True)
class Found:
    """What the page says of a photo, small pictures of its faces if it has several, and which of them is chosen."""

    said: str
    faces: list[Image.Image] = field(default_factory=list)
    index: int = 0


def look_for_faces(studio: Studio, path: str | None, inverted: InvertedFace | None) -> Found:
    """``inverted``: the session's face; if it is of this photo it stays the chosen one."""
    domain = studio.pack.domain
    if path is None:
        return Found(status_html(idle(domain)))
    known = inverted if inverted and inverted.photo == digest(path) else None
    if known and known.choice is None:
        what = "person" if domain == "face" else domain
        return Found(status_html(f"This {what} does not exist. Describe the change and press Run."))
    if domain != "face":
        return Found(status_html("The photo's middle will be used. Describe the change and press Run."))
    try:
        crops = studio.find_faces(path)
    except StudioError as error:
        return Found(refuse(error))
    if len(crops) == 1:
        return Found(status_html("One face found. Describe the change and press Run."))
    text = f"{len(crops)} faces found; the largest is chosen. Pick another below the photo, or press Run."
    index = known.choice[0] if known and known.choice else 0
    return Found(status_html(text), [crop.resize((160, 160)) for crop in crops], min(index, len(crops) - 1))


def on_example(index: Any) -> tuple:
    """An example was chosen. Updates the photo, and what is compared: its finished edit."""
    known = examples()
    if not (isinstance(index, int) and 0 <= index < len(known)):
        return gr.skip(), gr.skip(), gr.skip()
    return str(known[index].photo), known[index].face, known[index].whole
