"""The studio in a browser: `python app.py`, then open the address it prints. No model code."""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing is reported to anybody

import gradio as gr

from styleclip_app.controls import EXAMPLES, idle, inversion_controls, photo_controls, result_views
from styleclip_app.jobs import KEEP_SECONDS, PRIVATE, QUICK, Page, refuse
from styleclip_app.local_tab import local_tab
from styleclip_app.prompt_tab import prompt_tab
from styleclip_app.results import results_strip
from styleclip_app.session import InvertedFace, call_in_worker, digest
from styleclip_app.sliders_tab import sliders_tab
from styleclip_app.theme import CSS, THEME, note_html, status_html
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Studio, StudioError, load_studio
from styleclip_core.devices import has_gpu

SESSIONS = 32  # whose faces stay in memory
WAITING = 20  # jobs that may queue


def look(studio: Studio, path: str | None, known: InvertedFace | None) -> tuple:
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


def random_face(studio: Studio, number: float) -> Iterator[tuple[str, InvertedFace]]:
    """A face that does not exist. The same number gives the same face."""
    try:
        face = call_in_worker(studio.random_face, number)
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"random-{studio.pack.domain}-{number:.0f}.png")
        face.image.save(path, compress_level=1)
        yield str(path), InvertedFace(digest(path), None, face)


def build_app(studio: Studio) -> gr.Blocks:
    """The page, not yet launched: the photo and the tabs on the left, what they make of it on the right."""
    domain = studio.pack.domain
    with gr.Blocks(title="StyleCLIP Studio", analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as app:
        title = f"<h1>StyleCLIP Studio</h1><span>Edit a {domain} in a photo by describing it.</span>"
        gr.HTML(title + note_html(studio.pack.note), elem_id="head")
        known, choice = gr.State(None, time_to_live=KEEP_SECONDS), gr.State(0)
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=440):
                photo, faces, random, number = photo_controls(domain)
                tabs = gr.Column()
                inversion = inversion_controls()
            with gr.Column(scale=8, min_width=520, elem_id="results"):
                views = result_views(domain) | {"known": known}
                results = results_strip(views, PRIVATE)
        page = Page(studio, photo, choice, known, inversion, views, results)
        with tabs, gr.Tabs():
            with gr.Tab("Prompt"):
                prompt_tab(page)
            with gr.Tab("Sliders"):
                sliders = sliders_tab(page)
            with gr.Tab("Local"):
                local_tab(page, *sliders)
        found = [views["status"], faces, choice]
        find = functools.partial(look, studio)
        photo.change(find, [photo, known], found, trigger_mode="always_last", **QUICK, **PRIVATE)
        faces.select(pick, None, [choice, views["status"]], **PRIVATE)
        draw = on_gpu(functools.partial(random_face, studio))
        random.click(draw, number, [photo, known], api_name="random_face", **QUICK)
    return app.queue(max_size=WAITING)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the studio at 127.0.0.1, or where GRADIO_SERVER_NAME says.")
    parser.add_argument(
        "--pack",
        default="auto",
        help="which networks to use: compact, full, car, church, or auto (default), which is "
        "full on a GPU if its weights can be had, else compact",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 or auto (default)")
    parser.add_argument("--precision", default="auto", help="fp32, tf32, bf16, fp16 or auto (default)")
    parser.add_argument("--speedup", default="auto", help="eager, compile, graph or auto (default)")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that being stopped, too, deletes the pictures
    try:
        studio = load_studio(args.pack, args.device, args.precision, args.speedup)
        if has_gpu(studio.pack.device):
            studio.warm_up()
    except StudioError as error:
        print(error, file=sys.stderr)
        sys.exit_resolution(2)
    if studio.pack.note:
        print(studio.pack.note, file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="styleclip-") as pictures:  # readable by this user only
        os.environ.setdefault("GRADIO_TEMP_DIR", pictures)
        build_app(studio).launch(
            server_port=args.port,
            max_file_size="50mb",
            state_session_capacity=SESSIONS,
            footer_links=["api"],
            allowed_paths=[str(EXAMPLES)],
            run_history=False,
            ssr_mode=False,
            theme=THEME,
            css=CSS,
        )


if __name__ == "__main__":
    main()
