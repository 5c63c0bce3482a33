"""The studio in a browser: `python app.py`, then open the address it prints. One function a tab; no model code."""

from __future__ import annotations

import argparse
import functools
import html
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing is reported to anybody

import gradio as gr

from app_spaces import on_gpu
from app_style import CSS, THEME, note_html, numbers_html, progress_html, status_html
from app_views import EXAMPLES, TERMS, edit_controls, idle, photo_controls, result_views
from styleclip_core import Edit, OptimizeSettings, Progress, Studio, StudioError, load_studio
from styleclip_core.devices import has_gpu
from styleclip_core.edits.progress import check_prompt, check_range
from styleclip_core.session import INVERSION, Known, digest, face_steps, in_worker

KEEP_SECONDS = 3600  # how long uploads and results stay on disk, and the face of an idle session in memory
SESSIONS = 32  # whose faces stay in memory
WAITING = 20  # jobs that may queue
GPU_SECONDS = 120  # that a job may take where GPUs are lent for each job
VIEWS = ("status", "compare", "pasted", "numbers", "save_face", "save_photo", "known")  # what a running edit updates
STOPPING, CANCELLED = "Stopping after this step", "Cancelled. The photo and the prompt are as they were."


def save_pictures(edit: Edit, folder: str, domain: str) -> tuple[str, str]:
    """Write the aligned and the pasted-back picture; gradio copies them into its cache when it sends them."""
    paths = str(Path(folder, f"edited-{domain}.png")), str(Path(folder, "edited-photo.png"))
    for picture, path in zip((edit.image, edit.photo), paths, strict=True):
        picture.save(path, compress_level=1)
    return paths


def refuse(error: StudioError) -> str:
    """Show the error's sentence; the page stays as it was. Returns the status."""
    gr.Warning(html.escape(str(error), quote=False), duration=6)
    return status_html(str(error), bad=True)


def look(studio: Studio, path: str | None, known: Known | None) -> tuple:
    """A photo was chosen: say how many faces it has, and offer the choice. Updates status, faces, choice."""
    hidden, domain = gr.update(value=None, visible=False), studio.pack.domain
    if path is None:
        return status_html(idle(domain)), hidden, 0
    if known and known.choice is None and known.photo == digest(path):
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


def pick(event: gr.SelectData) -> tuple[int, str]:
    return event.index, status_html(f"Face {event.index + 1} is chosen. Describe the change and press Run.")


def random_face(studio: Studio, number: float) -> Iterator[tuple[str, Known]]:
    """A face that does not exist. The same number gives the same face."""
    try:
        face = next(in_worker(studio.random_face(number) for _ in range(1)))
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"random-{studio.pack.domain}-{number:.0f}.png")
        face.image.save(path, compress_level=1)
        yield str(path), Known(digest(path), None, face)


def edit_steps(studio: Studio, photo, face, inversion, known, prompt, settings) -> Iterator[Progress | Known | Edit]:
    """Find the face in the photo, then edit it. Wrong input is refused before the long work."""
    prompt, settings = check_prompt(prompt), settings.checked()
    for step in face_steps(studio, photo, face, inversion, known):
        yield step
    yield from studio.optimize_steps(step.face, prompt, settings)


def show(**views: Any) -> list:
    return [views.get(name, gr.skip()) for name in VIEWS]


def run(studio: Studio, photo, prompt, strength, steps, seed, known, face, inversion, *terms) -> Iterator[list]:
    """Run was pressed. Each result updates some of VIEWS; an error says its sentence and leaves the rest as it was."""
    stage, started, before = "", 0.0, None
    try:
        weights = {name: check_range(name, value, 0, 10) for name, value in zip(TERMS, terms, strict=True)}
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed, **weights)
        for step in in_worker(edit_steps(studio, photo, face, inversion, known, prompt, settings)):
            if isinstance(step, Known):
                known, before = step, step.face.aligned or step.face.image
                yield show(known=known, compare=(before, step.face.image), status=status_html("Reading the prompt", 0))
            elif isinstance(step, Progress):
                if step.stage != stage:
                    stage, started = step.stage, time.perf_counter()
                before = before or step.preview
                views = {"compare": (before, step.preview)} if step.preview else {}
                yield show(status=progress_html(step, time.perf_counter() - started), **views)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    aligned, pasted = save_pictures(step, folder, studio.pack.domain)
                    yield show(
                        status=status_html("Done. Drag the line to compare, or try another prompt on the same face."),
                        compare=(before, step.image), pasted=pasted, numbers=numbers_html(step.scores, known.face),
                        save_face=gr.update(value=aligned, interactive=True),
                        save_photo=gr.update(value=pasted, interactive=True),
                    )  # fmt: skip
    except StudioError as error:
        yield show(status=refuse(error))


def busy() -> tuple:
    """A job begins: Run off, Cancel on."""
    return gr.update(interactive=False), gr.update(interactive=True)


def stopping() -> tuple:
    """Cancel was pressed; the job ends with the step that it is in."""
    return gr.update(interactive=False), status_html(STOPPING)


def free(status: str) -> tuple:
    """The job is over: Run on, Cancel off, and if it was cancelled, say so."""
    text = status_html(CANCELLED) if STOPPING in status else gr.skip()
    return gr.update(interactive=True), gr.update(interactive=False), text


def edit(studio: Studio, photo, prompt, strength, steps, seed, known) -> Iterator[tuple]:
    """Edit the largest face of a photo by a prompt.

    Returns the aligned face (1024 x 1024), the photo with the edit pasted back, and the numbers: similarity to the
    prompt before and after, identity, distance, seconds. While it runs the numbers say how far it is.
    """
    try:
        settings = OptimizeSettings(strength=strength, steps=steps, seed=seed)
        for step in in_worker(edit_steps(studio, photo, 0, INVERSION, known, prompt, settings)):
            if isinstance(step, Known):
                known = step
            elif isinstance(step, Progress):
                yield None, None, {"stage": step.stage, "step": step.step, "steps": step.steps}, known
            else:
                with tempfile.TemporaryDirectory() as folder:
                    paths = save_pictures(step, folder, studio.pack.domain)
                    yield *paths, step.scores | {"faces": known.face.faces}, known
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error


def prompt_tab(studio: Studio) -> None:
    """The tab "Prompt": any change, in words."""
    known, choice, domain = gr.State(None, time_to_live=KEEP_SECONDS), gr.State(0), studio.pack.domain
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=440):
            photo, faces, random, number = photo_controls(domain)
            prompt, strength, steps, seed, inversion, terms, start, cancel = edit_controls(domain)
        with gr.Column(scale=8, min_width=520):
            views = result_views(domain) | {"known": known}
    private: dict = {"api_visibility": "private", "show_progress": "hidden"}
    quick = {"concurrency_id": "quick", "concurrency_limit": 1}
    long = {"concurrency_id": "edit", "concurrency_limit": 1}  # one at a time; the others see their place in the queue

    found = [views["status"], faces, choice]
    photo.change(functools.partial(look, studio), [photo, known], found, trigger_mode="always_last", **quick, **private)
    faces.select(pick, None, [choice, views["status"]], **private)
    draw = on_gpu(functools.partial(random_face, studio))
    random.click(draw, number, [photo, known], api_name="random_face", **quick)

    inputs = [photo, prompt, strength, steps, seed, known]
    buttons, status = [start, cancel], views["status"]
    started = gr.on([start.click, prompt.submit], busy, None, buttons, queue=False, **private)
    job = started.then(
        on_gpu(functools.partial(run, studio), GPU_SECONDS), [*inputs, choice, inversion, *terms],
        [views[name] for name in VIEWS],
        api_visibility="private", show_progress="full", show_progress_on=status, **long,
    )  # fmt: skip
    job.then(free, status, [*buttons, status], queue=False, **private)  # also when it was cancelled
    cancel.click(stopping, None, [cancel, status], cancels=job, queue=False, **private)

    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        answer = [gr.Image(label="aligned"), gr.Image(label="pasted"), gr.JSON(label="numbers")]
        call = on_gpu(functools.partial(edit, studio), GPU_SECONDS)
        gr.Button().click(call, inputs, [*answer, known], api_name="edit", **long)


def build_app(studio: Studio) -> gr.Blocks:
    """The page, not yet launched."""
    with gr.Blocks(title="StyleCLIP Studio", analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as app:
        title = f"<h1>StyleCLIP Studio</h1><span>Edit a {studio.pack.domain} in a photo by describing it.</span>"
        gr.HTML(title + note_html(studio.pack.note), elem_id="head")
        with gr.Tab("Prompt"):
            prompt_tab(studio)
    return app.queue(max_size=WAITING)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the studio at 127.0.0.1, or where GRADIO_SERVER_NAME says.")
    parser.add_argument(
        "--pack", default="auto", help="which networks to use: compact, full, car, church, or auto (default), which is "
        "full on a GPU if its weights can be had, else compact",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 or auto (default)")
    parser.add_argument("--precision", default="auto", help="fp32, tf32, bf16, fp16 or auto (default)")
    parser.add_argument("--speedup", default="eager", help="of drawing: eager (default), compile or graph")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that being stopped, too, deletes the pictures
    try:
        studio = load_studio(args.pack, args.device, args.precision, args.speedup)
        if has_gpu(studio.pack.device):
            studio.warm_up()
    except StudioError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    if studio.pack.note:
        print(studio.pack.note, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="styleclip-") as pictures:  # readable by this user only
        os.environ.setdefault("GRADIO_TEMP_DIR", pictures)
        build_app(studio).launch(
            server_port=args.port, max_file_size="50mb", state_session_capacity=SESSIONS, footer_links=["api"],
            allowed_paths=[str(EXAMPLES)], run_history=False, ssr_mode=False, theme=THEME, css=CSS,
        )  # fmt: skip


if __name__ == "__main__":
    main()
