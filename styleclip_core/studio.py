"""Studio: a loaded pack and the user's verbs. Long verbs also have a ``_steps`` form that reports progress."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from styleclip_core import latents, steps
from styleclip_core.devices import memory_errors
from styleclip_core.edits import global_directions, hair, local, sliders, text
from styleclip_core.edits import tune as tuning
from styleclip_core.edits.global_directions import Direction
from styleclip_core.edits.hair import Hair
from styleclip_core.edits.local import EditMask
from styleclip_core.errors import BadSetting, UnsupportedByPack
from styleclip_core.faces import align, cut, detect_faces, load_photo, regions
from styleclip_core.faces.crop import cut_out
from styleclip_core.images import to_preview, to_tensor
from styleclip_core.networks.mapper import Mapper
from styleclip_core.packs import Pack, load_pack
from styleclip_core.progress import PREVIEW_SIZE, Progress
from styleclip_core.prompt_edit import PublishedSettings, edited, edited_as_published
from styleclip_core.recent import Recent
from styleclip_core.remembered import EditedPhoto, EditedPhotos, InversionCache
from styleclip_core.rendering import Preview, Renderer
from styleclip_core.results import DrawnState, Edit, Face
from styleclip_core.settings import (
    MAX_SEED,
    InvertSettings,
    LocalSettings,
    OptimizeSettings,
    check_prompt,
    check_range,
)

PromptSettings = OptimizeSettings | PublishedSettings
UserMappers = Mapping[str, Mapper]  # by the names that sliders call them: "mapper:NAME"


class Studio:
    """A loaded pack with the user's verbs.

    One Studio can serve many users: all that it remembers of them is the results of the last inversions and edits,
    which are found again by the same photo only. Every verb that computes may also raise OutOfMemory.

    Attributes:
        pack: the loaded pack.
        renderer: draws full pictures by the pack's own generator; for ``speedup`` see `rendering.Renderer`.
    """

    def __init__(self, pack: Pack, speedup: str = "eager"):
        self.pack = pack
        self.renderer = Renderer(pack.generator, speedup)
        self._inversions, self._edited = InversionCache(), EditedPhotos()
        self._previews: Recent[Face, tuple[Pack, Preview]] = Recent()

    # Faces

    def random_face(self, seed: int = 0, truncation: float = 0.7) -> Face:
        """A face of the generator. The same seed gives the same face. Raises BadSetting."""
        seed = int(check_range("seed", seed, 0, MAX_SEED))
        truncation = check_range("truncation", truncation, 0, 1)
        with torch.no_grad(), memory_errors(self.pack.device):
            w = latents.random_w(self.pack.generator, seed, truncation)
            return self.face(DrawnState(w.expand(self.pack.generator.num_layers, -1).clone().cpu()))

    def face(self, state: DrawnState) -> Face:
        """A face to edit, without a photo, from the state of a face or an edit (`results.load_state` reads a file).

        Its picture is exactly that of the state. Raises UnsupportedByPack if the state is an edit in a region on top of
        another.
        """
        with memory_errors(self.pack.device):
            start = steps.editable_state(self.pack, state)
            return Face(start.w_plus, self.render(start), weights=start.weights)

    def start_from(self, edit: Edit) -> Face:
        """The edited face, in the edited photo, as the start of the next edit.

        Its picture is exactly that of the edit; only an edit in a region on top of another has to be inverted again.
        """
        try:
            face = self._go_on(EditedPhoto(edit.state, edit.face and edit.face.alignment), edit.photo)
            return replace(face, faces=edit.face.faces if edit.face else 1)
        except UnsupportedByPack:
            return self.invert(edit.photo)

    def _go_on(self, edited: EditedPhoto, photo: Image.Image) -> Face:
        face, alignment = self.face(edited.state), edited.alignment
        if alignment is None:
            return face
        aligned = cut(photo, alignment) if self.pack.domain == "face" else face.image
        return replace(face, photo=photo, aligned=aligned, alignment=alignment)

    def find_faces(self, photo: Any) -> list[Image.Image]:
        """The aligned squares of all faces in a photo, the largest first. Raises BadImage, NoFaceFound."""
        if self.pack.domain != "face":
            raise UnsupportedByPack(f"The pack {self.pack.name} draws no faces, so it looks for none in photos.")
        photo = load_photo(photo)
        return [align(photo, face)[0] for face in detect_faces(photo)]

    def invert(self, photo: Any, face: int = 0, settings: InvertSettings | None = None) -> Face:
        """Find the code of a face in a photo; with the packs car and church, of the photo's middle.

        A photo that one of the studio's last edits gave is known: the face is exactly as it was drawn, at once.

        Args:
            photo: path, bytes, file or PIL image.
            face: which face, 0 is the largest.
        Raises:
            BadImage, NoFaceFound, BadSetting.
        """
        return steps.last_of(self.invert_steps(photo, face, settings))

    def invert_steps(
        self, photo: Any, face: int = 0, settings: InvertSettings | None = None
    ) -> Iterator[Progress | Face]:
        """As `invert`, but yields Progress on the way and the Face at the end. Stop iterating to cancel."""
        start, settings, pack = time.perf_counter(), settings or InvertSettings(), self.pack
        photo = load_photo(photo)
        aligned, alignment, count = cut_out(photo, pack.domain, pack.generator.resolution, face)
        yield Progress(f"{pack.domain.capitalize()} found", 0, 1, aligned.resize((PREVIEW_SIZE, PREVIEW_SIZE)))
        known = self._edited.find(photo) if replace(settings, steps=0) == InvertSettings(steps=0) else None
        if known and known.shows(alignment):
            yield replace(self._go_on(known, photo), faces=count, seconds=time.perf_counter() - start)
            return
        with memory_errors(pack.device):
            target = to_tensor(aligned, pack.device)
            w_plus, weights = yield from self._inversions.invert(pack, aligned, settings)
            if settings.tune:
                face_pack = steps.adapted_pack(pack, weights)
                run = tuning.tune(face_pack, w_plus[None].to(pack.device), target, settings.tune)
                last = yield from steps.relay(run)
                weights = weights | steps.stored_weights(last.weights)
            image = self.render(DrawnState(w_plus, weights=weights))
            distance = steps.distance(pack, to_tensor(image, pack.device), target)
        seconds = time.perf_counter() - start
        yield Face(w_plus, image, photo, aligned, alignment, count, distance, seconds, weights)

    def render(self, drawn: Face | Edit | DrawnState) -> Image.Image:
        """The generator's picture of a face, an edit or a state, at full size."""
        state = drawn if isinstance(drawn, DrawnState) else drawn.state
        with memory_errors(self.pack.device):
            return steps.draw_state(self.pack, state, self.renderer)

    # Path A and C: any prompt

    def optimize(
        self,
        face: Face,
        prompt: str,
        settings: PromptSettings | None = None,
        mask: EditMask | None = None,
        region: str = "auto",
    ) -> Edit:
        """Edit a face by any prompt (path A).

        A first picture is composed of sliders that are known to bring what is asked for, at once, and measured. An
        optimisation refines it where that is not plainly there, and its result is kept if it shows more of it.

        Args:
            settings: OptimizeSettings; or, to compare with, OfficialSettings for StyleCLIP's own optimisation, which
                needs a pack with CLIP, or TediGANSettings. These two edit everywhere unless there is a mask, and start
                from a code alone: a photo's face with a residual is inverted anew without one (``faithful`` 0), and
                the edit's score "plain_code" is 1.
            mask: where the edit may show, see `region`. It replaces ``region``.
            region: the name of that place: "auto" is where the prompt's changes show, found in the unedited and in the
                edited face; "everywhere"; or any name that `faces.regions.region` takes. Packs without a parser of
                faces edit everywhere.
        Raises:
            EmptyPrompt, BadPrompt, UnknownRegion, UnsupportedByPack.
        """
        return steps.last_of(self.optimize_steps(face, prompt, settings, mask, region))

    def optimize_steps(
        self,
        face: Face,
        prompt: str,
        settings: PromptSettings | None = None,
        mask: EditMask | None = None,
        region: str = "auto",
    ) -> Iterator[Progress | Edit]:
        """As `optimize`, but yields Progress on the way and the Edit at the end. Stop iterating to cancel."""
        start, prompt, settings = time.perf_counter(), check_prompt(prompt), settings or OptimizeSettings()
        with memory_errors(self.pack.device):
            if isinstance(settings, OptimizeSettings):
                pack = steps.adapted_pack(self.pack, face.weights)
                end = yield from edited(pack, face, prompt, settings, mask, region)
                yield self._edit(end.face, end.w_plus, end.styles, end.mask, start, prompt)
                return
            pack, inversions, renderer = self.pack, self._inversions, self.renderer
            end = yield from edited_as_published(pack, inversions, renderer, face, prompt, settings, mask)
            edit = self._edit(end.face, end.w_plus, end.styles, end.mask, start, prompt)
            yield replace(edit, scores=edit.scores | {"plain_code": float(not end.face.weights)})

    def check_known(self, prompt: str) -> None:
        """Raise UnknownPrompt if the pack knows nothing of what a prompt speaks of: no edit is to be expected.

        To be called before any long work begins, where a person can be asked whether to try it anyway.
        """
        text.check_known(self.pack, check_prompt(prompt))

    def region(
        self, face: Face, name: str = "auto", prompt: str = "", mask: Any = None, settings: LocalSettings | None = None
    ) -> EditMask:
        """Where an edit of a face may show: in a named region of it, or in a mask.

        Args:
            name: for `faces.regions.region`: "hair", "lips+nose", "left eye"; "auto" is the region that the prompt
                speaks of, and the whole person if it names no part of the face.
            mask: a picture of the aligned face (path, bytes, file, PIL), any size: bright, or painted on transparency,
                where the edit may show. It replaces ``name``.
        Raises:
            UnknownRegion, UnsupportedByPack, BadImage.
        """
        if mask is not None:
            return local.edit_mask(local.read_mask(mask), settings)
        if self.pack.parser is None:
            raise UnsupportedByPack(f"The pack {self.pack.name} knows no regions; paint a mask.")
        with torch.no_grad(), memory_errors(self.pack.device):
            picture = to_tensor((face.aligned or face.image).resize((512, 512)), self.pack.device)
            place = local.place_name(self.pack, name, prompt) or "everywhere"
            region = regions.region(self.pack.parser.parse(picture).cpu(), place)
        return local.edit_mask(region, settings)

    def edit_region(
        self, face: Face, prompt: str, region: str = "auto", mask: Any = None, settings: OptimizeSettings | None = None
    ) -> Edit:
        """Edit a face by a prompt in a part of it only (path C). For the arguments and errors see `region`."""
        return self.optimize(face, prompt, settings, None if mask is None else self.region(face, mask=mask), region)

    def hair_from(self, face: Face, photo: Any, shape: bool = True, color: bool = True) -> Edit:
        """Give a face the hair of the largest face in another photo. Only the hair changes.

        Length, fringe and curls are set until instruments read the same of both, as far as sliders reach; a cut that no
        such number tells of is not copied. Packs with HairCLIP's mapper take its style and colour by that.

        Args:
            photo: path, bytes, file, PIL image, or what `hair_of` read.
            shape: take length, fringe and curls. color: take the colour.
        Raises:
            BadImage, NoFaceFound, BadSetting (neither is wanted), UnknownRegion (there is hardly any hair in one of
            them), UnsupportedByPack.
        """
        start, pack = time.perf_counter(), steps.adapted_pack(self.pack, face.weights)
        if not (shape or color):
            raise BadSetting("Say what to take of the hair: its shape, its colour, or both.")
        wanted = photo if isinstance(photo, Hair) else self.hair_of(photo)
        with memory_errors(pack.device):
            code = face.w_plus[None].to(pack.device)
            draw = Preview(pack.generator, code, hair.SIZE, to_tensor(face.image, pack.device))
            w_plus = hair.with_hair(pack, code, draw, wanted, shape, color)
            confine = local.confinement(pack, face.aligned or face.image, "hair", chosen=True)
            with torch.no_grad():
                mask = confine(draw(w_plus), not shape)
            return self._edit(face, w_plus, None, mask, start)

    def hair_of(self, photo: Any) -> Hair:
        """Read the hair of the largest face in a photo. For the errors see `hair_from`."""
        hair.check(self.pack)
        aligned, _, _ = cut_out(load_photo(photo), self.pack.domain, self.pack.generator.resolution)
        with memory_errors(self.pack.device):
            return hair.hair_of(self.pack, aligned)

    # Path B: sliders and directions

    def check_sliders(self, values: Any, own: UserMappers | None = None) -> dict[str, float]:
        """The sliders that are not at 0, after checking that the pack has all of them. For the errors see `slide`."""
        return sliders.check(self.pack, values, own)

    def slide(
        self, face: Face, values: Mapping[str, float], own: UserMappers | None = None, mask: EditMask | None = None
    ) -> Edit:
        """Edit a face by sliders, which add up (path B).

        Args:
            values: slider -> strength from -3 to 3, as ``{"mapper:smile": 1, "boundary:age": -0.5}``; see
                `edits.sliders`.
            own: mappers of the user's (`checkpoints.load_mapper`), by the names that ``values`` call them.
            mask: where the edit may show, see `region`; None: everywhere.
        Raises:
            BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt.
        """
        start, pack = time.perf_counter(), steps.adapted_pack(self.pack, face.weights)
        with memory_errors(pack.device):
            w_plus, styles = sliders.move(pack, face.w_plus[None].to(pack.device), values, own)
            return self._edit(face, w_plus, styles, mask, start, values=values)

    def preview(
        self, face: Face, values: Mapping[str, float], own: UserMappers | None = None, mask: EditMask | None = None
    ) -> Image.Image:
        """The picture that `slide` would give, small and within 0.1 s: for sliders that are being dragged."""
        with memory_errors(self.pack.device), torch.no_grad():
            code = face.w_plus[None].to(self.pack.device)
            pack, draw = self._previews.of(face, lambda: self._preview_of(face, code))
            w_plus, styles = sliders.move(pack, code, values, own)
            return to_preview(draw(styles or w_plus, mask and mask.blend(pack.generator, code)))

    def _preview_of(self, face: Face, code: Tensor) -> tuple[Pack, Preview]:
        pack, full = steps.adapted_pack(self.pack, face.weights), to_tensor(face.image, self.pack.device)
        return pack, Preview(pack.generator, code, PREVIEW_SIZE, full, quick=True)

    def apply_mapper(self, face: Face, mapper: str | Mapper, strength: float = 1.0) -> Edit:
        """Edit a face by one mapper: a name of `Pack.mappers`, or one from `checkpoints.load_mapper`."""
        if isinstance(mapper, str):
            return self.slide(face, {f"mapper:{mapper}": strength})
        return self.slide(face, {"mapper:own": strength}, {"own": mapper})

    def direction(self, prompt: str, neutral: str = "", fs3: str | Path | None = None) -> Direction:
        """The global direction of a prompt in StyleSpace.

        Packs of StyleGAN2 measure what each channel does at the first use, which takes minutes.

        Args:
            fs3: StyleCLIP's ``fs3.npy`` for the pack's generator, to use instead; ``S_mean_std`` beside it is read too.
        Raises:
            EmptyPrompt, BadPrompt, UnsupportedByPack, BadCheckpoint.
        """
        prompt, neutral = check_prompt(prompt), check_prompt(neutral or f"a {self.pack.domain}")
        with memory_errors(self.pack.device):
            channels = None if fs3 is None else global_directions.relevance_of_fs3(self.pack, fs3)
            return global_directions.direction(self.pack, prompt, neutral, channels)

    def apply_direction(
        self, face: Face, direction: Direction, strength: float = 1.0, beta: float | None = None
    ) -> Edit:
        """Edit a face along a global direction; for ``beta`` see `global_directions.apply`. Raises BadSetting."""
        start, pack = time.perf_counter(), steps.adapted_pack(self.pack, face.weights)
        with memory_errors(pack.device), torch.no_grad():
            code = face.w_plus[None].to(pack.device)
            styles = global_directions.apply(direction, pack.generator.styles(code), strength, beta)
            return self._edit(face, code, styles, None, start, direction.prompt)

    def warm_up(self) -> None:
        """Run each network once, so that no user waits for the choice of kernels and the allocation of memory."""
        self.optimize(self.random_face(), "warm", OptimizeSettings(steps=1))

    def _edit(
        self,
        face: Face,
        w_plus: Tensor,
        styles: list[Tensor] | None,
        mask: EditMask | None,
        start: float,
        prompt: str | None = None,
        values: Mapping[str, float] | None = None,
    ) -> Edit:
        """The Edit of a face with the edited code ``w_plus [1,L,512]``, or style vectors where these were edited.

        Args:
            start: `time.perf_counter` when the verb was called.
            prompt, values: what was asked for, by a prompt or by sliders.
        """
        on_cpu = None if styles is None else tuple(style.cpu() for style in styles)
        state = DrawnState(w_plus[0].cpu(), on_cpu, face.weights, mask, face.state if mask else None)
        edit = steps.finish_edit(self.pack, face, state, self.renderer, prompt, values)
        if edit.image.tobytes() != face.image.tobytes():  # else it is a photo like any other
            self._edited.add(self.pack, edit)
        return replace(edit, scores=edit.scores | {"seconds": time.perf_counter() - start})


def load_studio(pack: str = "auto", device: str = "auto", precision: str = "auto", speedup: str = "eager") -> Studio:
    """Load a pack by name, fetching its weights if necessary: see `packs.load_pack` and `rendering.Renderer`."""
    return Studio(load_pack(pack, device, precision), speedup)
