"""The results of a session, small, under the last one: a click brings one back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from styleclip_app.page import PRIVATE, ResultViews, thumbnails
from styleclip_app.theme import status_html
from styleclip_core import StudioError
from styleclip_core.faces import load_photo

RESULTS = 24  # that stay within reach; their files go when gradio's cache is cleared


@dataclass(frozen=True)
class Result:
    """Files of the face before and after and of the photo, the numbers as the page shows them, and a small picture."""

    before: str
    face: str
    photo: str
    numbers: str
    small: Image.Image


def remember(kept: list[Result], compare, face: str | None, photo: str | None, numbers: str) -> tuple[Any, Any]:
    """A job is over: keep what it made, if it made something. Updates the results and their strip."""
    if not (compare and compare[0] and face and photo) or (kept and kept[-1].photo == photo):
        return gr.skip(), gr.skip()
    try:  # the browser names the files, so they may be any
        small = load_photo(face).resize((96, 96))
    except StudioError:
        return gr.skip(), gr.skip()
    kept = [*kept, Result(compare[0], face, photo, numbers, small)][-RESULTS:]
    return kept, gr.update(value=[result.small for result in kept], visible=True)


def bring_back(event: gr.SelectData, kept: list[Result]) -> list[Any]:
    """A small picture was clicked. Updates compare, pasted, numbers, save_face, save_photo, status."""
    result = kept[event.index]
    if not all(Path(file).is_file() for file in (result.before, result.face, result.photo)):
        text = "This result has been cleared away; make it again with the same settings."
        return [*[gr.skip()] * 5, status_html(text, bad=True)]
    text = "This is an earlier result. The next edit starts from the unedited face again."
    pictures = (result.before, result.face), result.photo
    return [*pictures, result.numbers, result.face, result.photo, status_html(text)]


def results_strip(views: ResultViews) -> tuple[gr.State, gr.Gallery]:
    """Build the strip and wire it. Returns what `remember` updates."""
    kept = gr.State([])
    strip = thumbnails("results-strip", 10, 110, label="Results", visible=False)
    shown = [views.compare, views.pasted, views.numbers, views.save_face, views.save_photo, views.status]
    strip.select(bring_back, kept, shown, **PRIVATE)
    return kept, strip
