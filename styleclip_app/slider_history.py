"""The history of the tab "Sliders": undo, redo, and thumbnails that bring an edit back."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency
from PIL import Image

from styleclip_app.page import PRIVATE, Page, Updates, Values, thumbnails
from styleclip_app.session import InvertedFace, call_in_worker
from styleclip_app.slider_controls import SliderControls
from styleclip_core.edits import sliders

KEPT = 24  # edits in the history


@dataclass(frozen=True)
class Entry:
    """Strengths of sliders, by their keys, and a small picture of what they make."""

    strengths: Mapping[str, float]
    small: Image.Image


@dataclass(frozen=True)
class History:
    """Of the session: the edits, oldest first (``list[Entry]``), and which of them the sliders stand at."""

    entries: gr.State
    place: gr.State
    strip: gr.Gallery


def history_strip() -> History:
    return History(gr.State([]), gr.State(0), thumbnails("history", 6, 84, show_label=False))


def wire_history(
    page: Page,
    controls: SliderControls,
    history: History,
    buttons: tuple[gr.Button, gr.Button],
    drawn: Dependency,
    save: gr.DownloadButton,
) -> None:
    """Wire the history.

    Args:
        buttons: Undo and Redo.
        drawn: the job after which the sliders are remembered.
        save: gets a file of the remembered edit.
    """

    def remember(values: Values) -> Updates:
        """Put the sliders into the history, behind where undo has got to."""
        inverted: InvertedFace | None = values[page.inverted]
        edit, entries, place = controls.read(values), values[history.entries], values[history.place]
        if inverted is None or (entries and entries[place].strengths == edit.values):
            return {history.entries: gr.skip()}
        small = call_in_worker(page.studio.preview, inverted.face, edit.values, edit.own)
        entries = [*entries[: place + 1], Entry(edit.values, small.resize((96, 96)))][-KEPT:]
        with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="sliders-", delete=False) as file:
            file.write(sliders.to_json(edit.values))
        return {
            history.entries: entries,
            history.place: len(entries) - 1,
            history.strip: [entry.small for entry in entries],
            save: gr.update(value=file.name, interactive=True),
        }

    def go(values: Values, place: int) -> Updates:
        """Set the sliders as they were."""
        entries = values[history.entries]
        if not entries:
            return {history.place: gr.skip()}
        place = min(max(place, 0), len(entries) - 1)
        return {history.place: place, **controls.redraw(values, entries[place].strengths)}

    def pick(event: gr.SelectData, values: Values) -> Updates:
        return go(values, event.index)

    undo, redo = buttons
    kept = [history.entries, history.place]
    steps: set[Block] = {*kept, controls.own_keys, controls.draws}
    moved = [history.place, controls.draws, controls.own_keys, *controls.all]
    drawn.then(remember, {page.inverted, *kept, *controls.inputs}, [*kept, history.strip, save], **PRIVATE)
    undo.click(lambda values: go(values, values[history.place] - 1), steps, moved, **PRIVATE)
    redo.click(lambda values: go(values, values[history.place] + 1), steps, moved, **PRIVATE)
    history.strip.select(pick, steps, moved, **PRIVATE)
