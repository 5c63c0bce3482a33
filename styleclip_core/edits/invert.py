"""Photo -> W+: the encoder's code, then a short refinement by gradient descent in whitened coordinates.

The refinement also finds a per-photo feature residual for what no code can represent (`networks.adapted`).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import latents, losses
from styleclip_core.edits.schedule import schedule
from styleclip_core.images import to_preview
from styleclip_core.networks.adapted import FEATURE_SIZE, shallow_copy
from styleclip_core.packs.base import Generator, Pack
from styleclip_core.progress import Progress, preview_due
from styleclip_core.rendering import Preview
from styleclip_core.settings import InvertSettings

REFIT_INTERVAL = 10  # steps after which the preview's correction is fitted again, to the code reached by then


def invert(pack: Pack, image: Tensor, settings: InvertSettings | None = None) -> Iterator[Progress]:
    """Find the W+ code of an aligned face. Yields a `Progress` per iteration; the last one holds the result.

    Args:
        image: ``[1,3,H,H]`` in [-1,1], aligned as FFHQ.
    """
    settings = settings or InvertSettings()
    stage = f"Finding the {pack.domain}'s code"
    size, space = settings.resolution, pack.space
    target = F.interpolate(image, (size, size), mode="area")
    weight = losses.face_weight(size, image.device)
    with torch.no_grad():
        target_taps = losses.normalized_taps(pack.perceptual, target)
        start = pack.encoder(image)
        if settings.steps == 0:
            yield Progress(stage, 1, 1, w_plus=start)
            return
        generator = shallow_copy(pack.generator)  # the one that the residual is set in
        draw = Preview(generator, start, size)
        yield Progress(stage, 0, settings.steps, to_preview(draw(start)), w_plus=start)
        # Moves are added to the encoder's code in W+, since the principal directions span that code only in part.
        whitened = space.whiten(start)
        features = plain_features(pack.generator, start)
        scale = features.std((2, 3), keepdim=True)
        shared, layers = torch.zeros_like(whitened[:, :1]).requires_grad_(), torch.zeros_like(whitened).requires_grad_()
        detail = torch.zeros_like(features).requires_grad_()  # the residual in the features' standard deviations
    mean, visible = whitened.mean(1, keepdim=True), latents.visible_layers(pack.generator, size)
    spread = settings.spread * 16 ** (0.5 - settings.faithful)
    learning_rates = settings.lr, 2 * settings.faithful * settings.detail
    optimizer = torch.optim.Adam([{"params": [shared, layers]}, {"params": [detail]}], betas=(0.9, 0.95))
    for step in range(settings.steps):
        generator.feature_residual.offset = scale * detail
        if step and step % REFIT_INTERVAL == 0:
            draw = Preview(generator, start + visible * space.step((shared + layers).detach()), size)
        for group, highest in zip(optimizer.param_groups, learning_rates, strict=True):
            group["lr"] = highest * schedule(step / settings.steps)
        picture = draw(start + visible * space.step(shared + layers))
        terms = {
            "perceptual": settings.perceptual
            * losses.perceptual(losses.normalized_taps(pack.perceptual, picture), target_taps, weight),
            "pixel": settings.pixel * losses.pixels(picture, target, weight),
            "prior": settings.prior * (mean + shared).square().mean(),
            "spread": spread * (whitened - mean + layers).square().mean(),
            "excess": settings.excess * detail.square().mean(),
        }
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        result = start + visible * space.step((shared + layers).detach())
        weights = {}
        if settings.faithful and step + 1 == settings.steps:
            weights = {
                "feature_residual.offset": (scale * detail).detach(),
                "feature_residual.features": plain_features(pack.generator, result),
            }
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(picture) if preview_due(step + 1, settings.steps) else None
        yield Progress(stage, step + 1, settings.steps, preview, values, result, weights)


@torch.no_grad()
def plain_features(generator: Generator, w_plus: Tensor) -> Tensor:
    """Features ``[1,C,R,R]`` of a code at the size of the residual, without one."""
    return generator.features(generator.styles(w_plus), min(FEATURE_SIZE, generator.resolution))
