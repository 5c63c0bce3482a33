"""Adapt the generator to one photo, to restore details that no code can represent (pivotal tuning).

Roich et al., "Pivotal Tuning for Latent-based Editing of Real Images", 2022: the code stays, the generator's weights
move a little. Edits move the code as before and are drawn by the adapted generator.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.edits.schedule import schedule
from styleclip_core.images import to_preview
from styleclip_core.networks.adapted import adapted
from styleclip_core.packs.base import Generator, Pack
from styleclip_core.progress import Progress, preview_due

STAGE = "Adapting the generator to the photo"
LEARNING_RATE = 1e-4  # Adam's, at its highest
LOCALITY_RADIUS = 4.0  # standard deviations of W: distance of the other codes whose pictures should not change
LOCALITY_WEIGHT = 0.5
PERCEPTUAL_SIZE = 256  # px at which perceptual features are compared; pixels are compared at several sizes


def tune(pack: Pack, w_plus: Tensor, image: Tensor, steps: int) -> Iterator[Progress]:
    """Yields a `Progress` per iteration, the last with the adapted weights; the pack's generator stays as it is.

    Args:
        w_plus: ``[1,L,512]``, the code that `invert` found.
        image: the aligned photo ``[1,3,H,H]`` in [-1,1], as large as the generator's pictures.
        steps: iterations, at least 1.
    """
    copies = {name: weight.clone() for name, weight in pack.generator.named_parameters() if _is_tuned(name)}
    generator = adapted(pack.generator, copies)
    tuned = {name: weight.requires_grad_() for name, weight in generator.named_parameters() if name in copies}
    optimizer = torch.optim.Adam(tuned.values(), lr=LEARNING_RATE)
    weight, full_weight = (losses.face_weight(size, image.device) for size in (PERCEPTUAL_SIZE, image.shape[-1]))
    with torch.no_grad():
        taps = losses.normalized_taps(pack.perceptual, _reduced(image))
    random = torch.Generator().manual_seed(0)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * schedule(step / steps)
        picture = generator.synthesize(w_plus)
        reduced = _reduced(picture)
        terms = {
            "perceptual": losses.perceptual(losses.normalized_taps(pack.perceptual, reduced), taps, weight),
            "pixel": losses.pixels(picture, image, full_weight),
            "locality": LOCALITY_WEIGHT * _locality(pack, generator, w_plus, random),
        }
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(reduced) if preview_due(step + 1, steps) else None
        weights = {name: value.detach() for name, value in tuned.items()} if step + 1 == steps else {}
        yield Progress(STAGE, step + 1, steps, preview, values, w_plus, weights)


def _is_tuned(name: str) -> bool:
    """Whether a parameter of that name is tuned: those beside the synthesis network are not."""
    return not name.startswith(("mapping.", "heads.", "feature_residual."))


def _reduced(image: Tensor) -> Tensor:
    return F.interpolate(image, (PERCEPTUAL_SIZE, PERCEPTUAL_SIZE), mode="area")


def _locality(pack: Pack, generator: Generator, w_plus: Tensor, random: torch.Generator) -> Tensor:
    """Mean squared change of the picture of a random nearby code, at 128 px: edits lead to such codes."""
    away = torch.randn(1, 1, len(pack.space.deviations), generator=random).to(w_plus.device)
    near = w_plus + pack.space.step(LOCALITY_RADIUS * away / away.norm())
    with torch.no_grad():
        before = pack.generator.synthesize(near, 128)
    return (generator.synthesize(near, 128) - before).square().mean()
