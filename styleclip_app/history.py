"""The history of a session's results, across tabs: undo, redo, bring one back, go on from one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from styleclip_app.page import PRIVATE, Page, Updates, Values
from styleclip_app.recipes import RecipeControls
from styleclip_app.results import Result, find, newest_after
from styleclip_app.session import InvertedFace, call_in_worker, digest
from styleclip_app.theme import status_html
from styleclip_core import StudioError

CLEARED = "This result has been cleared away; make it again with the same settings."
GOING_ON = "This result is the photo now. Describe the next change and press Run, or choose another face in it."


def wire_history(page: Page, controls: RecipeControls) -> None:
    """Wire the strip, the variants and the buttons. ``controls``: what is set as it was for a result."""
    history, views = page.history, page.views
    inputs: set[Block] = {history.results, history.place, page.photo, *page.saving.inputs, *controls.inputs}
    outputs = [*dict.fromkeys([*page.outputs, page.photo, *controls.outputs])]

    def say(text: str, bad: bool = True) -> Updates:
        return {views.status: status_html(text, bad=bad)}

    def bring_back(values: Values, result: Result | None) -> Updates:
        """Show a result, with photo, face and controls as they were when it was made."""
        if result is None or not result.is_there():
            return say(CLEARED)
        at = [each.number for each in values[history.results]].index(result.number)
        try:
            set_as_it_was = controls.write(values, result.recipe, result.start)
        except StudioError as error:  # a slider of the user's that is gone
            return say(str(error))
        return {
            **set_as_it_was,
            **page.show(values, result),
            **_start(result),
            history.place: result.number,
            history.strip: gr.update(selected_index=at),
            **say(f"Brought back: {result.recipe.title}.", bad=False),
        }

    def unedited(values: Values, result: Result) -> Updates:
        """Show the face that a result was made from."""
        start = result.start
        return {
            **controls.clear(values),
            **page.updates(compare=(start.picture, start.face.image), whole=None, numbers=""),
            **page.saving.none(),
            **_start(result),
            history.place: 0,
            history.strip: gr.update(selected_index=None),
            **say("All edits are undone.", bad=False),
        }

    def _start(result: Result) -> Updates:
        there = result.source is not None and Path(result.source).is_file()
        return {page.inverted: result.start, **({page.photo: result.source} if there else {})}

    def undo(values: Values) -> Updates:
        now = find(values[history.results], values[history.place])
        if now is None:
            return say("There is nothing to undo.")
        before = find(values[history.results], now.parent)
        return bring_back(values, before) if before else unedited(values, now)

    def redo(values: Values) -> Updates:
        after = newest_after(values[history.results], values[history.place])
        return bring_back(values, after) if after else say("There is nothing to redo.")

    def pick(event: gr.SelectData, values: Values) -> Updates:
        return bring_back(values, values[history.results][event.index])

    def pick_variant(event: gr.SelectData, values: Values) -> Updates:
        return bring_back(values, find(values[history.results], values[history.variants][event.index]))

    def go_on(values: Values) -> Updates:
        """The result becomes the photo, its face the one to edit: exactly as drawn, without being searched again."""
        result = find(values[history.results], values[history.place])
        if result is None or not result.is_there():
            return say(CLEARED if result else "There is no result yet; press Run.")
        try:
            face = call_in_worker(page.studio.start_from, result.edit())
            index = result.start.choice and (result.start.choice[0], None)
            start = InvertedFace(digest(result.photo), index, face)
        except StudioError as error:
            return say(str(error))
        return {**controls.clear(values), page.photo: result.photo, page.inverted: start, **say(GOING_ON, bad=False)}

    buttons: list[tuple[gr.Button, Any]] = [(history.undo, undo), (history.redo, redo), (history.go_on, go_on)]
    for button, act in buttons:
        button.click(act, inputs, outputs, **PRIVATE)
    history.strip.select(pick, inputs, outputs, **PRIVATE)
    history.side_by_side.select(pick_variant, {*inputs, history.variants}, outputs, **PRIVATE)
    saving, shown = page.saving, {history.results, history.place, *page.saving.inputs}
    files = [saving.face, saving.photo, saving.save]

    def save_otherwise(values: Values) -> Updates:
        result = find(values[history.results], values[history.place])
        there = result is not None and result.is_there()
        return saving.files(values, result) if result and there else saving.none()

    wanted = [saving.form.change, saving.recipe.change, saving.badge.change]
    gr.on(wanted, save_otherwise, shown, files, trigger_mode="always_last", **PRIVATE)
