"""Photo -> W+: the encoder's code, then a short refinement by gradient descent in whitened coordinates.

The refinement finds an offset on the generator's features too, for what no code says: see `networks.adapted.Detail`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core import latents, losses
from styleclip_core.drawing import Preview
from styleclip_core.edits.progress import Step, check_finite, check_range, schedule
from styleclip_core.networks.adapted import SIZE, twin
from styleclip_core.packs import Pack

RENEW = 10  # steps after which the preview is fitted anew to where the code has got


@dataclass(frozen=True)
class InvertSettings:
    """How to invert.

    Attributes:
        steps: Adam steps from the encoder's code; 0 leaves it as it is.
        tune: steps that adapt the generator to the photo afterwards (see `edits.tune`); 0 leaves it as it is.
        faithful: from 0, codes on which edits work best and nothing but codes, to 1, what looks most like the photo.
        lr: learning rate in whitened coordinates (1 is W's standard deviation along an axis).
        detail: learning rate, at `faithful` 0.5, of the offset on features, in their standard deviations.
        perceptual, pixel: weights of the two reconstruction losses.
        prior: weight of the mean squared whitened coordinate of w; keeps the face a likely one.
        spread: weight of the mean squared step of single layers at `faithful` 0.5; keeps W+ near W, where edits work.
        excess: weight of the mean squared offset on features.
        resolution: px at which pictures are compared.
    """

    steps: int = 30
    tune: int = 0
    faithful: float = 0.5
    lr: float = 0.12
    detail: float = 0.03
    perceptual: float = 1.0
    pixel: float = 0.6
    prior: float = 0.01
    spread: float = 0.06
    excess: float = 0.05
    resolution: int = 256

    def checked(self) -> InvertSettings:
        """Return self with numbers of the right kind. Raises BadSetting."""
        check_finite(self)
        steps, tune = (int(check_range(name, getattr(self, name), 0, 1000)) for name in ("steps", "tune"))
        return replace(self, steps=steps, tune=tune, faithful=check_range("faithful", self.faithful, 0, 1))


def invert(pack: Pack, image: Tensor, settings: InvertSettings | None = None) -> Iterator[Step]:
    """Find the W+ code of an aligned face. Yields a `Step` per iteration; the last one holds the result.

    Args:
        image: ``[1,3,H,H]`` in [-1,1], aligned as FFHQ.
    Raises:
        BadSetting: a setting is out of range.
    """
    settings = (settings or InvertSettings()).checked()
    size, space = settings.resolution, pack.space
    target = F.interpolate(image, (size, size), mode="area")
    weight = losses.face_weight(size, image.device)
    with torch.no_grad():
        target_taps = losses.normalized_taps(pack.perceptual, target)
        start = pack.encoder(image)
        if settings.steps == 0:
            yield Step(1, 1, {}, start, None)
            return
        generator = twin(pack.generator)  # to which the offset belongs
        look = Preview(generator, start, size)
        yield Step(0, settings.steps, {}, start, look(start))
        # The encoder's own code, which the principal directions span only in part, is where every step starts from.
        first = space.whiten(start)
        features = plain(pack.generator, start)
        scale = features.std((2, 3), keepdim=True)
        shared, layers = torch.zeros_like(first[:, :1]).requires_grad_(), torch.zeros_like(first).requires_grad_()
        detail = torch.zeros_like(features).requires_grad_()
    code, seen = first.mean(1, keepdim=True), latents.shown(pack.generator, size)
    spread = settings.spread * 16 ** (0.5 - settings.faithful)
    rates = settings.lr, 2 * settings.faithful * settings.detail
    optimizer = torch.optim.Adam([{"params": [shared, layers]}, {"params": [detail]}], betas=(0.9, 0.95))
    for step in range(settings.steps):
        generator.detail.offset = scale * detail
        if step and step % RENEW == 0:
            look = Preview(generator, start + seen * space.step((shared + layers).detach()), size)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * schedule(step / settings.steps)
        picture = look(start + seen * space.step(shared + layers))
        terms = {
            "perceptual": settings.perceptual
            * losses.perceptual(losses.normalized_taps(pack.perceptual, picture), target_taps, weight),
            "pixel": settings.pixel * losses.pixels(picture, target, weight),
            "prior": settings.prior * (code + shared).square().mean(),
            "spread": spread * (first - code + layers).square().mean(),
            "excess": settings.excess * detail.square().mean(),
        }
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        result = start + seen * space.step((shared + layers).detach())
        own = {}
        if settings.faithful and step + 1 == settings.steps:
            own = {"detail.offset": (scale * detail).detach(), "detail.features": plain(pack.generator, result)}
        values = {name: value.item() for name, value in terms.items()}
        yield Step(step + 1, settings.steps, values, result, picture.detach(), own)


@torch.no_grad()
def plain(generator: nn.Module, w_plus: Tensor) -> Tensor:
    """The features ``[1,C,R,R]`` of a code at the size of `Detail`, before any offset."""
    return generator.features(generator.styles(w_plus), min(SIZE, generator.resolution))
