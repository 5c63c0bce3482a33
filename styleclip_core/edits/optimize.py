"""Path A: any prompt, by gradient descent on the W+ code against a text-image model.

It moves in whitened W (1 is one standard deviation of random codes), mostly by one step that all layers share, and
judges several augmented views of the picture. The losses are in `edits.objective`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from styleclip_core import latents
from styleclip_core.edits.objective import (
    encode_unedited,
    likeness_terms,
    make_objective,
    prompt_terms,
)
from styleclip_core.edits.schedule import schedule
from styleclip_core.edits.start import Start, guided
from styleclip_core.images import to_preview
from styleclip_core.networks.blend import Blend
from styleclip_core.packs.base import Pack
from styleclip_core.progress import Progress, preview_due
from styleclip_core.rendering import Preview
from styleclip_core.settings import MAX_SEED, OptimizeSettings, check_prompt
from styleclip_core.views import jittered

STAGE = "Editing"
VIEW_SETS = 5  # that steps take in turn; the embeddings of the unedited face are computed once for each
LAYER_SHARE = 0.3  # by which the steps of single layers are scaled, so that Adam moves them more slowly
IMPROVEMENT = 0.02  # deviations; a smaller fall of the shortfall counts as none for `OptimizeSettings.patience`


def optimize(
    pack: Pack,
    w_plus: Tensor,
    prompt: str,
    settings: OptimizeSettings | None = None,
    blend: Blend | None = None,
    start: Start | None = None,
    draw: Preview | None = None,
) -> Iterator[Progress]:
    """Edit a code by a prompt. Yields a `Progress` per iteration; the last one holds the edited ``w_plus``.

    Args:
        w_plus: ``[1,L,512]``, the code of the face to edit.
        prompt: what the face should look like.
        blend: keeps the unedited face outside a mask; the losses then judge the composed picture (see `edits.local`).
        start: an edit that goes some of the way already; None: that of `guided`.
        draw: of the face to edit, if it is there already; used if it has the settings' resolution.
    Raises:
        EmptyPrompt, BadPrompt, BadSetting.
    """
    settings = settings or OptimizeSettings()
    objective = make_objective(pack, check_prompt(prompt), settings.neutral)
    space, device = pack.space, w_plus.device
    if draw is None or draw.resolution != settings.resolution:
        draw = Preview(pack.generator, w_plus, settings.resolution)
    with torch.no_grad():
        start_image = draw(w_plus)
    before = encode_unedited(pack, start_image)
    target = settings.strength * objective.target_gain(before.embeddings)
    start = start or guided(pack, w_plus, objective, target, settings)
    if settings.strength == 0 or settings.steps == 0:  # at strength 0 Adam would follow rounding errors
        yield Progress(STAGE, 1, 1, w_plus=start.w_plus)
        return
    shared = torch.zeros(1, 1, len(space.deviations), device=device)
    shared.requires_grad_()
    layers = torch.zeros(1, pack.generator.num_layers, len(space.deviations), device=device, requires_grad=True)
    visible = latents.visible_layers(pack.generator, settings.resolution)
    optimizer = torch.optim.Adam([shared, layers], lr=settings.lr, betas=(0.9, 0.95))
    best, steps_since_best, originals = math.inf, 0, {}
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * schedule(step / settings.steps)
        code = start.w_plus + visible * space.step(shared + LAYER_SHARE * layers)
        image = draw(start.latent(pack.generator, code), blend)
        # Compare with the same views of the unedited face, since a view alone changes the embedding.
        seed = (settings.seed * VIEW_SETS + step % VIEW_SETS) % (MAX_SEED + 1)
        if seed not in originals:
            with torch.no_grad():
                originals[seed] = pack.clip.encode_image(jittered(start_image, settings.views, seed))
        embeddings = pack.clip.encode_image(jittered(image, settings.views, seed))
        terms = {
            **prompt_terms(objective, settings, embeddings, originals[seed], target, settings.strength),
            **likeness_terms(pack, settings, image, before),
            "latent": settings.latent * shared.square().mean(),
            "mixing": settings.mixing * layers.square().mean(),
        }
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        result = (start.w_plus + visible * space.step(shared + LAYER_SHARE * layers)).detach()
        values = {name: value.item() for name, value in terms.items()}
        preview = to_preview(image) if preview_due(step + 1, settings.steps) else None
        yield Progress(STAGE, step + 1, settings.steps, preview, values, result)
        with torch.no_grad():
            shortfall = objective.shortfall(embeddings, originals[seed], target).item()
        if shortfall < best - IMPROVEMENT:
            best, steps_since_best = shortfall, 0
        else:
            steps_since_best += 1
        if settings.patience and steps_since_best >= settings.patience:
            return
