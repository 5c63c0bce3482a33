"""Studio: a loaded pack and the verbs a user has. Each verb has a plain form and a form that reports progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core import latents, losses, packs
from styleclip_core.edits import invert as inversion
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits.invert import InvertSettings
from styleclip_core.edits.optimize import OptimizeSettings
from styleclip_core.edits.progress import Step, check_prompt, check_range
from styleclip_core.errors import BadSetting
from styleclip_core.faces import Alignment, align, detect_faces, load_photo, paste_back

PREVIEW = 256


@dataclass(frozen=True, eq=False)
class Face:
    """A face that can be edited.

    Attributes:
        w_plus: its code ``[L,512]``.
        image: the generator's picture of it, 1024 x 1024.
        photo: the photo it came from, or None for a face of the generator.
        aligned: the aligned part of the photo, 1024 x 1024, or None.
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
        image: the edited picture, aligned, 1024 x 1024.
        photo: the edit pasted back into the photo; ``image`` where there is no photo.
        latent: ``[L,512]``.
        mask: where a local edit applies ("L"), or None.
        scores: ``similarity_before``, ``similarity_after`` (standard deviations above random faces),
            ``clip_before``, ``clip_after`` (cosines), ``identity`` (cosine to the unedited face), ``distance``
            (LPIPS-like) and ``seconds``.
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


def to_tensor(image: Image.Image, device: torch.device | str = "cpu") -> Tensor:
    """RGB picture -> ``float32 [1,3,H,W]`` in [-1,1]."""
    array = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1
    return torch.from_numpy(array).permute(2, 0, 1)[None].to(device)


def to_image(tensor: Tensor) -> Image.Image:
    """``[1,3,H,W]`` or ``[3,H,W]`` in [-1,1] -> RGB picture, values outside clipped."""
    array = tensor.detach().reshape(tensor.shape[-3:]).permute(1, 2, 0).float().cpu()
    return Image.fromarray(((array.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy())


class Studio:
    """A loaded pack with the user's verbs. Holds no state of any user, so one Studio can serve many."""

    def __init__(self, pack: packs.Pack):
        self.pack = pack

    def random_face(self, seed: int = 0, truncation: float = 0.7) -> Face:
        """A face that does not exist. The same seed gives the same face. Raises BadSetting."""
        seed = int(check_range("seed", seed, 0, 2**63 - 1))
        truncation = check_range("truncation", truncation, 0, 1)
        with torch.no_grad():
            w = latents.random_w(self.pack.generator, seed, truncation)
            w_plus = w.expand(self.pack.generator.num_layers, -1).clone()
        return Face(w_plus, self._render(w_plus))

    def find_faces(self, photo: Any) -> list[Image.Image]:
        """The aligned squares of all faces in a photo, the largest first. Raises BadImage, NoFaceFound."""
        photo = load_photo(photo)
        return [align(photo, face)[0] for face in detect_faces(photo)]

    def invert(self, photo: Any, face: int = 0, settings: InvertSettings | None = None) -> Face:
        """Find the code of a face in a photo.

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
        start = time.perf_counter()
        photo = load_photo(photo)
        found = detect_faces(photo)
        if not 0 <= face < len(found):
            raise BadSetting(f"The photo has {len(found)} face(s); choose one from 0 to {len(found) - 1}, not {face}.")
        aligned, alignment = align(photo, found[face])
        yield Progress("Face found", 0, 1, aligned.resize((PREVIEW, PREVIEW)))
        target = to_tensor(aligned, self.pack.device)
        step: Step | None = None
        for step in inversion.invert(self.pack, target, settings):
            yield _progress("Finding the face's code", step)
        w_plus = step.w_plus[0]
        image = self._render(w_plus)
        distance = self._distance(to_tensor(image, self.pack.device), target)
        seconds = time.perf_counter() - start
        yield Face(w_plus, image, photo, aligned, alignment, len(found), distance, seconds)

    def render(self, face: Face) -> Image.Image:
        """The generator's picture of a face, 1024 x 1024."""
        return self._render(face.w_plus)

    def optimize(self, face: Face, prompt: str, settings: OptimizeSettings | None = None) -> Edit:
        """Edit a face by any prompt (path A). Raises EmptyPrompt, BadPrompt, BadSetting."""
        return _result(self.optimize_steps(face, prompt, settings))

    def optimize_steps(
        self, face: Face, prompt: str, settings: OptimizeSettings | None = None
    ) -> Iterator[Progress | Edit]:
        """As `optimize`, but yields Progress on the way and the Edit at the end. Stop iterating to cancel."""
        start = time.perf_counter()
        settings, prompt = (settings or OptimizeSettings()).checked(), check_prompt(prompt)
        step: Step | None = None
        for step in path_a.optimize(self.pack, face.w_plus[None].to(self.pack.device), prompt, settings):
            yield _progress("Editing", step)
        yield self._edit(face, step.w_plus[0], prompt, settings.neutral, start)

    def _edit(self, face: Face, w_plus: Tensor, prompt: str, neutral: str, start: float) -> Edit:
        image = self._render(w_plus)
        photo = image if face.photo is None else paste_back(face.photo, image, face.alignment, base=face.image)
        before, after = to_tensor(face.image, self.pack.device), to_tensor(image, self.pack.device)
        with torch.no_grad():
            objective = path_a.make_objective(self.pack, prompt, neutral)
            embeddings = self.pack.clip.encode_image(torch.cat([before, after]))
            similarity, cosine = objective.score(embeddings), (embeddings @ objective.text.T)[:, 0]
            people = self.pack.identity(torch.cat([before, after]))
        scores = {
            "similarity_before": similarity[0].item(),
            "similarity_after": similarity[1].item(),
            "clip_before": cosine[0].item(),
            "clip_after": cosine[1].item(),
            "identity": (people[0] @ people[1]).item(),
            "distance": self._distance(before, after),
            "seconds": time.perf_counter() - start,
        }
        return Edit(image, photo, w_plus.cpu(), None, scores)

    @torch.no_grad()
    def _render(self, w_plus: Tensor) -> Image.Image:
        return to_image(self.pack.generator.synthesize(w_plus[None].to(self.pack.device)))

    @torch.no_grad()
    def _distance(self, a: Tensor, b: Tensor) -> float:
        small = [torch.nn.functional.interpolate(x, (256, 256), mode="area") for x in (a, b)]
        return losses.perceptual(*(losses.normalized_taps(self.pack.perceptual, x) for x in small)).item()


def load_studio(pack: str = "auto", device: str = "auto") -> Studio:
    """Load a pack by name, fetching its weights if need be. Raises UnknownPack, WeightsUnavailable, ..."""
    return Studio(packs.load_pack(pack, device))


def save_latent(w_plus: Tensor, path: str | Path) -> None:
    """Write a code ``[L,512]`` as a .npz file with the array ``w_plus``."""
    np.savez_compressed(path, w_plus=w_plus.cpu().numpy())


def _progress(stage: str, step: Step) -> Progress:
    shown = step.step % 4 == 1 or step.step == step.steps
    preview = to_image(step.preview).resize((PREVIEW, PREVIEW)) if shown else None
    return Progress(stage, step.step, step.steps, preview, step.terms)


def _result(steps: Iterator) -> Any:
    *_, last = steps
    return last
