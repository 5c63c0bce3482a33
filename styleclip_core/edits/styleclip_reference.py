"""StyleCLIP's own optimisation (Patashnik et al. 2021), number for number, to compare path A with.

Adam moves the whole W+ code; the picture is synthesised at full size, and CLIP gets it without the normalisation of
pixels that it was trained with, as in StyleCLIP's code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from styleclip_core import losses
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.images import to_preview
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress, preview_due
from styleclip_core.settings import OfficialSettings, check_prompt

STAGE = "Editing"
RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps


def check(pack: Pack) -> Callable[[Tensor], Tensor]:
    """The pack's `styleclip_embed`. Raises UnsupportedByPack: its text-image model is not CLIP."""
    if pack.styleclip_embed is None:
        raise UnsupportedByPack("StyleCLIP's own optimisation needs CLIP: choose the pack full, car or church.")
    return pack.styleclip_embed


def optimize_official(
    pack: Pack, w_plus: Tensor, prompt: str, settings: OfficialSettings | None = None
) -> Iterator[Progress]:
    """Edit a code by a prompt as StyleCLIP does. Yields a `Progress` per iteration; the last one holds the result.

    As in StyleCLIP, the result of an iteration is what its picture was drawn from: the last update shows nowhere.

    Args:
        w_plus: ``[1,L,512]``; not used by the mode "free_generation".
    Raises:
        EmptyPrompt, BadPrompt, BadSetting; UnsupportedByPack: its text-image model is not CLIP.
    """
    settings, prompt = settings or OfficialSettings(), check_prompt(prompt)
    embed, generator = check(pack), pack.generator
    free = settings.mode == "free_generation"
    if free:
        w_plus = generator.w_avg.expand(1, generator.num_layers, -1)
    in_style = settings.space == "stylespace"
    with torch.no_grad():
        text = pack.clip.encode_text([prompt])
        start = [style.clone() for style in generator.styles(w_plus)] if in_style else [w_plus.clone()]
        person = pack.identity(generator.synthesize(w_plus)) if pack.identity and not free else None
    fixed = generator.rgb_styles if in_style else (False,)
    moving = [part.clone().requires_grad_(not is_fixed) for part, is_fixed in zip(start, fixed, strict=True)]
    optimizer = torch.optim.Adam([part for part in moving if part.requires_grad], lr=settings.lr)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * ramp(step / settings.steps)
        drawn_from = [part.detach().clone() for part in moving]
        image = generator.synthesize(moving if in_style else moving[0])
        terms = {"clip": (1 - embed(image) @ text.T).mean()}
        if not free:
            squares = [(part - was).square().sum() for part, was in zip(moving, start, strict=True)]
            terms["l2"] = settings.l2 * torch.stack(squares).sum()
        if pack.identity and person is not None:
            terms["identity"] = settings.identity * losses.identity(pack.identity(image), person)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(image) if preview_due(step + 1, settings.steps) else None
        code, styles = (w_plus.clone(), drawn_from) if in_style else (drawn_from[0], None)
        yield Progress(STAGE, step + 1, settings.steps, preview, values, code, styles=styles)


def ramp(t: float) -> float:
    """The learning rate at progress ``t`` in [0,1), as a share of the highest: a linear rise, a cosine fall."""
    return (0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - t) / RAMP_DOWN))) * min(1.0, t / RAMP_UP)
