"""The tab "Local": paint a region, edit only there (path C)."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image, ImageChops, ImageFilter

from styleclip_app.controls import PROMPTS
from styleclip_app.jobs import GPU_SECONDS, LONG, PRIVATE, Page, answers, inversion_of, job, refuse, show, show_steps
from styleclip_app.session import InvertedFace, call_in_worker, face_steps
from styleclip_app.sliders_tab import SlidersTab
from styleclip_app.theme import status_html
from styleclip_app.zerogpu import on_gpu
from styleclip_core import Edit, InvertSettings, OptimizeSettings, Progress, Studio, StudioError
from styleclip_core.edits.local import read_mask
from styleclip_core.errors import BadSetting
from styleclip_core.settings import LocalSettings, check_prompt

COLOUR = (99, 102, 241)  # of the paint
CANVAS = 512  # px of what is painted on
REGIONS = ("hair", "face", "eyes", "brows", "nose", "lips", "beard", "glasses", "skin", "background")
PROMPT, SLIDERS = "the prompt", "the tab Sliders"
DONE = "Done. Only what is painted has changed. Paint on, or try another prompt."
FIRST = "Paint where the edit may show, or choose a region. With nothing painted, the prompt's words decide."


def painted(editor: dict[str, Any] | None) -> Image.Image | None:
    """What a user painted over the face, "L", or None if that is nothing."""
    mask = None
    for layer in (editor or {}).get("layers") or []:
        alpha = layer.convert("RGBA").getchannel("A").point(lambda value: 255 * (value > 8))
        mask = alpha if mask is None else ImageChops.lighter(mask, alpha.resize(mask.size))
    return mask if mask is not None and mask.getbbox() else None


def canvas(face: Image.Image, mask: Image.Image | None) -> dict[str, Any]:
    """The editor's contents: the face, and the mask painted over it."""
    face = face.resize((CANVAS, CANVAS)).convert("RGBA")
    layer = Image.new("RGBA", face.size)
    if mask is not None:
        shape = mask.resize(face.size).point(lambda value: 150 * (value > 127))
        layer.putalpha(shape)
        layer.paste(COLOUR, (0, 0, *face.size), shape.point(lambda value: 255 * (value > 0)))
        layer.putalpha(shape)
    return {"background": face, "layers": [layer], "composite": Image.alpha_composite(face, layer)}


def change(mask: Image.Image, how: str) -> Image.Image:
    """A mask inverted, grown or shrunk a little."""
    if how == "Invert":
        return ImageChops.invert(mask)
    return mask.filter((ImageFilter.MaxFilter if how == "Grow" else ImageFilter.MinFilter)(9))


def local_steps(
    studio: Studio, photo, choice, inversion, known, prompt, settings, region, mask, confine
) -> Iterator[Progress | InvertedFace | Edit]:
    """Find the face in the photo, then edit it by a prompt where it may be edited."""
    for step in face_steps(studio, photo, choice, inversion, known):
        yield step
    where = studio.region(step.face, region, prompt, mask, confine)
    yield from studio.optimize_steps(step.face, prompt, settings, where)


class LocalTab:
    """The tab's functions. ``on`` is the face that lies in the editor, by its `InvertedFace.photo` and choice."""

    def __init__(self, page: Page, sliders: SlidersTab):
        self.studio, self.sliders = page.studio, sliders

    def open(self, photo, known, choice, refine, faithful, tune) -> Iterator[list]:
        """Find the face, so that there is something to paint on."""
        try:
            inversion = inversion_of(refine, faithful, tune)
        except StudioError as error:
            yield show(status=refuse(error))
            return
        yield from show_steps(self.studio, face_steps(self.studio, photo, choice, inversion, known), FIRST)

    def lay(self, known: InvertedFace | None, on: Any) -> tuple:
        """Put the face into the editor, unless it lies there already. Updates editor, on, bare."""
        if known is None or on == (known.photo, known.choice):
            return gr.skip(), on, gr.skip()
        laid = canvas(known.face.aligned or known.face.image, None)
        return laid, (known.photo, known.choice), laid["background"].convert("RGB")

    def paint(self, known: InvertedFace | None, mask: Image.Image | None, text: str) -> tuple:
        """Lay a mask over the face. Updates editor, save, status."""
        if known is None:
            return gr.skip(), gr.skip(), status_html("Choose a photo and press Show the face first.", bad=True)
        if mask is None:
            return gr.skip(), gr.skip(), status_html("Nothing is painted yet.", bad=True)
        with tempfile.NamedTemporaryFile(suffix=".png", prefix="mask-", delete=False) as file:
            mask.convert("L").save(file, "PNG")
        face = known.face.aligned or known.face.image
        return canvas(face, mask), gr.update(value=file.name, interactive=True), status_html(text)

    def region(self, name: str, known: InvertedFace | None) -> tuple:
        try:
            sharp = LocalSettings(grow=0, feather=0)
            found = known and call_in_worker(self.studio.region, known.face, name, settings=sharp)
        except StudioError as error:
            return gr.skip(), gr.skip(), refuse(error)
        return self.paint(known, found and found.picture(), f"Painted: {name}. Brush and eraser change it.")

    def change(self, how: str, known, editor) -> tuple:
        mask = painted(editor)
        return self.paint(known, mask and change(mask, how), f"{how}: done.")

    def upload(self, known, file) -> tuple:
        try:
            mask = Image.fromarray((read_mask(file)[0, 0].numpy() * 255).astype("uint8"))
        except StudioError as error:
            return gr.skip(), gr.skip(), refuse(error)
        return self.paint(known, mask, "The mask was loaded.")

    def run(
        self,
        photo,
        known,
        choice,
        refine,
        faithful,
        tune,
        editor,
        on,
        prompt,
        source,
        strength,
        grow,
        feather,
        own,
        mappers,
        *numbers,
    ) -> Iterator[list]:
        """Run was pressed: edit within what is painted, or within what the prompt speaks of."""
        try:
            settings, inversion = OptimizeSettings(strength=strength).checked(), inversion_of(refine, faithful, tune)
            confine = LocalSettings(grow=grow, feather=feather).checked()
            mask, here = painted(editor), known is not None and on == (known.photo, known.choice)
            if source == SLIDERS:
                values = self.sliders.read(own, numbers)
                if not (values and mask and here):
                    raise BadSetting("Move sliders in the tab Sliders, and paint here where they may work.")
                steps = self._slide(known, values, mappers, mask, confine)
            else:
                steps = local_steps(
                    self.studio,
                    photo,
                    choice,
                    inversion,
                    known,
                    check_prompt(prompt),
                    settings,
                    "auto",
                    mask if here else None,
                    confine,
                )
        except StudioError as error:
            yield show(status=refuse(error))
            return
        yield from show_steps(self.studio, steps, DONE)

    def _slide(self, known: InvertedFace, values, mappers, mask, confine) -> Iterator[InvertedFace | Edit]:
        yield known
        where = self.studio.region(known.face, mask=mask, settings=confine)
        yield self.studio.slide(known.face, values, mappers, where)


def edit_region(studio: Studio, photo, prompt, region, mask, strength, known) -> Iterator[tuple]:
    """Edit a part of the largest face of a photo by a prompt.

    The part is a region's name ("hair", "lips+nose", "left eye", "auto") or, if given, a mask: a picture of the aligned
    face that is bright, or painted on transparency, where the edit may show. Returns the aligned face (1024 x 1024),
    the photo with the edit pasted back, the mask, and the numbers.
    """
    try:
        settings, prompt = OptimizeSettings(strength=strength).checked(), check_prompt(prompt)
        steps = local_steps(
            studio, photo, 0, InvertSettings(), known, prompt, settings, region or "auto", mask, LocalSettings()
        )
    except StudioError as error:
        raise gr.Error(str(error), print_exception=False) from error
    yield from answers(studio, steps, known, masks=True)


def local_tab(page: Page, sliders: SlidersTab, slider_state: list) -> None:
    """Build the tab and wire it. ``slider_state``: the components that `SlidersTab.read` reads."""
    tab, views, domain = LocalTab(page, sliders), page.views, page.studio.pack.domain
    on = gr.State(None)
    with gr.Row():
        first = gr.Button(f"Show the {domain}", size="sm", elem_id="show-face", min_width=100)
        load = gr.UploadButton("Load a mask", size="sm", file_types=["image"], min_width=80)
        save = gr.DownloadButton("Save the mask", size="sm", interactive=False, min_width=80, elem_id="save-mask")
    editor = gr.ImageEditor(
        show_label=False,
        type="pil",
        image_mode="RGBA",
        height=470,
        sources=(),
        transforms=(),
        layers=False,
        brush=gr.Brush(default_size=40, colors=["rgb(99, 102, 241)"], color_mode="fixed"),
        elem_id="editor",
        canvas_size=(CANVAS, CANVAS),
    )
    bare = gr.Image(show_label=False, interactive=False, height=470, buttons=[], elem_id="bare")
    with gr.Row(elem_id="regions"):
        buttons = [gr.Button(name, size="sm", min_width=56) for name in REGIONS if domain == "face"]
    with gr.Row():
        changes = [gr.Button(name, size="sm", min_width=60) for name in ("Invert", "Grow", "Shrink")]
        overlay = gr.Checkbox(True, label="Overlay", container=False, min_width=90, elem_id="overlay")
    prompt = gr.Textbox(label="What should be there?", placeholder=PROMPTS[domain], elem_id="local-prompt")
    with gr.Row():
        start = gr.Button("Run", variant="primary", elem_id="local-run", scale=3)
        cancel = gr.Button("Cancel", interactive=False, min_width=80)
    with gr.Accordion("Advanced", open=False):
        source = gr.Radio([PROMPT, SLIDERS], value=PROMPT, label="The edit comes from")
        strength = gr.Slider(0, 2, 1, step=0.05, label="Strength: 0 none, 1 clear, 2 extreme")
        grow = gr.Slider(-50, 50, LocalSettings().grow, step=1, label="Move the outline out by (px of 1024)")
        feather = gr.Slider(0, 100, LocalSettings().feather, step=1, label="Soften the outline by (px of 1024)")

    overlay.change(None, overlay, None, js="(on) => {document.body.classList.toggle('bare', !on)}")
    laid, paint = [editor, on, bare], [editor, save, views["status"]]
    opened = job(page, first, cancel, [first.click], on_gpu(tab.open, GPU_SECONDS), page.face)
    opened.then(tab.lay, [page.known, on], laid, **PRIVATE)
    for button, name in zip(buttons, REGIONS, strict=False):
        button.click(on_gpu(functools.partial(tab.region, name)), page.known, paint, **PRIVATE)
    for button in changes:
        button.click(functools.partial(tab.change, button.value), [page.known, editor], paint, **PRIVATE)
    load.upload(tab.upload, [page.known, load], paint, **PRIVATE)
    inputs = [*page.face, editor, on, prompt, source, strength, grow, feather, *slider_state]
    running = job(page, start, cancel, [start.click, prompt.submit], on_gpu(tab.run, GPU_SECONDS), inputs)
    running.then(tab.lay, [page.known, on], laid, **PRIVATE)
    with gr.Row(visible=False):  # what the page does not show but callers of the API get
        region, mask = gr.Textbox("auto", label="region"), gr.File(label="mask")
        answer = [gr.Image(label=label) for label in ("aligned", "pasted", "mask")] + [gr.JSON(label="numbers")]
        call = on_gpu(functools.partial(edit_region, page.studio), GPU_SECONDS)
        inputs = [page.photo, prompt, region, mask, strength, page.known]
        gr.Button().click(call, inputs, [*answer, page.known], api_name="edit_region", **LONG)
