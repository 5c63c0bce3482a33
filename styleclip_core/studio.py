"""Studio: a loaded pack and the verbs a user has. Each verb has a plain form and a form that reports progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core import latents, losses, packs
from styleclip_core.devices import memory_errors
from styleclip_core.drawing import Painter
from styleclip_core.edits import invert as inversion
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits.invert import InvertSettings
from styleclip_core.edits.official import OfficialSettings, optimize_official
from styleclip_core.edits.optimize import OptimizeSettings
from styleclip_core.edits.progress import Step, check_finite, check_prompt, check_range
from styleclip_core.errors import OutOfMemory, UnsupportedByPack
from styleclip_core.faces import Alignment, align, detect_faces, load_photo
from styleclip_core.faces.frame import cut_out, put_back

PREVIEW = 256
LESS = {"views": 1, "resolution": 128, "full_steps": 0}  # the most that is tried again when memory ran out


@dataclass(frozen=True, eq=False)
class Face:
    """A face (or a car or a church, whatever the pack draws) that can be edited.

    Attributes:
        w_plus: its code ``[L,512]``, on the CPU.
        image: the generator's picture of it, 1024 x 1024 (512 x 512 of a car, 256 x 256 of a church).
        photo: the photo it came from, or None for a face of the generator.
        aligned: the aligned part of the photo, 1024 x 1024 (of cars and churches as large as ``image``), or None.
        alignment: how the aligned square lies in the photo, or None.
        faces: how many faces the photo has.
        distance: LPIPS-like distance of ``image`` to ``aligned`` (0 is identical), or None.
        seconds: how long the inversion took.
    """

    w_plus: Tensor
    image: Image.Image
    photo: Image.Image | None = None
    aligned: Image.Image | None = None
    alignment: Alignment | None = None
    faces: int = 1
    distance: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Edit:
    """An edited face.

    Attributes:
        image: the edited picture, aligned, as large as the face's.
        photo: the edit pasted back into the photo; ``image`` where there is no photo.
        latent: ``[L,512]``, on the CPU.
        mask: where a local edit applies ("L"), or None.
        scores: ``similarity_before``, ``similarity_after`` (standard deviations above random faces),
            ``clip_before``, ``clip_after`` (cosines), ``identity`` (cosine to the unedited face; of faces only),
            ``distance`` (LPIPS-like) and ``seconds``.
    """

    image: Image.Image
    photo: Image.Image
    latent: Tensor
    mask: Image.Image | None = None
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Progress:
    """One report of a running verb: what is being done, how far it is, and a preview every few steps."""

    stage: str
    step: int
    steps: int
    preview: Image.Image | None = None
    terms: dict[str, float] = field(default_factory=dict)


Reported = Generator[Progress, None, Step]


def to_tensor(image: Image.Image, device: torch.device | str = "cpu") -> Tensor:
    """RGB picture -> ``float32 [1,3,H,W]`` in [-1,1]."""
    array = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(array).permute(2, 0, 1)[None].to(device)


def to_image(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` or ``[3,H,W]`` in [-1,1] -> RGB picture, values outside clipped."""
    array = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu()
    return Image.fromarray(((array.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy())


class Studio:
    """A loaded pack with the user's verbs. Holds no state of any user, so one Studio can serve many.

    Every verb that computes may also raise OutOfMemory.

    Args:
        speedup: of drawing full pictures, see `drawing.Painter`.
    """

    def __init__(self, pack: packs.Pack, speedup: str = "eager"):
        self.pack = pack
        self.painter = Painter(pack.generator, speedup)

    def random_face(self, seed: int = 0, truncation: float = 0.7) -> Face:
        """A face that does not exist. The same seed gives the same face. Raises BadSetting."""
        seed = int(check_range("seed", seed, 0, 2**63 - 1))
        truncation = check_range("truncation", truncation, 0, 1)
        with torch.no_grad(), memory_errors(self.pack.device):
            w = latents.random_w(self.pack.generator, seed, truncation)
            w_plus = w.expand(self.pack.generator.num_layers, -1).clone()
            return Face(w_plus.cpu(), self._draw(w_plus))

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
        start, settings, pack = time.perf_counter(), settings or InvertSettings(), self.pack
        check_finite(settings)
        photo = load_photo(photo)
        aligned, alignment, count = cut_out(photo, pack.domain, pack.generator.resolution, face)
        yield Progress(f"{pack.domain.capitalize()} found", 0, 1, aligned.resize((PREVIEW, PREVIEW)))
        with memory_errors(pack.device):
            target = to_tensor(aligned, pack.device)
            stage = f"Finding the {pack.domain}'s code"
            step = yield from self._steps(stage, lambda chosen: inversion.invert(pack, target, chosen), settings)
            w_plus = step.w_plus[0]
            image = self._draw(w_plus)
            distance = self._distance(to_tensor(image, pack.device), target)
        seconds = time.perf_counter() - start
        yield Face(w_plus.cpu(), image, photo, aligned, alignment, count, distance, seconds)

    def render(self, face: Face) -> Image.Image:
        """The generator's picture of a face, at full size."""
        with memory_errors(self.pack.device):
            return self._draw(face.w_plus)

    def optimize(self, face: Face, prompt: str, settings: OptimizeSettings | OfficialSettings | None = None) -> Edit:
        """Edit a face by any prompt (path A).

        With OfficialSettings it is done exactly as StyleCLIP does it, for comparison; that needs CLIP.

        Raises:
            EmptyPrompt, BadPrompt, BadSetting, UnsupportedByPack.
        """
        return _result(self.optimize_steps(face, prompt, settings))

    def optimize_steps(
        self, face: Face, prompt: str, settings: OptimizeSettings | OfficialSettings | None = None
    ) -> Iterator[Progress | Edit]:
        """As `optimize`, but yields Progress on the way and the Edit at the end. Stop iterating to cancel."""
        start, pack = time.perf_counter(), self.pack
        settings, prompt = self._suited(settings or OptimizeSettings()), check_prompt(prompt)
        method = optimize_official if isinstance(settings, OfficialSettings) else path_a.optimize
        with memory_errors(pack.device):
            code = face.w_plus[None].to(pack.device)
            step = yield from self._steps("Editing", lambda chosen: method(pack, code, prompt, chosen), settings)
            edit = self._edit(face, step.w_plus[0], prompt, start)
        yield edit

    def warm_up(self) -> None:
        """Do a little of everything, so that no user waits for kernels to be chosen and memory to be had."""
        self.optimize(self.random_face(), "warm", OptimizeSettings(steps=1))

    def _suited(self, settings: OptimizeSettings | OfficialSettings) -> OptimizeSettings | OfficialSettings:
        """The settings checked; unless they say from what, a prompt is a change from what the pack draws."""
        settings = settings.checked()
        if getattr(settings, "neutral", "") == OptimizeSettings.neutral:
            return replace(settings, neutral=f"a {self.pack.domain}")
        return settings

    def _steps(self, stage: str, run: Callable[[Any], Iterator[Step]], settings: Any) -> Reported:
        """Report the steps of an edit and return the last. If memory runs out, start once more with LESS."""
        modest = _at_most(settings, LESS)
        if settings == modest:
            return (yield from _reported(stage, run(settings)))
        try:
            with memory_errors(self.pack.device):
                return (yield from _reported(stage, run(settings)))
        except OutOfMemory:
            pass  # what the failed steps held is let go of only past this handler
        return (yield from _reported(f"{stage} (coarser, since memory ran out)", run(modest)))

    def _edit(self, face: Face, w_plus: Tensor, prompt: str, start: float) -> Edit:
        pack, image = self.pack, self._draw(w_plus)
        photo = image
        if face.photo is not None:
            photo = put_back(face.photo, image, face.alignment, pack.domain, face.image)
        before, after = to_tensor(face.image, pack.device), to_tensor(image, pack.device)
        with torch.no_grad():
            text = pack.clip.encode_text([prompt])
            cosines = (pack.clip.encode_image(torch.cat([before, after])) @ text.T)[:, 0]
            similarity = pack.gallery.score(cosines, text)
            people = pack.identity(torch.cat([before, after])) if pack.identity else None
        scores = {
            "similarity_before": similarity[0].item(),
            "similarity_after": similarity[1].item(),
            "clip_before": cosines[0].item(),
            "clip_after": cosines[1].item(),
            "distance": self._distance(before, after),
            "seconds": time.perf_counter() - start,
        }
        if people is not None:
            scores["identity"] = (people[0] @ people[1]).item()
        return Edit(image, photo, w_plus.cpu(), None, scores)

    @torch.no_grad()
    def _draw(self, w_plus: Tensor) -> Image.Image:
        return to_image(self.painter(w_plus[None].to(self.pack.device)))

    @torch.no_grad()
    def _distance(self, a: Tensor, b: Tensor) -> float:
        small = [torch.nn.functional.interpolate(x, (256, 256), mode="area") for x in (a, b)]
        return losses.perceptual(*(losses.normalized_taps(self.pack.perceptual, x) for x in small)).item()


def load_studio(
    pack: str = "auto", device: str = "auto", precision: str = "auto", speedup: str = "eager"
) -> Studio:
    """Load a pack by name, fetching its weights if need be: see `packs.load_pack` and `drawing.Painter`."""
    return Studio(packs.load_pack(pack, device, precision), speedup)


def save_latent(w_plus: Tensor, path: str | Path) -> None:
    """Write a code ``[L,512]`` as a .npz file with the array ``w_plus``."""
    np.savez_compressed(path, w_plus=w_plus.cpu().numpy())


def _at_most(settings: Any, limits: dict[str, int]) -> Any:
    """The same settings with those that have a limit cut down to it."""
    known = {field.name for field in fields(settings)} & limits.keys()
    return replace(settings, **{name: min(getattr(settings, name), limits[name]) for name in known})


def _reported(stage: str, steps: Iterator[Step]) -> Reported:
    """Progress for each step, with a preview now and then. Returns the last step."""
    for step in steps:
        shown = step.step % 4 == 1 or step.step == step.steps
        preview = to_image(step.preview).resize((PREVIEW, PREVIEW)) if shown else None
        yield Progress(stage, step.step, step.steps, preview, step.terms)
    return step


def _result(steps: Iterator) -> Any:
    *_, last = steps
    return last
