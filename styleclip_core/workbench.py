"""What the studio's verbs are made of: drawing, judging and pasting back an edit, and reporting long work."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import fields, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from styleclip_core import losses, packs
from styleclip_core.devices import memory_errors
from styleclip_core.drawing import Latent, Painter
from styleclip_core.edits.local import Within
from styleclip_core.edits.progress import Step
from styleclip_core.errors import OutOfMemory
from styleclip_core.faces.frame import put_back
from styleclip_core.networks.adapted import adapted
from styleclip_core.results import Edit, Face, Progress, to_image, to_tensor

PREVIEW = 256
LESS = {"views": 1, "resolution": 128, "tune": 0}  # the most that is tried again when memory ran out
Reported = Generator[Progress, None, Step]


class Workbench:
    """A loaded pack and the steps that verbs share."""

    def __init__(self, pack: packs.Pack, speedup: str = "eager"):
        self.pack = pack
        self.painter = Painter(pack.generator, speedup)

    def pack_for(self, weights: dict[str, Tensor]) -> packs.Pack:
        """The pack; with a generator of its own for a face whose generator was adapted."""
        if not weights:
            return self.pack
        return replace(self.pack, generator=adapted(self.pack.generator, weights))

    def steps(self, stage: str, run: Callable[[Any], Iterator[Step]], settings: Any) -> Reported:
        """Report the steps of an edit and return the last. If memory runs out, start once more with LESS."""
        modest = _at_most(settings, LESS)
        if settings == modest:
            return (yield from reported(stage, run(settings)))
        try:
            with memory_errors(self.pack.device):
                return (yield from reported(stage, run(settings)))
        except OutOfMemory:
            pass  # what the failed steps held is let go of only past this handler
        return (yield from reported(f"{stage} (coarser, since memory ran out)", run(modest)))

    def edit(
        self, pack: packs.Pack, face: Face, w_plus: Tensor, start: float, latent: Latent | None = None,
        prompt: str | None = None, within: Within | None = None,
    ) -> Edit:  # fmt: skip
        """The Edit of a code ``[1,L,512]``; what is drawn is ``latent``, if that is not the code itself."""
        latent = w_plus if latent is None else latent
        if within is None:
            image, mask = self.draw(latent, pack), None
        else:
            blend, mask = within.blend(pack.generator, face.w_plus[None].to(pack.device)), within.picture()
            with torch.no_grad():
                drawn = to_image(pack.generator.synthesize(latent, blend=blend))
            image = within.compose(drawn, face.image)
        photo = image
        if face.photo is not None:
            photo = put_back(face.photo, image, face.alignment, pack.domain, face.image, mask)
        before, after = to_tensor(face.image, pack.device), to_tensor(image, pack.device)
        with torch.no_grad():
            scores = {} if prompt is None else self._similarity(torch.cat([before, after]), prompt)
            people = pack.identity(torch.cat([before, after])) if pack.identity else None
        scores |= {"distance": self.distance(before, after), "seconds": time.perf_counter() - start}
        if people is not None:
            scores["identity"] = (people[0] @ people[1]).item()
        return Edit(image, photo, w_plus[0].cpu(), mask, scores)

    def _similarity(self, pictures: Tensor, prompt: str) -> dict[str, float]:
        """How much two pictures, before and after, look like a prompt."""
        text = self.pack.clip.encode_text([prompt])
        cosines = (self.pack.clip.encode_image(pictures) @ text.T)[:, 0]
        similarity = self.pack.gallery.score(cosines, text)
        return {
            "similarity_before": similarity[0].item(), "similarity_after": similarity[1].item(),
            "clip_before": cosines[0].item(), "clip_after": cosines[1].item(),
        }  # fmt: skip

    @torch.no_grad()
    def draw(self, latent: Latent, pack: packs.Pack) -> Image.Image:
        draw = self.painter if pack is self.pack else pack.generator.synthesize
        if isinstance(latent, list):
            return to_image(draw(latent))
        return to_image(draw(latent.reshape(1, -1, 512).to(pack.device)))

    @torch.no_grad()
    def distance(self, a: Tensor, b: Tensor) -> float:
        small = [torch.nn.functional.interpolate(x, (256, 256), mode="area") for x in (a, b)]
        return losses.perceptual(*(losses.normalized_taps(self.pack.perceptual, x) for x in small)).item()


def reported(stage: str, steps: Iterator[Step]) -> Reported:
    """Progress for each step, with a preview now and then. Returns the last step."""
    for step in steps:
        shown = step.preview is not None and (step.step < 2 or step.step % 4 == 0 or step.step == step.steps)
        preview = to_image(step.preview).resize((PREVIEW, PREVIEW)) if shown else None
        yield Progress(stage, step.step, step.steps, preview, step.terms)
    return step


def _at_most(settings: Any, limits: dict[str, int]) -> Any:
    """The same settings with those that have a limit cut down to it."""
    known = {field.name for field in fields(settings)} & limits.keys()
    return replace(settings, **{name: min(getattr(settings, name), limits[name]) for name in known})
