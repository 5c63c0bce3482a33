"""The tab "Video": one face edited through a clip, with a look at three frames before the whole is computed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from styleclip_app.jobs import AGAIN, refuse, wire_work
from styleclip_app.page import PROMPTS, Updates, Values, strength_slider
from styleclip_app.prompt_tab import REGIONS
from styleclip_app.results import KEEP_SECONDS, keep
from styleclip_app.session import in_worker
from styleclip_app.theme import progress_html, status_html
from styleclip_app.zerogpu import MAX_SECONDS, on_gpu
from styleclip_core import OptimizeSettings, Progress, Studio, StudioError
from styleclip_core.errors import BadSetting, BadVideo, UnknownPrompt
from styleclip_core.settings import check_range
from styleclip_core.video import VideoEdit, Wish, edit_video_steps, preview_steps
from styleclip_core.video.container import open_clip

FILMS: dict[str, Any] = {"concurrency_id": "film", "concurrency_limit": 1}  # a queue of their own: they take minutes
MOST_SECONDS = 60  # of a clip; what is longer is edited in parts, or by the command
LOOK_EVERY = 1.0  # seconds between pictures of the work
CONSENT = "Only videos of yourself or of people who agree. Edited ones say in the file that AI edited them."
FRAMES = ("first", "middle", "last")
IDLE = "Choose a video with a face in it and describe the change. Preview shows three frames of it."
PLAY_BOTH = """() => {
  const films = [...document.querySelectorAll('#film video, #edited-film video')]
  films.forEach((film) => { film.pause(); film.currentTime = 0 })
  films.slice(1).forEach((film) => { film.muted = true })
  films.forEach((film) => film.play())
  return []
}"""


@dataclass(frozen=True)
class VideoTab:
    """The tab's components. ``refused`` holds the last prompt of which the model knew nothing."""

    film: gr.Video
    prompt: gr.Textbox
    strength: gr.Slider
    region: gr.Dropdown
    start: gr.Number
    end: gr.Number
    face: gr.Number
    preview: gr.Button
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    edited: gr.Video
    both: gr.Button
    frames: gr.Gallery
    look: gr.Image
    refused: gr.State
    work: gr.State

    @property
    def inputs(self) -> set[Component]:
        asked = {self.film, self.prompt, self.strength, self.region, self.start, self.end, self.face}
        return {*asked, self.refused, self.work}

    @property
    def outputs(self) -> list[Component]:
        return [self.status, self.edited, self.both, self.frames, self.look, self.refused, self.work]


@dataclass(frozen=True)
class Asked:
    """What is asked for: a file, the change, a part of the clip, and which face."""

    film: str
    wish: Wish
    start: float | None
    end: float | None
    face: int


def video_tab(studio: Studio) -> VideoTab:
    """Build the tab and wire it."""
    tab = _lay_out()

    def preview(values: Values) -> Iterator[Updates]:
        yield from _shown(studio, tab, values, _preview)

    def edit(values: Values) -> Iterator[Updates]:
        yield from _shown(studio, tab, values, _edit)

    buttons = (tab.preview, tab.run, tab.cancel)
    wire_work(buttons, [tab.preview.click], preview, tab.inputs, tab.outputs, tab.status, FILMS)
    wire_work(buttons, [tab.run.click, tab.prompt.submit], edit, tab.inputs, tab.outputs, tab.status, FILMS)
    tab.both.click(None, None, None, js=PLAY_BOTH)
    return tab


def _lay_out() -> VideoTab:
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=440):
            film = gr.Video(label="Video", sources=["upload"], height=300, elem_id="film")
            gr.HTML(f"<small>{CONSENT}</small>", elem_classes="consent")
            prompt = gr.Textbox(
                label="What should the face look like?", placeholder=PROMPTS["face"], elem_id="film-prompt"
            )
            with gr.Row():
                strength = strength_slider(min_width=220, scale=5, elem_id="film-strength")
                region = gr.Dropdown(REGIONS, value="auto", label="Where", min_width=120, scale=2, elem_id="film-where")
            with gr.Row():
                preview = gr.Button("Preview", elem_id="film-preview", scale=2)
                run = gr.Button("Edit the video", variant="primary", elem_id="film-run", scale=3)
                cancel = gr.Button(
                    "Cancel", interactive=False, elem_id="film-cancel", elem_classes="cancel", min_width=80
                )
            with gr.Accordion("A part of it, another face", open=False, elem_id="film-part"), gr.Row():
                start = gr.Number(None, label="From (seconds)", minimum=0, elem_id="film-start", min_width=110)
                end = gr.Number(None, label="To (seconds)", minimum=0, elem_id="film-end", min_width=110)
                label = "Face (1 is the largest)"
                face = gr.Number(1, label=label, precision=0, minimum=1, elem_id="film-face", min_width=110)
        with gr.Column(scale=8, min_width=520):
            status = gr.HTML(status_html(IDLE), elem_id="film-status")
            edited = gr.Video(label="Edited", interactive=False, height=420, elem_id="edited-film", visible=False)
            both = gr.Button("Play both from the start", size="sm", elem_id="film-both", visible=False)
            look = gr.Image(
                label="At work", interactive=False, height=240, buttons=[], elem_id="film-look", visible=False
            )
            plain: dict[str, Any] = {"interactive": False, "buttons": [], "object_fit": "contain", "visible": False}
            frames = gr.Gallery(label="Before and after", columns=1, height="auto", elem_id="film-frames", **plain)
    work = gr.State(None, time_to_live=KEEP_SECONDS, delete_callback=_forget)
    asked, part, buttons = (film, prompt, strength, region), (start, end, face), (preview, run, cancel)
    return VideoTab(*asked, *part, *buttons, status, edited, both, frames, look, gr.State(), work)


def _read(studio: Studio, tab: VideoTab, values: Values) -> Asked:
    """What is asked for. Raises the StudioErrors that can be known before any work."""
    if not values[tab.film]:
        raise BadVideo("Choose a video first.")
    settings = OptimizeSettings(strength=values[tab.strength])
    wish = Wish(values[tab.prompt] or "", region=values[tab.region] or "auto", settings=settings).check(studio)
    start, end = (None if values[each] is None else check_range(name, values[each], 0, 86_400)
                  for each, name in ((tab.start, "from"), (tab.end, "to")))  # fmt: skip
    face = int(check_range("face", values[tab.face], 1, 100)) - 1
    clip = open_clip(values[tab.film], start, end)
    if clip.frames / clip.rate > MOST_SECONDS:
        raise BadSetting(f"At most {MOST_SECONDS} seconds are edited at once here: choose a part of the video.")
    if values[tab.prompt] != values[tab.refused]:
        studio.check_known(wish.prompt or "")
    return Asked(values[tab.film], wish, start, end, face)


Work = Callable[[Studio, VideoTab, Asked, str], Generator[Progress | Updates, None, None]]


def _shown(studio: Studio, tab: VideoTab, values: Values, work: Work) -> Iterator[Updates]:
    """Do the work in the worker thread by turns; yield what the page shows of it. An error leaves the rest as it is."""
    try:
        asked = _read(studio, tab, values)
        folder = values[tab.work] or tempfile.TemporaryDirectory(dir=os.environ.get("GRADIO_TEMP_DIR"))
        yield {tab.status: status_html("Beginning", 0), tab.work: folder, tab.refused: None}
        stage, began, looked = "", 0.0, 0.0
        with closing(on_gpu(work, MAX_SECONDS)(studio, tab, asked, folder.name)) as steps:
            for step in in_worker(steps):
                if not isinstance(step, Progress):
                    yield step
                    continue
                now = time.perf_counter()
                if step.stage != stage:
                    stage, began = step.stage, now
                updates: Updates = {tab.status: progress_html(step, now - began)}
                if step.preview and now - looked > LOOK_EVERY:
                    looked, updates[tab.look] = now, gr.update(value=step.preview, visible=True)
                yield updates
    except UnknownPrompt as error:
        said = refuse(UnknownPrompt(f"{error} {AGAIN}"))
        yield {tab.status: said, tab.refused: values[tab.prompt], tab.look: gr.update(visible=False)}
    except StudioError as error:
        yield {tab.status: refuse(error), tab.look: gr.update(visible=False)}


def _preview(studio: Studio, tab: VideoTab, asked: Asked, folder: str) -> Generator[Progress | Updates, None, None]:
    for step in preview_steps(studio, asked.film, asked.wish, asked.start, asked.end, asked.face):
        if isinstance(step, Progress):
            yield step
            continue
        names = FRAMES if len(step) == len(FRAMES) else [str(number) for number in range(1, len(step) + 1)]
        pictures = [(_beside(*pair), f"{name} frame") for pair, name in zip(step, names, strict=True)]
        said = status_html("These frames, alone. Edit the video steadies the edit over time.")
        shown: Updates = {tab.frames: gr.update(value=pictures, visible=True), tab.status: said}
        yield shown | {tab.look: gr.update(visible=False)}


def _edit(studio: Studio, tab: VideoTab, asked: Asked, folder: str) -> Generator[Progress | Updates, None, None]:
    out = Path(folder, "edited.mp4")  # what a cancelled edit has done is beside it, and the next one goes on there
    for step in edit_video_steps(studio, asked.film, out, asked.wish, None, asked.start, asked.end, asked.face):
        if not isinstance(step, VideoEdit):
            yield step
            continue
        said = [f"{step.edited} of {step.frames} frames are edited, in {step.seconds:.0f} s.", step.said, *step.notes]
        film = keep(out)
        out.unlink()
        yield {
            tab.status: status_html(" ".join(filter(None, said))),
            tab.edited: gr.update(value=film, visible=True),
            tab.both: gr.update(visible=True),
            tab.look: gr.update(visible=False),
        }


def _beside(before: Image.Image, after: Image.Image) -> Image.Image:
    """Both frames in one picture, small."""
    size = (before.width, before.height)
    scale = min(1.0, 960 / max(size))
    width, height = (round(side * scale) for side in size)
    both = Image.new("RGB", (2 * width + 8, height), "white")
    for left, picture in ((0, before), (width + 8, after)):
        both.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, 0))
    return both


def _forget(folder: tempfile.TemporaryDirectory[str] | None) -> None:
    """Delete the work of a session that is gone."""
    if folder is not None:
        folder.cleanup()
