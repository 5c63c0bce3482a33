"""How results are saved: the files' format, what is written into them, and the edit's settings as a file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from styleclip_app.results import Result, keep
from styleclip_core.faces import load_photo
from styleclip_core.provenance import FORMATS, save_picture

ENDINGS = {name: ending for ending, name in reversed(FORMATS.items())}  # "JPEG" -> ".jpg"
LABELS = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP"}


@dataclass(frozen=True)
class SavingControls:
    """The two files of a result, and what is folded away: how they are written; the edit's settings."""

    face: gr.DownloadButton
    photo: gr.DownloadButton
    form: gr.Dropdown
    recipe: gr.Checkbox
    badge: gr.Checkbox
    save: gr.DownloadButton
    load: gr.UploadButton
    link: gr.Button

    @property
    def inputs(self) -> set[Component]:
        """What `files` reads."""
        return {self.form, self.recipe, self.badge}

    def files(self, values: dict[Component, Any], result: Result) -> dict[Component, Any]:
        """Updates of the buttons that save: files of a result in the wanted form."""
        form, recipe, badge = values[self.form], values[self.recipe], values[self.badge]
        face, photo = result.face, result.photo
        if form != "PNG" or recipe or badge:
            face, photo = (_written(file, form, result, recipe, badge) for file in (face, photo))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "edit.json")
            path.write_text(result.recipe.to_json(), "utf-8")
            settings = keep(path)
        pairs = ((self.face, face), (self.photo, photo), (self.save, settings))
        return {button: gr.update(value=file, interactive=True) for button, file in pairs}

    def none(self) -> dict[Component, Any]:
        """Updates of the buttons that save, when there is nothing to save."""
        return {button: gr.update(value=None, interactive=False) for button in (self.face, self.photo, self.save)}


def save_buttons(domain: str) -> tuple[gr.DownloadButton, gr.DownloadButton]:
    """The buttons that save the face and the whole photo."""
    plain: dict[str, Any] = {"interactive": False, "size": "sm", "min_width": 110}
    with gr.Row():
        face = gr.DownloadButton(f"Save the {domain}", elem_id="save-face", **plain)
        return face, gr.DownloadButton("Save the photo", elem_id="save-photo", **plain)


def saving_controls(face: gr.DownloadButton, photo: gr.DownloadButton) -> SavingControls:
    """What is folded away below the results."""
    small: dict[str, Any] = {"size": "sm", "min_width": 110}
    with gr.Accordion("Formats, settings, links", open=False, elem_id="saving"):
        with gr.Row():
            forms = [(label, name) for name, label in LABELS.items()]
            form = gr.Dropdown(forms, value="PNG", label="Save pictures as", elem_id="form", min_width=110)
            recipe = gr.Checkbox(False, label="Settings in the picture (PNG)", elem_id="with-recipe", min_width=150)
            badge = gr.Checkbox(False, label="“Edited by AI” in a corner", elem_id="badge", min_width=150)
        with gr.Row():
            save = gr.DownloadButton("Save the edit's settings", interactive=False, elem_id="save-recipe", **small)
            kinds = [".json", ".png"]
            load = gr.UploadButton("Load settings", file_types=kinds, elem_id="load-recipe", **small)
            link = gr.Button("Copy a link to them", elem_id="link", **small)
    return SavingControls(face, photo, form, recipe, badge, save, load, link)


def _written(file: str, form: str, result: Result, recipe: bool, badge: bool) -> str:
    """The picture in a file once more, in another form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(file).stem + ENDINGS[form])
        save_picture(
            load_photo(file), path, result.start.face.source, badge, result.recipe.to_json() if recipe else None
        )
        return keep(path)
