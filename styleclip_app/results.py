"""The results of a session, small, under the last one: a click brings one back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from styleclip_app.theme import status_html

RESULTS = 24  # that stay within reach; their files go when gradio's cache is cleared
SHOWN = ("compare", "pasted", "numbers", "save_face", "save_photo", "status")  # the views that coming back updates
READ = ("compare", "save_face", "save_photo", "numbers")  # the views that a result is read from


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
    with Image.open(face) as picture:
        kept = [*kept, Result(compare[0], face, photo, numbers, picture.resize((96, 96)))][-RESULTS:]
    return kept, gr.update(value=[result.small for result in kept], visible=True)


def bring_back(event: gr.SelectData, kept: list[Result]) -> list:
    """A small picture was clicked. Updates the views SHOWN."""
    result = kept[event.index]
    if not all(Path(file).is_file() for file in (result.before, result.face, result.photo)):
        text = "This result has been cleared away; make it again with the same settings."
        return [*[gr.skip()] * (len(SHOWN) - 1), status_html(text, bad=True)]
    return [
        (result.before, result.face),
        result.photo,
        result.numbers,
        result.face,
        result.photo,
        status_html("This is an earlier result. The next edit starts from the unedited face again."),
    ]


def results_strip(views: dict[str, Any], private: dict[str, Any]) -> tuple[gr.State, gr.ReferenceFaces]:
    """Build the strip and wire it. Returns what `remember` updates."""
    kept = gr.State([])
    strip = gr.ReferenceFaces(
        label="Results",
        columns=10,
        fit_columns=False,
        height=110,
        allow_preview=False,
        interactive=False,
        buttons=[],
        visible=False,
        elem_id="results-strip",
    )
    strip.select(bring_back, kept, [views[name] for name in SHOWN], **private)
    return kept, strip
