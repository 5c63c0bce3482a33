"""Studio: a loaded pack and the verbs a user has. Each verb has a plain form and a form that reports progress."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core import latents, packs, sliders
from styleclip_core.devices import memory_errors
from styleclip_core.drawing import Preview
from styleclip_core.edits import global_directions, local
from styleclip_core.edits import invert as inversion
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits import tune as tuning
from styleclip_core.edits.global_directions import Direction
from styleclip_core.edits.invert import InvertSettings
from styleclip_core.edits.local import LocalSettings, Within
from styleclip_core.edits.official import OfficialSettings, optimize_official
from styleclip_core.edits.optimize import OptimizeSettings
from styleclip_core.edits.progress import Step, check_prompt, check_range
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.faces import align, detect_faces, load_photo, regions
from styleclip_core.faces.frame import cut_out
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.results import Edit, Face, Progress, to_image, to_tensor
from styleclip_core.workbench import PREVIEW, Workbench, reported

CODES = 64  # of photos that are kept, half a megabyte each, so that the same photo is inverted once


class Studio(Workbench):
    """A loaded pack with the user's verbs. One Studio can serve many: all it keeps of users is the codes of the last
    photos, which only who has the very same photo gets.

    Every verb that computes may also raise OutOfMemory.

    Args:
        speedup: of drawing full pictures, see `drawing.Painter`.
    """

    def __init__(self, pack: packs.Pack, speedup: str = "eager"):
        super().__init__(pack, speedup)
        self._codes: OrderedDict[tuple, tuple[Tensor, dict[str, Tensor]]] = OrderedDict()
        self._previews: WeakKeyDictionary[Face, tuple[packs.Pack, Preview]] = WeakKeyDictionary()

    def random_face(self, seed: int = 0, truncation: float = 0.7) -> Face:
        """A face that does not exist. The same seed gives the same face. Raises BadSetting."""
        seed = int(check_range("seed", seed, 0, 2**63 - 1))
        truncation = check_range("truncation", truncation, 0, 1)
        with torch.no_grad(), memory_errors(self.pack.device):
            w = latents.random_w(self.pack.generator, seed, truncation)
            w_plus = w.expand(self.pack.generator.num_layers, -1).clone()
            return Face(w_plus.cpu(), self.draw(w_plus, self.pack))

    def find_faces(self, photo: Any) -> list[Image.Image]:
        """The aligned squares of all faces in a photo, the largest first. Raises BadImage, NoFaceFound."""
        if self.pack.domain != "face":
            raise UnsupportedByPack(f"The pack {self.pack.name} draws no faces, so it looks for none in photos.")
        photo = load_photo(photo)
        return [align(photo, face)[0] for face in detect_faces(photo)]

    def invert(self, photo: Any, face: int = 0, settings: InvertSettings | None = None) -> Face:
        """Find the code of a face in a photo; with the packs car and church, of what is in its middle.

        Args:
            photo: path, bytes, file or PIL image.
            face: which face, 0 the largest.
        Raises:
            BadImage, NoFaceFound, BadSetting.
        """
        return _result(self.invert_steps(photo, face, settings))

    def invert_steps(
        self, photo: Any, face: int = 0, settings: InvertSettings | None = None
    ) -> Iterator[Progress | Face]:
        """As `invert`, but yields Progress on the way and the Face at the end. Stop iterating to cancel."""
        start, settings, pack = time.perf_counter(), (settings or InvertSettings()).checked(), self.pack
        photo = load_photo(photo)
        aligned, alignment, count = cut_out(photo, pack.domain, pack.generator.resolution, face)
        yield Progress(f"{pack.domain.capitalize()} found", 0, 1, aligned.resize((PREVIEW, PREVIEW)))
        with memory_errors(pack.device):
            target = to_tensor(aligned, pack.device)
            w_plus, weights = yield from self._code(aligned, target, settings)
            if settings.tune:
                steps = tuning.tune(self.pack_for(weights), w_plus[None], target, settings.tune)
                step = yield from reported("Adapting the generator to the photo", steps)
                weights = weights | _kept(step.weights)
            image = self.draw(w_plus, self.pack_for(weights))
            distance = self.distance(to_tensor(image, pack.device), target)
        seconds = time.perf_counter() - start
        yield Face(w_plus.cpu(), image, photo, aligned, alignment, count, distance, seconds, weights)

    def _code(self, aligned: Image.Image, target: Tensor, settings: InvertSettings) -> Iterator[Progress]:
        """Progress, then as its value the code ``[L,512]`` of an aligned picture and the generator's weights to it.

        They are remembered if they were found before.
        """
        key = hashlib.sha256(aligned.tobytes()).digest(), replace(settings, tune=0)
        if key not in self._codes:
            stage = f"Finding the {self.pack.domain}'s code"
            step = yield from self.steps(stage, lambda chosen: inversion.invert(self.pack, target, chosen), key[1])
            self._codes[key] = step.w_plus[0], _kept(step.weights)
            while len(self._codes) > CODES:
                self._codes.popitem(last=False)
        self._codes.move_to_end(key)
        return self._codes[key]

    def render(self, face: Face) -> Image.Image:
        """The generator's picture of a face, at full size."""
        with memory_errors(self.pack.device):
            return self.draw(face.w_plus, self.pack_for(face.weights))

    def optimize(
        self, face: Face, prompt: str, settings: OptimizeSettings | OfficialSettings | None = None,
        within: Within | None = None,
    ) -> Edit:  # fmt: skip
        """Edit a face by any prompt (path A).

        With OfficialSettings it is done exactly as StyleCLIP does it, for comparison; that needs CLIP.

        Args:
            within: where the edit may show, see `region`.
        Raises:
            EmptyPrompt, BadPrompt, BadSetting, UnsupportedByPack.
        """
        return _result(self.optimize_steps(face, prompt, settings, within))

    def optimize_steps(
        self, face: Face, prompt: str, settings: OptimizeSettings | OfficialSettings | None = None,
        within: Within | None = None,
    ) -> Iterator[Progress | Edit]:  # fmt: skip
        """As `optimize`, but yields Progress on the way and the Edit at the end. Stop iterating to cancel."""
        start, pack = time.perf_counter(), self.pack_for(face.weights)
        settings, prompt = self._suited(settings or OptimizeSettings()), check_prompt(prompt)
        with memory_errors(pack.device):
            code = face.w_plus[None].to(pack.device)
            blend = within and within.blend(pack.generator, code)

            def run(chosen: OptimizeSettings | OfficialSettings) -> Iterator[Step]:
                if isinstance(chosen, OfficialSettings):  # it sees the whole picture, as it always did
                    return optimize_official(pack, code, prompt, chosen)
                return path_a.optimize(pack, code, prompt, chosen, blend)

            step = yield from self.steps("Editing", run, settings)
            edit = self.edit(pack, face, step.w_plus, start, prompt=prompt, within=within)
        yield edit

    def region(
        self, face: Face, name: str = "auto", prompt: str = "", mask: Any = None, settings: LocalSettings | None = None
    ) -> Within:
        """Where an edit of a face may show: a named region of it, or a mask.

        Args:
            name: as `faces.regions.region` reads it, "hair", "lips+nose", "left eye"; "auto" is what the prompt speaks
                of, and the whole picture if it speaks of no part.
            mask: a picture (path, bytes, file, PIL) that is bright, or painted on transparency, where the edit may
                show; of the aligned face, any size. It takes the place of ``name``.
        Raises:
            UnknownRegion, UnsupportedByPack, BadImage, BadSetting.
        """
        if mask is not None:
            return local.within(local.read_mask(mask), settings)
        if name == "auto":
            name = regions.regions_in(prompt) or "whole"
        if self.pack.parser is None:
            raise UnsupportedByPack(f"The pack {self.pack.name} knows no regions; paint a mask.")
        with torch.no_grad(), memory_errors(self.pack.device):
            shown = to_tensor((face.aligned or face.image).resize((512, 512)), self.pack.device)
            found = regions.region(self.pack.parser.parse(shown).cpu(), name)
        return local.within(found, settings)

    def edit_region(
        self, face: Face, prompt: str, region: str = "auto", mask: Any = None, settings: OptimizeSettings | None = None
    ) -> Edit:
        """Edit a face by a prompt in a part of it only (path C). For the arguments and errors see `region`."""
        return self.optimize(face, prompt, settings, self.region(face, region, prompt, mask))

    def slide(
        self, face: Face, values: Mapping[str, float], own: Mapping[str, LevelsMapper] | None = None,
        within: Within | None = None,
    ) -> Edit:  # fmt: skip
        """Edit a face by sliders, which add up (path B).

        Args:
            values: slider -> strength from -3 to 3, as ``{"mapper:smile": 1, "boundary:age": -0.5}``; see `sliders`.
            own: mappers of the user's (`checkpoints.load_mapper`), by the names that ``values`` call them.
            within: where the edit may show, see `region`.
        Raises:
            BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt.
        """
        start, pack = time.perf_counter(), self.pack_for(face.weights)
        with memory_errors(pack.device):
            w_plus, latent = sliders.move(pack, face.w_plus[None].to(pack.device), values, own)
            return self.edit(pack, face, w_plus, start, latent, within=within)

    def preview(
        self, face: Face, values: Mapping[str, float], own: Mapping[str, LevelsMapper] | None = None,
        within: Within | None = None,
    ) -> Image.Image:  # fmt: skip
        """What `slide` would make, small and at once: for sliders that are being dragged."""
        with memory_errors(self.pack.device), torch.no_grad():
            if face not in self._previews:
                pack, full = self.pack_for(face.weights), to_tensor(face.image, self.pack.device)
                code = face.w_plus[None].to(pack.device)
                self._previews[face] = pack, Preview(pack.generator, code, PREVIEW, full, quick=True)
            pack, look = self._previews[face]
            code = face.w_plus[None].to(pack.device)
            latent = sliders.move(pack, code, values, own)[1]
            return to_image(look(latent, within and within.blend(pack.generator, code)))

    def apply_mapper(self, face: Face, mapper: str | LevelsMapper, strength: float = 1.0) -> Edit:
        """Edit a face by one mapper: a name of `sliders.mapper_names`, or one that `load_mapper` read."""
        name = mapper if isinstance(mapper, str) else "own"
        return self.slide(face, {f"mapper:{name}": strength}, None if name is mapper else {name: mapper})

    def direction(self, prompt: str, neutral: str = "") -> Direction:
        """The global direction of a prompt in StyleSpace. Raises EmptyPrompt, BadPrompt, UnsupportedByPack."""
        neutral = neutral or f"a {self.pack.domain}"
        return global_directions.direction(self.pack, check_prompt(prompt), check_prompt(neutral))

    def apply_direction(
        self, face: Face, direction: Direction, strength: float = 1.0, beta: float | None = None
    ) -> Edit:
        """Edit a face along a global direction; for ``beta`` see `global_directions.apply`. Raises BadSetting."""
        start, pack = time.perf_counter(), self.pack_for(face.weights)
        with memory_errors(pack.device), torch.no_grad():
            code = face.w_plus[None].to(pack.device)
            styles = global_directions.apply(direction, pack.generator.styles(code), strength, beta)
            return self.edit(pack, face, code, start, styles, direction.prompt)

    def warm_up(self) -> None:
        """Do a little of everything, so that no user waits for kernels to be chosen and memory to be had."""
        self.optimize(self.random_face(), "warm", OptimizeSettings(steps=1))

    def _suited(self, settings: OptimizeSettings | OfficialSettings) -> OptimizeSettings | OfficialSettings:
        """The settings checked; unless they say from what, a prompt is a change from what the pack draws."""
        settings = settings.checked()
        if getattr(settings, "neutral", "") == OptimizeSettings.neutral:
            return replace(settings, neutral=f"a {self.pack.domain}")
        return settings

def load_studio(
    pack: str = "auto", device: str = "auto", precision: str = "auto", speedup: str = "eager"
) -> Studio:
    """Load a pack by name, fetching its weights if need be: see `packs.load_pack` and `drawing.Painter`."""
    return Studio(packs.load_pack(pack, device, precision), speedup)


def save_latent(w_plus: Tensor, path: str | Path) -> None:
    """Write a code ``[L,512]`` as a .npz file with the array ``w_plus``."""
    np.savez_compressed(path, w_plus=w_plus.cpu().numpy())


def _kept(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as a Face keeps them: in half precision, on the CPU."""
    return {name: value.half().cpu() for name, value in weights.items()}


def _result(steps: Iterator) -> Any:
    *_, last = steps
    return last
