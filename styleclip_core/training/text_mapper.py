"""Train the mapper for any prompt (`networks.text_mapper`) on thousands of prompts.

First on codes alone: for every prompt the reference faces know a direction, and for every face how far along it the
prompt asks to go. Then on pictures, with the losses of path A, a random prompt each step.

    python -m styleclip_core train-text-mapper
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from styleclip_core import weights
from styleclip_core.edits import text
from styleclip_core.edits.objective import Objective, guide_length, make_objective, reference_direction
from styleclip_core.edits.schedule import schedule
from styleclip_core.networks.text_mapper import TRAINING_SIZE, TextMapper
from styleclip_core.packs import Pack, load_pack
from styleclip_core.packs.compact import TEXT_MAPPER
from styleclip_core.settings import OptimizeSettings
from styleclip_core.training import captions
from styleclip_core.training.common import save_trained, update_running_mean
from styleclip_core.training.mapper import MapperSettings, both_sets, picture_losses

BATCH = 256  # pairs of a prompt and a face in the first stage
TEXT_NOISE = 0.02  # added to the texts' embeddings, so that other wordings of a prompt mean the same


@dataclass(frozen=True, eq=False)
class Prompts:
    """P prompts and what the reference faces say of them.

    Attributes:
        texts: their embeddings ``[P,D]``.
        directions: where they point in whitened W, unit vectors ``[P,K]``.
        lengths: how far along it each of the M reference faces should go, ``[P,M]``.
        objectives: for the losses.
    """

    texts: Tensor
    directions: Tensor
    lengths: Tensor
    objectives: list[Objective]


@torch.no_grad()
def random_prompts(pack: Pack, count: int, seed: int) -> Prompts:
    """Random captions, each asked of the reference faces."""
    chosen = captions.compose(np.random.default_rng(seed), count)
    objectives = [make_objective(pack, caption.text) for caption in chosen]
    directions, lengths = [], []
    for objective in objectives:
        direction, rise = reference_direction(pack, objective)
        gains = objective.target_gain(pack.reference_faces.embeddings)
        directions.append(direction)
        lengths.append(guide_length(gains, rise, OptimizeSettings.guide))
    texts = torch.cat([objective.text for objective in objectives])
    return Prompts(texts, torch.stack(directions), torch.stack(lengths), objectives)


def train(
    pack: Pack,
    prompts: int = 3000,
    code_steps: int = 3000,
    picture_steps: int = 400,
    seed: int = 0,
    log: Callable[[str], None] = print,
) -> TextMapper:
    """Train on captions of the phrase book; the running mean of the weights is returned.

    Args:
        prompts: captions drawn.
        code_steps: of the first stage, on codes.
        picture_steps: of the second, on pictures.
    """
    torch.manual_seed(seed)
    rng, start = np.random.default_rng(seed), time.time()
    known = random_prompts(pack, prompts, seed)
    mapper = TextMapper(len(pack.space.deviations), known.texts.shape[1]).to(pack.device)
    optimizer = torch.optim.AdamW(mapper.parameters(), lr=1e-3, weight_decay=0.02)
    codes, layers = pack.space.whiten(pack.reference_faces.w), pack.generator.visible_layers(TRAINING_SIZE)
    for step in range(code_steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * schedule(step / code_steps)
        which = torch.from_numpy(rng.integers(0, prompts, BATCH))
        faces = torch.from_numpy(rng.integers(0, len(codes), BATCH))
        target = known.directions[which] * known.lengths[which, faces, None]
        noisy = known.texts[which] + TEXT_NOISE * torch.randn(BATCH, known.texts.shape[1])
        loss = (mapper(codes[faces, None].expand(-1, layers, -1), noisy) - target[:, None]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            log(f"codes, step {step}/{code_steps}, {time.time() - start:.0f} s: {loss.item():.4f}")
    settings = MapperSettings(seed=seed, resolution=TRAINING_SIZE)
    learned, _ = both_sets(pack, settings)
    average, losses = copy.deepcopy(mapper), []
    for step in range(picture_steps):
        optimizer.param_groups[0]["lr"] = 2e-4 * schedule(step / picture_steps)
        objective = known.objectives[rng.integers(prompts)]
        rows = rng.choice(settings.faces, settings.batch, replace=False).tolist()
        before = learned.codes[rows]
        edited = before + text.step_towards(pack, mapper, before, objective.text)
        terms = picture_losses(pack, objective, edited, learned, rows, settings)
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update_running_mean(average, mapper, decay=0.98)
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            log(f"pictures, step {step + 1}/{picture_steps}, {time.time() - start:.0f} s: {np.mean(losses[-50:]):.4f}")
    return average.eval().requires_grad_(False)


def run(prompts: int = 3000, picture_steps: int = 400, seed: int = 0) -> None:
    """Train for the compact pack and write its file in pretrained/."""
    mapper = train(load_pack("compact"), prompts, picture_steps=picture_steps, seed=seed)
    save_trained(mapper.state_dict(), weights.PRETRAINED / TEXT_MAPPER)
