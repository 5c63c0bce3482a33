"""Adapt the generator to one photo, so that details return which no code of it has (pivotal tuning).

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
RATE = 1e-4  # Adam's, at most
NEAR = 4.0  # standard deviations of W: other faces at which the generator is held to what it drew
LOCALITY = 0.5  # weight of that
RESOLUTION = 256  # px at which features are compared; colours at all sizes


def tune(pack: Pack, w_plus: Tensor, image: Tensor, steps: int) -> Iterator[Progress]:
    """Yields a `Progress` per iteration, the last with the adapted weights; the pack's generator stays as it is.

    Args:
        w_plus: ``[1,L,512]``, the code that `invert` found.
        image: the aligned photo ``[1,3,H,H]`` in [-1,1], as large as the generator's pictures.
    """
    own = {name: weight.clone() for name, weight in pack.generator.named_parameters() if _moves(name)}
    generator = adapted(pack.generator, own)
    moved = {name: weight.requires_grad_() for name, weight in generator.named_parameters() if name in own}
    optimizer = torch.optim.Adam(moved.values(), lr=RATE)
    weight, full_weight = (losses.face_weight(size, image.device) for size in (RESOLUTION, image.shape[-1]))
    with torch.no_grad():
        small = F.interpolate(image, (RESOLUTION, RESOLUTION), mode="area")
        taps = losses.normalized_taps(pack.perceptual, small)
    random = torch.Generator().manual_seed(0)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * schedule(step / steps)
        picture = generator.synthesize(w_plus)
        shown = F.interpolate(picture, (RESOLUTION, RESOLUTION), mode="area")
        terms = {
            "perceptual": losses.perceptual(losses.normalized_taps(pack.perceptual, shown), taps, weight),
            "pixel": losses.pixels(picture, image, full_weight),
            "locality": LOCALITY * _elsewhere(pack, generator, w_plus, random),
        }
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        values = {name: value.item() for name, value in terms.items()}
        last = moved if step + 1 == steps else {}
        preview = to_preview(shown) if preview_due(step + 1, steps) else None
        weights = {name: value.detach() for name, value in last.items()}
        yield Progress(STAGE, step + 1, steps, preview, values, w_plus, weights)


def _moves(name: str) -> bool:
    """Whether a parameter of that name is adapted: all but the mapping network, which codes have passed already."""
    return not name.startswith(("mapping.", "heads."))


def _elsewhere(pack: Pack, generator: Generator, w_plus: Tensor, random: torch.Generator) -> Tensor:
    """How differently a face near by is drawn than before, at a small size: where edits lead, little may change."""
    away = torch.randn(1, 1, len(pack.space.deviations), generator=random).to(w_plus.device)
    near = w_plus + pack.space.step(NEAR * away / away.norm())
    with torch.no_grad():
        before = pack.generator.synthesize(near, 128)
    return (generator.synthesize(near, 128) - before).square().mean()
