"""The tab "Sliders": pick a concept, drag, see the face change (path B)."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from styleclip_app.jobs import GPU_SECONDS, LONG, PRIVATE, Page, answers, inversion_of, job, refuse, show, show_steps
from styleclip_app.session import InvertedFace, call_in_worker, face_steps, in_worker
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Edit, InvertSettings, Progress, Studio, StudioError
from styleclip_core.checkpoints import load_mapper
from styleclip_core.edits import sliders
from styleclip_core.errors import BadSetting
from styleclip_core.settings import check_prompt

OWN = 6  # sliders that a user can add
KEPT = 24  # edits in the history
GRID = (-2, -1, 0, 1, 2)  # strengths of the grid
KINDS = {"learned": "text", "StyleSpace": "style"}
DONE = "Done. Drag on, or compare with the line."
PREVIEWS: dict[str, Any] = {"concurrency_id": "preview", "concurrency_limit": 1, "trigger_mode": "always_last"}


def edit_steps(
    studio: Studio, photo, choice, inversion, known, values, mappers
) -> Iterator[Progress | InvertedFace | Edit]:
    """Find the face in the photo, then move it."""
    for step in face_steps(studio, photo, choice, inversion, known):
        yield step
    yield studio.slide(step.face, values, mappers)


class SlidersTab:
    """The tab's functions. ``keys`` says what its sliders stand for: the pack's first, then those a user added."""

    def __init__(self, page: Page):
        self.page, self.studio = page, page.studio
        self.pack_sliders = sliders.available(page.studio.pack)
        self.keys = [slider.key for slider in self.pack_sliders]

    def read(self, own: list[str], numbers: tuple) -> dict[str, float]:
        keys = [*self.keys, *own]
        return sliders.check_values(dict(zip(keys, numbers[: len(keys)], strict=True)))

    def write(self, own: list[str], values: dict[str, float]) -> list[Any]:
        """Updates of all sliders."""
        places = [*self.keys, *(own + [""] * OWN)[:OWN]]
        updates = [gr.update(value=values.get(key, 0)) for key in self.keys]
        for key in places[len(self.keys) :]:
            label = key.partition(":")[2] or "-"
            updates.append(gr.update(value=values.get(key, 0), label=label, visible=bool(key)))
        return updates

    def drag(self, known: InvertedFace | None, own, mappers, *numbers) -> Any:
        """A slider moves: a small picture at once, if the face was found already."""
        if known is None:
            return gr.skip()
        try:
            values = self.read(own, numbers)
            small = call_in_worker(self.studio.preview, known.face, values, mappers)
        except StudioError as error:
            gr.Warning(str(error), duration=4)
            return gr.skip()
        return known.face.aligned or known.face.image, small

    def release(self, photo, known, choice, refine, faithful, tune, own, mappers, *numbers) -> Iterator[list]:
        """A slider was let go: the full picture."""
        try:
            inversion, values = inversion_of(refine, faithful, tune), self.read(own, numbers)
        except StudioError as error:
            yield show(status=refuse(error))
            return
        yield from show_steps(
            self.studio, edit_steps(self.studio, photo, choice, inversion, known, values, mappers), DONE
        )

    def remember(self, known, history, place, own, mappers, *numbers) -> tuple:
        """Put the sliders into the history, behind where undo has got to. Updates history, place, strip, file."""
        values = self.read(own, numbers)
        if known is None or (history and history[place][0] == values):
            return (gr.skip(),) * 4
        small = call_in_worker(self.studio.preview, known.face, values, mappers)
        history = [*history[: place + 1], (values, small.resize((96, 96)))][-KEPT:]
        with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="sliders-", delete=False) as file:
            file.write(sliders.to_json(values))
        return history, len(history) - 1, [thumb for _, thumb in history], gr.update(value=file.name, interactive=True)

    def go(self, to: int, by: int, history, place, own, tick) -> list:
        """Undo, redo, or a picture of the strip. Updates place, tick and all sliders."""
        if not history:
            return [gr.skip()] * (2 + len(self.keys) + OWN)
        place = min(max((place if to < 0 else to) + by, 0), len(history) - 1)
        return [place, tick + 1, *self.write(own, history[place][0])]

    def reset(self, own, tick) -> list:
        return [tick + 1, *self.write(own, {})]

    def add(self, prompt, kind, own, mappers, *numbers) -> list:
        """A new slider from a prompt. Updates status, own and all sliders."""
        try:
            key = f"{KINDS[kind]}:{check_prompt(prompt)}"
            somebody = call_in_worker(self.studio.random_face, 1)  # tried on, so that what is wrong is said now
            call_in_worker(self.studio.preview, somebody, {key: 1.0}, mappers)
            return self._added(key, own, numbers, f"Drag the new slider “{prompt}”.")
        except StudioError as error:
            return [refuse(error), own, *[gr.skip()] * (len(self.keys) + OWN)]

    def upload(self, file, own, mappers, *numbers) -> list:
        """A mapper's file was chosen. Updates status, own, mappers and all sliders."""
        try:
            mapper = load_mapper(file)
            name = f"{Path(file).stem[:40]} (file)"
            status, own, *updates = self._added(f"mapper:{name}", own, numbers, f"Drag the new slider “{name}”.")
            return [status, own, mappers | {name: mapper}, *updates]
        except StudioError as error:
            return [refuse(error), own, mappers, *[gr.skip()] * (len(self.keys) + OWN)]

    def _added(self, key: str, own: list[str], numbers: tuple, text: str) -> list:
        if key in own:
            raise BadSetting("There is a slider for that already.")
        if len(own) == OWN:
            raise BadSetting(f"There is room for {OWN} sliders of your own; reload the page to begin anew.")
        values = self.read(own, numbers)
        own = [*own, key]
        return [status_html(text), own, *self.write(own, values)]

    def load(self, file, own, tick) -> list:
        """A saved edit was chosen. Updates status, own, tick and all sliders."""
        try:
            with Path(file).open(encoding="utf-8", errors="replace") as text:
                values = sliders.from_json(text.read(1_000_000))
            missing = [key for key in values if key not in self.keys and key not in own]
            if strange := [key for key in missing if not key.startswith(("text:", "style:"))]:
                raise BadSetting(f"This edit needs the slider {strange[0]!r}, which is not here; load its file first.")
            if len(own) + len(missing) > OWN:
                raise BadSetting(f"There is room for {OWN} sliders of your own; reload the page to begin anew.")
            own = own + missing
            return [status_html("The edit was loaded."), own, tick + 1, *self.write(own, values)]
        except StudioError as error:
            return [refuse(error), own, tick, *[gr.skip()] * (len(self.keys) + OWN)]

    def grid(self, known, own, mappers, *numbers) -> Any:
        """A row of pictures: the strongest slider at several strengths, the others as they are."""
        values = self.read(own, numbers)
        if known is None or not values:
            gr.Warning("Move a slider first.", duration=4)
            return gr.skip()
        key = max(values, key=lambda name: abs(values[name]))
        draws = (self.studio.preview(known.face, values | {key: strength}, mappers) for strength in GRID)
        row = np.hstack([np.asarray(small) for small in in_worker(draws)])
        return gr.update(value=Image.fromarray(row), visible=True)

    def find(self, text: str) -> list[Any]:
        """The search box: only sliders whose name has the text in it."""
        wanted = text.strip().lower()
        return [gr.update(visible=wanted in f"{s.label} {s.group}".lower()) for s in self.pack_sliders]


def slide(studio: Studio, photo, values, known) -> Iterator[tuple]:
    """Edit the largest face of a photo by sliders, given as {"mapper:smile": 1, "boundary:age": -0.5, ...}.

    Returns the aligned face (1024 x 1024), the photo with the edit pasted back, and the numbers: identity, distance,
    seconds.
    """
    try:
        steps = edit_steps(studio, photo, 0, InvertSettings(), known, sliders.check_values(values), {})
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error
    yield from answers(studio, steps, known)


def slider(key: str, label: str, visible: bool = True) -> gr.Slider:
    return gr.Slider(
        -sliders.LIMIT,
        sliders.LIMIT,
        0,
        step=0.05,
        label=label,
        visible=visible,
        min_width=150,
        elem_classes="edit-slider",
        elem_id="slider-" + re.sub(r"\W+", "-", key),
    )


def sliders_tab(page: Page) -> tuple[SlidersTab, list]:
    """Build the tab and wire it. Returns its functions, and the components that `SlidersTab.read` reads."""
    tab, views = SlidersTab(page), page.views
    own, mappers, history, place, tick = gr.State([]), gr.State({}), gr.State([]), gr.State(0), gr.State(0)
    with gr.Row():
        search = gr.Textbox(show_label=False, placeholder="Search", container=False, min_width=90, elem_id="search")
        names = ("Apply", "Undo", "Redo", "Reset")
        apply, undo, redo, reset = (gr.Button(n, size="sm", min_width=56, elem_id=n.lower()) for n in names)
        cancel = gr.Button("Cancel", size="sm", min_width=56, interactive=False)
    controls = []
    for group, members in groupby(tab.pack_sliders, key=lambda one: one.group):
        with gr.Accordion(group, open=not controls), gr.Row():
            controls += [slider(one.key, one.label) for one in members]
    with gr.Accordion("Your own", open=True):
        with gr.Row():
            hint = "New slider from a prompt"
            prompt = gr.Textbox(show_label=False, placeholder=hint, container=False, scale=3, elem_id="new-prompt")
            kind = gr.Dropdown(list(KINDS), value=list(KINDS)[0], show_label=False, container=False, min_width=110)
            new = gr.Button("Add", size="sm", min_width=50, elem_id="new-slider")
        with gr.Row():
            mine = [slider(f"own-{i}", "-", visible=False) for i in range(OWN)]
        with gr.Row():
            upload = gr.UploadButton("Load a mapper", size="sm", file_types=[".pt", ".safetensors"], min_width=90)
            load = gr.UploadButton("Load an edit", size="sm", file_types=[".json"], min_width=90)
            save = gr.DownloadButton("Save the edit", size="sm", interactive=False, min_width=90)
            grid = gr.Button("Grid", size="sm", min_width=60)
    everything = [*controls, *mine]
    strip = gr.ReferenceFaces(
        show_label=False,
        columns=6,
        fit_columns=False,
        height=84,
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="history",
    )
    buttons = ["download", "fullscreen"]
    row = gr.Image(show_label=False, visible=False, interactive=False, buttons=buttons, elem_id="grid")

    state = [own, mappers, *everything]
    drag = on_gpu(tab.drag)
    gr.on([one.input for one in everything], drag, [page.known, *state], views["compare"], **PREVIEWS, **PRIVATE)
    begins = [*(one.release for one in everything), apply.click, tick.change]  # a typed number releases nothing
    running = job(page, apply, cancel, begins, on_gpu(tab.release, GPU_SECONDS), [*page.face, *state], keep=False)
    running.then(tab.remember, [page.known, history, place, *state], [history, place, strip, save], **PRIVATE)
    steps, moved = [history, place, own, tick], [place, tick, *everything]
    undo.click(functools.partial(tab.go, -1, -1), steps, moved, **PRIVATE)
    redo.click(functools.partial(tab.go, -1, 1), steps, moved, **PRIVATE)

    def jump(event: gr.SelectData, *given):
        return tab.go(event.index, 0, *given)

    strip.select(jump, steps, moved, **PRIVATE)
    reset.click(tab.reset, [own, tick], [tick, *everything], **PRIVATE)
    added = {"inputs": [prompt, kind, *state], "outputs": [views["status"], own, *everything]}
    gr.on([new.click, prompt.submit], on_gpu(tab.add), **added, **PRIVATE)
    upload.upload(tab.upload, [upload, *state], [views["status"], own, mappers, *everything], **PRIVATE)
    load.upload(tab.load, [load, own, tick], [views["status"], own, tick, *everything], **PRIVATE)
    grid.click(on_gpu(tab.grid), [page.known, *state], row, **PRIVATE)
    search.change(tab.find, search, controls, trigger_mode="always_last", **PRIVATE)
    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        values = gr.JSON(label="sliders")
        answer = [gr.Image(label="aligned"), gr.Image(label="pasted"), gr.JSON(label="numbers")]
        call = on_gpu(functools.partial(slide, page.studio), GPU_SECONDS)
        gr.Button().click(call, [page.photo, values, page.known], [*answer, page.known], api_name="slide", **LONG)
    return tab, state
