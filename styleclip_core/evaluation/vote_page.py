"""The page of `styleclip vote`: two results side by side, blind. It listens on this machine only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from styleclip_core.evaluation import votes
from styleclip_core.evaluation.protocol import PICTURES, read_rows
from styleclip_core.evaluation.scoreboard import GAIN

if TYPE_CHECKING:
    import gradio as gr


def build(folder: Path, seed: int | None = None) -> gr.Blocks:
    """The page for the results that `benchmark` left in a folder. Raises BadSetting if there are no two to compare."""
    import gradio as gr

    rows, random = read_rows(folder), np.random.default_rng(seed)
    votes.draw_pair(rows, GAIN, random)  # an empty folder is refused before anything is served

    def show() -> list[Any]:
        pair = votes.draw_pair(rows, GAIN, random)
        pictures = [_picture(folder, name) for name in (pair.before, *pair.pictures)]
        return [pair, f"### {pair.prompt}", *pictures, f"{len(votes.read_votes(folder))} votes"]

    def choose(side: int) -> Callable[[votes.Pair | None], list[Any]]:
        def chosen(pair: votes.Pair | None) -> list[Any]:
            if pair is not None:  # a click can come before the first pair
                votes.add_vote(folder, pair.vote(side))
            return show()

        return chosen

    with gr.Blocks(title="Which is better?") as page:
        pair, asked = gr.State(), gr.Markdown()
        with gr.Row():
            pictures = [
                gr.Image(label=label, interactive=False, buttons=["fullscreen"])
                for label in ("before", "left", "right")
            ]
        with gr.Row():
            left, skip, right = gr.Button("Left is better"), gr.Button("Skip"), gr.Button("Right is better")
        count = gr.Markdown()
        shown = [pair, asked, *pictures, count]
        page.load(show, None, shown, api_name="show")
        left.click(choose(0), pair, shown, api_name="left")
        right.click(choose(1), pair, shown, api_name="right")
        skip.click(show, None, shown, api_name="skip")
    return page


def _picture(folder: Path, name: str) -> Image.Image:
    """A picture itself, since the name of its file says whose it is."""
    with Image.open(folder / PICTURES / name) as picture:
        return picture.convert("RGB")


def serve(folder: Path, port: int | None = None) -> None:
    """Serve the page at 127.0.0.1 until it is stopped."""
    build(folder).launch(server_name="127.0.0.1", server_port=port, share=False)
