"""Photo -> W+ by optimisation: first one w, in whitened coordinates, then small steps of their own for every layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.edits.progress import Step, check_finite
from styleclip_core.latents import ridge_slopes
from styleclip_core.packs import Pack


@dataclass(frozen=True)
class InvertSettings:
    """How to invert.

    Attributes:
        w_steps: Adam steps for one w shared by all layers.
        layer_steps: further steps in which each layer may leave it.
        full_steps: last steps, through the whole generator: its preview at `resolution` is a little off in colour.
        lr: learning rate in whitened coordinates (1 is W's standard deviation along an axis).
        perceptual, pixel: weights of the two reconstruction losses.
        prior: weight of the mean squared whitened coordinate of w; keeps the face a likely one.
        spread: weight of the mean squared step of single layers; keeps W+ near W, where edits work.
        resolution: px at which pictures are compared.
    """

    w_steps: int = 30
    layer_steps: int = 40
    full_steps: int = 12
    lr: float = 0.12
    perceptual: float = 1.0
    pixel: float = 0.6
    prior: float = 0.01
    spread: float = 0.06
    resolution: int = 256

    @classmethod
    def of_length(cls, steps: int) -> InvertSettings:
        """Settings with ``steps`` steps on previews, half for one w and half for the layers."""
        return cls(w_steps=steps // 2, layer_steps=steps - steps // 2)


@torch.no_grad()
def first_guess(pack: Pack, image: Tensor, ridge: float = 0.02) -> Tensor:
    """Whitened code ``[1,K]`` of a picture, by linear regression of the gallery's codes on its embeddings.

    Gradient descent from the mean face adds no glasses or hats; a start that has them keeps them.
    """
    codes, embeddings = pack.space.whiten(pack.gallery.w), pack.gallery.embeddings
    slopes = ridge_slopes(embeddings, codes, ridge)
    return codes.mean(0) + (pack.clip.encode_image(image) - embeddings.mean(0)) @ slopes


def invert(pack: Pack, image: Tensor, settings: InvertSettings | None = None) -> Iterator[Step]:
    """Find the W+ code of an aligned face. Yields a `Step` per iteration; the last one holds the result.

    Args:
        image: ``[1,3,H,H]`` in [-1,1], aligned as FFHQ.
    Raises:
        BadSetting: a setting is out of range.
    """
    settings = settings or InvertSettings()
    check_finite(settings)
    total = settings.w_steps + settings.layer_steps + settings.full_steps
    size, space, generator = settings.resolution, pack.space, pack.generator
    target = F.interpolate(image, (size, size), mode="area")
    weight = losses.face_weight(size, image.device)
    target_taps = losses.normalized_taps(pack.perceptual, target)
    shared = first_guess(pack, image)[:, None].requires_grad_()
    layers = torch.zeros(1, generator.num_layers, len(space.deviations), device=image.device, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [shared]}, {"params": [layers]}], lr=settings.lr, betas=(0.9, 0.95))
    for step in range(total):
        per_layer = step >= settings.w_steps
        ramp = min(1.0, (step + 1) / 5) * (0.5 + 0.5 * math.cos(math.pi * max(0.0, step / total - 0.5) * 1.6))
        optimizer.param_groups[0]["lr"] = settings.lr * max(ramp, 0.05)
        optimizer.param_groups[1]["lr"] = settings.lr * max(ramp, 0.05) * per_layer
        w_plus = (
            space.unwhiten(shared + layers)
            if per_layer
            else space.unwhiten(shared).expand(-1, generator.num_layers, -1)
        )
        full = step >= total - settings.full_steps
        picture = generator.synthesize(w_plus, None if full else size)
        picture = F.interpolate(picture, (size, size), mode="area") if full else picture
        terms = {
            "perceptual": settings.perceptual
            * losses.perceptual(losses.normalized_taps(pack.perceptual, picture), target_taps, weight),
            "pixel": settings.pixel * losses.pixels(picture, target, weight),
            "prior": settings.prior * shared.square().mean(),
            "spread": settings.spread * layers.square().mean() if per_layer else shared.new_zeros(()),
        }
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        result = space.unwhiten((shared + layers).detach())
        yield Step(step + 1, total, {k: v.item() for k, v in terms.items()}, result, picture.detach())
