"""Train the mapper for any prompt (networks/text_mapper.py) on thousands of prompts.

First on codes alone: for every prompt the gallery knows a direction, and for every face how far along it the prompt
asks to go. Then on pictures, with the losses of path A, a random prompt each step.

    python -m styleclip_core train-text-mapper
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from styleclip_core import packs, weights
from styleclip_core.edits.optimize import MAX_GUIDE, Objective, make_objective, reference_direction
from styleclip_core.edits.progress import schedule
from styleclip_core.networks.text_mapper import BANDS, TextMapper
from styleclip_core.training import captions
from styleclip_core.training.mapper import MapperSettings, both_sets, picture_losses

FILE = "text_mapper.safetensors"


@dataclass
class Prompts:
    """What the gallery says of P prompts: ``texts [P,D]``, ``directions [P,K]``, each of its faces' way ``[P,M]``."""

    texts: Tensor
    directions: Tensor
    lengths: Tensor
    objectives: list[Objective]


@torch.no_grad()
def prompts_of(pack: packs.Pack, count: int, seed: int) -> Prompts:
    """Random captions, each asked of the gallery."""
    objectives = [
        make_objective(pack, caption.text, "a face") for caption in captions.compose(np.random.default_rng(seed), count)
    ]
    directions, lengths = [], []
    for objective in objectives:
        direction, rise = reference_direction(pack, objective)
        wanted = objective.target_gain(pack.reference_faces.embeddings)
        directions.append(direction)
        lengths.append((0.85 * wanted / rise.clamp(min=0.05)).clamp(0, MAX_GUIDE))
    texts = torch.cat([objective.text for objective in objectives])
    return Prompts(texts, torch.stack(directions), torch.stack(lengths), objectives)


def train(
    pack: packs.Pack,
    prompts: int = 3000,
    warm_steps: int = 3000,
    steps: int = 400,
    seed: int = 0,
    log: Callable = print,
) -> TextMapper:
    """Train on captions of the phrase book; the running mean of the weights is returned."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    known = prompts_of(pack, prompts, seed)
    codes = pack.space.whiten(pack.reference_faces.w)
    mapper = TextMapper(codes.shape[1], known.texts.shape[1]).to(pack.device)
    optimizer = torch.optim.AdamW(mapper.parameters(), lr=1e-3, weight_decay=0.02)
    start = time.time()
    for step in range(warm_steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * schedule(step / warm_steps)
        which = torch.from_numpy(rng.integers(0, prompts, 256))
        faces = torch.from_numpy(rng.integers(0, len(codes), 256))
        wanted = known.directions[which] * known.lengths[which, faces, None]
        noisy = known.texts[which] + 0.02 * torch.randn(256, known.texts.shape[1])
        loss = (mapper(codes[faces, None].expand(-1, BANDS[-1], -1), noisy) - wanted[:, None]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            log(f"codes, step {step}/{warm_steps}, {time.time() - start:.0f} s: {loss.item():.4f}")
    settings = MapperSettings(seed=seed)
    seen, _ = both_sets(pack, settings)
    average, losses = copy.deepcopy(mapper), []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-4 * schedule(step / steps)
        objective = known.objectives[rng.integers(prompts)]
        rows = rng.choice(settings.faces, settings.batch, replace=False).tolist()
        whitened = pack.space.whiten(seen.codes[rows])
        edited = seen.codes[rows] + pack.space.step(mapper(whitened, objective.text))
        loss = sum(picture_losses(pack, objective, edited, seen, rows, settings).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for kept, now in zip(average.parameters(), mapper.parameters(), strict=True):
                kept.lerp_(now, 0.02)
        losses.append(loss.item())
        if (step + 1) % 50 == 0:
            log(f"pictures, step {step + 1}/{steps}, {time.time() - start:.0f} s: {np.mean(losses[-50:]):.4f}")
    return average.eval().requires_grad_(False)


def run(prompts: int = 3000, steps: int = 400, seed: int = 0) -> None:
    """Train for the compact pack and write ``pretrained/text_mapper.safetensors``."""
    mapper = train(packs.load_pack("compact"), prompts, steps=steps, seed=seed)
    path = weights.PRETRAINED / FILE
    save_file({name: value.half().contiguous() for name, value in mapper.state_dict().items()}, path)
    path.chmod(0o644)
    weights.record_bundled(path)
