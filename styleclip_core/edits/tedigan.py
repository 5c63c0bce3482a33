"""TediGAN's instance-level optimisation (Xia et al. 2021), as its demo for StyleGAN2 does it, to compare with.

Adam moves the whole W+ code from the mean of W, or from the photo's code, towards a picture that is like the photo and
fits the text. The rates rise and fall as in StyleCLIP's optimisation. What the demo does by VGG, the pack's perceptual
network does here.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.edits.styleclip_reference import STAGE, ramp
from styleclip_core.images import to_preview
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress, preview_due
from styleclip_core.settings import TediGANSettings, check_prompt


def optimize_tedigan(
    pack: Pack, w_plus: Tensor, photo: Tensor, prompt: str, settings: TediGANSettings | None = None
) -> Iterator[Progress]:
    """Edit a face by a prompt. Yields a `Progress` per iteration; the last one holds the result.

    Args:
        w_plus: the face's code ``[1,L,512]``, from which to start if the settings say so.
        photo: the aligned face that the result is to be like, ``[1,3,H,H]`` in [-1,1].
    Raises:
        EmptyPrompt, BadPrompt.
    """
    settings, prompt = settings or TediGANSettings(), check_prompt(prompt)
    generator = pack.generator
    start = generator.w_avg.expand_as(w_plus) if settings.start == "mean" else w_plus
    embed = pack.styleclip_embed or pack.clip.encode_image
    with torch.no_grad():
        text = pack.clip.encode_text([prompt])
        size = generator.exit_resolution(settings.resolution)
        photo = F.interpolate(photo, (size, size), mode="area")
        taps = losses.normalized_taps(pack.perceptual, photo)
    code = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([code], lr=settings.lr)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * ramp(step / settings.steps)
        image = generator.synthesize(code, size)
        terms = {
            "clip": settings.clip * (1 - embed(image) @ text.T).mean(),
            "pixel": settings.pixel * F.mse_loss(image, photo),
            "perceptual": settings.perceptual * losses.perceptual(losses.normalized_taps(pack.perceptual, image), taps),
            "latent": settings.latent * F.mse_loss(code, start),
        }
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(image) if preview_due(step + 1, settings.steps) else None
        yield Progress(STAGE, step + 1, settings.steps, preview, values, code.detach().clone())
