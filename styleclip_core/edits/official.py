"""StyleCLIP's own optimisation (Patashnik et al. 2021), number for number, to compare path A with.

Adam moves the whole W+ code; the picture is made at full size and shown to CLIP as StyleCLIP shows it, which is
without the mean and deviation that CLIP was trained with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from styleclip_core import losses
from styleclip_core.edits.progress import Step, check_finite, check_prompt, check_range
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.open_clip import OpenCLIP, area_resize
from styleclip_core.packs import Pack

RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps


@dataclass(frozen=True)
class OfficialSettings:
    """The settings that StyleCLIP has.

    Attributes:
        steps: Adam steps; 40 to 300 are usual.
        lr: highest learning rate.
        l2: weight of the squared length of the move in W+.
        identity: weight of 1 - cos of identity embeddings; packs without an identity network leave it out.
    """

    steps: int = 300
    lr: float = 0.1
    l2: float = 0.008
    identity: float = 0.005

    def checked(self) -> OfficialSettings:
        """Return self with numbers of the right kind; raise BadSetting."""
        check_finite(self)
        return replace(self, steps=int(check_range("steps", self.steps, 1, 1000)))


def optimize_official(
    pack: Pack, w_plus: Tensor, prompt: str, settings: OfficialSettings | None = None
) -> Iterator[Step]:
    """Edit a code by a prompt as StyleCLIP does. Yields a `Step` per iteration; the last one holds the result.

    Args:
        w_plus: ``[1,L,512]``.
    Raises:
        EmptyPrompt, BadPrompt, BadSetting; UnsupportedByPack: its text-image model is not CLIP.
    """
    settings, prompt = (settings or OfficialSettings()).checked(), check_prompt(prompt)
    if not isinstance(pack.clip, OpenCLIP):
        raise UnsupportedByPack("StyleCLIP's own optimisation needs CLIP: choose the pack full, car or church.")
    with torch.no_grad():
        text = pack.clip.encode_text([prompt])
        start = pack.identity(pack.generator.synthesize(w_plus)) if pack.identity else None
    code = w_plus.clone().requires_grad_()
    optimizer = torch.optim.Adam([code], lr=settings.lr)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * ramp(step / settings.steps)
        image = pack.generator.synthesize(code)
        terms = {
            "clip": (1 - pack.clip.encode_image(area_resize(image, *pack.clip.size), normalise=False) @ text.T).mean(),
            "l2": settings.l2 * (code - w_plus).square().sum(),
        }
        if start is not None:
            terms["identity"] = settings.identity * losses.identity(pack.identity(image), start)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        seen = {name: value.item() for name, value in terms.items()}
        yield Step(step + 1, settings.steps, seen, code.detach().clone(), image.detach())


def ramp(t: float) -> float:
    """The learning rate's share at ``t`` in [0,1): up along a line from 0, down along a cosine at the end."""
    return (0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / RAMP_DOWN))) * min(1.0, t / RAMP_UP)
