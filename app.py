"""The studio in a browser: `python app.py`, then open the address it prints. No model code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing is reported to anybody

import gradio as gr

from styleclip_app.api import add_endpoints
from styleclip_app.examples import EXAMPLES, examples
from styleclip_app.history import wire_history
from styleclip_app.hosting import Readiness, accounts, folder_of_pictures, keep_deleting_files, keep_returning_memory
from styleclip_app.local_tab import local_tab
from styleclip_app.many_tab import many_tab
from styleclip_app.monitoring import WatchedStudio, log_refusals, log_to_stderr, watch_queue
from styleclip_app.page import Page, inversion_controls
from styleclip_app.photo import photo_controls, wire_photo
from styleclip_app.prompt_tab import prompt_tab
from styleclip_app.recipes import RecipeControls, wire_recipes
from styleclip_app.results import KEEP_SECONDS
from styleclip_app.sliders_tab import sliders_tab
from styleclip_app.theme import CSS, KEYS, THEME, note_html
from styleclip_app.video_tab import video_tab
from styleclip_app.viewer import result_column
from styleclip_app.waiting import wait_fairly
from styleclip_core import Studio, StudioError, content_credentials, load_pack
from styleclip_core.devices import PRECISIONS, has_gpu
from styleclip_core.packs.load import NAMES
from styleclip_core.rendering import SPEEDUPS

MAX_SESSIONS = 32  # whose faces stay in memory
MAX_WAITING, MAX_OF_ONE = 20, 4  # calls that may wait in a queue, and those of one visitor


def build_app(studio: Studio) -> gr.Blocks:
    """The page, not yet launched."""
    domain = studio.pack.domain
    with gr.Blocks(title="StyleCLIP Studio", analytics_enabled=False, delete_cache=(600, KEEP_SECONDS)) as app:
        title = f"<h1>StyleCLIP Studio</h1><span>Edit a {domain} in a photo by describing it.</span>"
        gr.HTML(title + note_html(studio.pack.note), elem_id="head")
        with gr.Tabs(elem_id="work"):
            with gr.Tab("One photo"):
                one_photo(app, studio)
            with gr.Tab("Many photos"):
                many_tab(studio)
            if domain == "face":
                with gr.Tab("Video"):
                    video_tab(studio)
    wait_fairly(app.queue(), MAX_WAITING, MAX_OF_ONE)
    return app


def one_photo(app: gr.Blocks, studio: Studio) -> None:
    """The photo and the tabs on the left, what they make of it on the right."""
    domain = studio.pack.domain
    inverted, face_index = gr.State(None, time_to_live=KEEP_SECONDS), gr.State(0)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=440):
            photo = photo_controls(domain)
            tabs = gr.Column()
            inversion = inversion_controls()
        with gr.Column(scale=8, min_width=520, elem_id="results"):
            shown = examples() if domain == "face" else []
            views, history, saving = result_column(domain, shown[0] if shown else None)
    page = Page(studio, photo.photo, face_index, inverted, inversion, views, saving, history)
    wire_photo(page, photo)
    with tabs, gr.Tabs() as methods:
        with gr.Tab("Prompt", id="prompt"):
            prompt = prompt_tab(page)
        with gr.Tab("Sliders", id="sliders"):
            sliders = sliders_tab(page)
        with gr.Tab("Local", id="local"):
            local = local_tab(page, sliders.controls)
    controls = RecipeControls(methods, prompt, sliders.controls, local)
    wire_history(page, controls)
    wire_recipes(app, page, controls)
    add_endpoints(page, photo, prompt, local)


def read_options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve the studio at 127.0.0.1, or where GRADIO_SERVER_NAME says.")
    pack = f"which networks to use: {_choices(NAMES)}, which is full on a GPU if its weights can be had, else compact"
    parser.add_argument("--pack", default=NAMES[0], help=pack)
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 or auto (default)")
    parser.add_argument("--precision", default=PRECISIONS[0], help=_choices(PRECISIONS))
    parser.add_argument("--speedup", default=SPEEDUPS[0], help=_choices(SPEEDUPS))
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    parser.add_argument("--mcp", action="store_true", help="also offer the edits as tools to language models, by MCP")
    return parser.parse_args(argv)


def prepare_mcp(login: bool) -> None:
    """To be called before `launch(mcp_server=True)`. Raises StudioError if it cannot be, or if there is a login."""
    if login:
        raise StudioError("--mcp knows no login: leave STYLECLIP_AUTH out, and let a proxy in front ask for one.")
    if find_spec("mcp") is None:
        raise StudioError(
            "--mcp needs the extra mcp: pip install 'styleclip-studio[mcp]', or in a clone 'gradio[mcp]'."
        )
    import_module("styleclip_app.mcp").use_tool_server()


def _choices(names: tuple[str, ...]) -> str:
    """Names of which the first is the default, as a help text lists them."""
    return f"{', '.join(names[1:])} or {names[0]} (default)"


def main(argv: list[str] | None = None) -> None:
    options = read_options(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that being stopped, too, deletes the pictures
    try:
        users = accounts()
        content_credentials.check()
        if options.mcp:
            prepare_mcp(users is not None)
        studio = WatchedStudio(load_pack(options.pack, options.device, options.precision), options.speedup)
        if has_gpu(studio.pack.device):
            studio.warm_up()
    except StudioError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    if studio.pack.note:
        print(studio.pack.note, file=sys.stderr)
    with folder_of_pictures() as pictures:
        os.environ.setdefault("GRADIO_TEMP_DIR", pictures)
        app, readiness = build_app(studio), Readiness(studio)
        watch_queue(app)
        log_to_stderr()
        log_refusals()
        keep_deleting_files()
        keep_returning_memory()
        readiness.begin()
        app.launch(
            auth=users,
            app_kwargs={"routes": readiness.routes()},
            enable_monitoring=False,
            server_port=options.port,
            max_file_size="50mb",
            state_session_capacity=MAX_SESSIONS,
            footer_links=["api"],
            allowed_paths=[str(EXAMPLES)],
            run_history=False,
            ssr_mode=False,
            mcp_server=options.mcp,
            theme=THEME,
            css=CSS,
            js=KEYS,
        )


if __name__ == "__main__":
    main()
