"""Train a mapper: the network behind one slider (StyleCLIP, section 5), for any prompt, with any pack.

The mapper begins as the one step that the reference faces suggest for the prompt, the same for everybody. Then it
learns from pictures, with the losses of path A (see `edits.objective`).

    python -m styleclip_core train-mapper "a person with purple hair" --name purple_hair
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from styleclip_core import losses
from styleclip_core.checkpoints.mapper import save_mapper
from styleclip_core.edits import mapper as editing
from styleclip_core.edits.objective import (
    Objective,
    Unedited,
    guide_length,
    likeness_terms,
    make_objective,
    prompt_terms,
    reference_direction,
)
from styleclip_core.edits.schedule import schedule
from styleclip_core.evaluation.reports import save_picture
from styleclip_core.networks.mapper import LEVELS, LR_MUL, LevelsMapper
from styleclip_core.packs import Pack
from styleclip_core.settings import MAX_SEED, OptimizeSettings, Settings, check_choice, check_prompt
from styleclip_core.training.mapper_faces import TrainingFaces, draw_faces, random_codes
from styleclip_core.training.mapper_report import Curve, loss_picture, sample_picture

MANY = 100_000  # of everything that is counted
OFFICIAL_CLIP, OFFICIAL_IDENTITY, OFFICIAL_LATENT = 1.0, 0.1, 0.8  # weights of StyleCLIP's training of mappers


@dataclass(frozen=True)
class MapperSettings(Settings):
    """How to train a mapper.

    Attributes:
        levels: of "course", "medium" and "fine" layers, those that may move.
        steps: Adam steps, of `batch` faces.
        lr: learning rate; StyleCLIP's mappers hold weights of about 100, and want a high one.
        faces: random faces to learn from; `held_out` further ones decide which weights are kept.
        patience: stop after so many evaluations on the held-out faces, one every `every` steps, without improvement.
        clip, directional, identity, likeness, preserve, latent: weights of the losses, by default path A's.
        resolution: px of the pictures.
        seed: of everything.
        losses: "studio" for those above; "official" for StyleCLIP's three with their weights (`official_losses`).
    """

    levels: tuple[str, ...] = tuple(LEVELS)
    steps: int = 160
    batch: int = 2
    lr: float = 0.3
    faces: int = 48
    held_out: int = 8
    every: int = 40
    patience: int = 3
    clip: float = OptimizeSettings.clip
    directional: float = OptimizeSettings.directional
    identity: float = OptimizeSettings.identity
    likeness: float = OptimizeSettings.likeness
    preserve: float = OptimizeSettings.preserve
    latent: float = OptimizeSettings.latent
    resolution: int = 128
    seed: int = 0
    losses: str = "studio"

    RANGES = {
        "steps": (1, MANY),
        "batch": (1, MANY),
        "faces": (2, MANY),
        "held_out": (1, MANY),
        "every": (1, MANY),
        "seed": (0, MAX_SEED),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("losses", self.losses, ("studio", "official"))


def train(
    pack: Pack,
    prompt: str,
    settings: MapperSettings | None = None,
    resume: Path | None = None,
    faces: tuple[TrainingFaces, TrainingFaces] | None = None,
    report: Callable[[int, str], None] = lambda step, text: None,
) -> tuple[LevelsMapper, Curve]:
    """Train a mapper for a prompt.

    Args:
        resume: file to write the state of the training to on its way; if it is there, training goes on from it.
        faces: to learn from and to judge by, if `both_sets` made them already.
        report: is told after each step how many were taken, and how it goes.
    Returns:
        the weights that did best on the held-out faces, and the losses on the way.

    Raises:
        EmptyPrompt, BadPrompt.
    """
    settings, prompt = settings or MapperSettings(), check_prompt(prompt)
    torch.manual_seed(settings.seed)
    objective = make_objective(pack, prompt)
    learned, held_out = faces or both_sets(pack, settings)
    opts = {"description": prompt, **vars(settings), "levels": list(settings.levels)}
    opts[editing.VISIBLE_LAYERS] = pack.generator.visible_layers(settings.resolution)
    mapper = LevelsMapper(settings.levels, opts).to(pack.device)
    state = _State(mapper, settings)
    if resume is not None and resume.exists():
        state.load(resume, pack.device)
    else:
        start_from_reference(pack, objective, mapper)
        state.keep(0, held_out_loss(pack, objective, mapper, held_out, settings))
    for step in range(state.step, settings.steps):
        state.optimizer.param_groups[0]["lr"] = settings.lr * schedule(step / settings.steps)
        rows = state.random.choice(settings.faces, settings.batch, replace=False).tolist()
        terms = picture_losses(pack, objective, editing.apply(mapper, learned.codes[rows]), learned, rows, settings)
        state.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        state.optimizer.step()
        state.curve.training.append({name: value.item() for name, value in terms.items()})
        report(step + 1, f"held-out loss {state.curve.held_out[-1][1]:.3f}")
        if (step + 1) % settings.every == 0 or step + 1 == settings.steps:
            state.keep(step + 1, held_out_loss(pack, objective, mapper, held_out, settings))
            if resume is not None:
                state.save(resume)
            if state.evaluations_since_best >= settings.patience:
                break
    mapper.load_state_dict(state.best)
    return mapper.eval().requires_grad_(False), state.curve


class _State:
    """Everything of a training that goes on: the mapper, its optimizer, the best weights and the random numbers."""

    def __init__(self, mapper: LevelsMapper, settings: MapperSettings):
        self.mapper, self.step, self.curve = mapper, 0, Curve()
        self.optimizer = torch.optim.Adam(mapper.parameters(), lr=settings.lr)
        self.random = np.random.default_rng(settings.seed)
        self.best = copy.deepcopy(mapper.state_dict())

    def keep(self, step: int, held_out: float) -> None:
        """Note the held-out loss after ``step`` steps, and the weights if they are the best so far."""
        if all(held_out < value for _, value in self.curve.held_out):
            self.best = copy.deepcopy(self.mapper.state_dict())
        self.step = step
        self.curve.held_out.append((step, held_out))

    @property
    def evaluations_since_best(self) -> int:
        values = [value for _, value in self.curve.held_out]
        return len(values) - 1 - int(np.argmin(values))

    def save(self, path: Path) -> None:
        content = {
            "mapper": self.mapper.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "step": self.step,
            "training": self.curve.training,
            "held_out": self.curve.held_out,
            "random": self.random.bit_generator.state,
        }
        torch.save(content, path)

    def load(self, path: Path, device: torch.device) -> None:
        content = torch.load(path, weights_only=True, map_location=device)
        self.mapper.load_state_dict(content["mapper"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.best, self.step = content["best"], content["step"]
        self.curve = Curve(content["training"], content["held_out"])
        self.random.bit_generator.state = content["random"]


def both_sets(pack: Pack, settings: MapperSettings) -> tuple[TrainingFaces, TrainingFaces]:
    """The faces to learn from and the held-out ones."""
    codes = random_codes(pack, settings.faces + settings.held_out, np.random.default_rng(settings.seed))
    learned, held_out = codes.split([settings.faces, settings.held_out])
    return draw_faces(pack, learned, settings.resolution), draw_faces(pack, held_out, settings.resolution)


@torch.no_grad()
def start_from_reference(pack: Pack, objective: Objective, mapper: LevelsMapper) -> None:
    """Make a new mapper's step, for every face, the reference faces' mean one: by the biases of its last layers."""
    step = torch.zeros(512, device=pack.device)
    if pack.reference_faces.can_regress:
        direction, rise = reference_direction(pack, objective)
        gains = objective.target_gain(pack.reference_faces.embeddings)
        step = pack.space.step(guide_length(gains, rise, OptimizeSettings.guide).mean() * direction)
    output = step / editing.SHARE / 2**0.5  # what the last leaky ReLU is to return
    for level in mapper.levels:
        last = getattr(mapper, f"{level}_mapping").mapping[-1]
        last.bias.copy_(torch.where(output < 0, output / 0.2, output) / LR_MUL)
        last.weight.mul_(0.02)


@torch.no_grad()
def held_out_loss(
    pack: Pack, objective: Objective, mapper: LevelsMapper, faces: TrainingFaces, settings: MapperSettings
) -> float:
    """The mean total loss on faces that are not learned from."""
    edited = editing.apply(mapper, faces.codes).split(1)
    terms = [picture_losses(pack, objective, code, faces, [row], settings) for row, code in enumerate(edited)]
    return float(np.mean([sum(term.item() for term in one.values()) for one in terms]))


def picture_losses(
    pack: Pack, objective: Objective, edited: Tensor, faces: TrainingFaces, rows: list[int], settings: MapperSettings
) -> dict[str, Tensor]:
    """The losses of path A at strength 1, averaged over faces ``rows``, of which ``edited [N,L,512]`` are the edits."""
    images, before = faces.draw(edited, rows), faces.unedited.rows(rows)
    if settings.losses == "official":
        return official_losses(pack, objective.text, images, before, edited - faces.codes[rows])
    target = objective.target_gain(before.embeddings)
    steps = pack.space.whiten(edited) - pack.space.whiten(faces.codes[rows])
    return {
        **prompt_terms(objective, settings, pack.clip.encode_image(images), before.embeddings, target),
        **likeness_terms(pack, settings, images, before),
        "latent": settings.latent * steps.square().mean(),
    }


def official_losses(pack: Pack, text: Tensor, images: Tensor, before: Unedited, steps: Tensor) -> dict[str, Tensor]:
    """The losses that StyleCLIP trains its mappers by, with its weights.

    Args:
        text: embedding of the prompt, ``[1,D]``.
        images: the edited faces ``[N,3,H,W]``; before: the unedited ones; steps: in W+, ``[N,L,512]``.
    """
    embed = pack.styleclip_embed or pack.clip.encode_image
    terms = {
        "clip": OFFICIAL_CLIP * (1 - embed(images) @ text.T).mean(),
        "latent": OFFICIAL_LATENT * steps.square().mean(),
    }
    if pack.identity is not None and before.identities is not None:
        terms["identity"] = OFFICIAL_IDENTITY * losses.identity(pack.identity(images), before.identities)
    return terms


def run(pack: Pack, prompt: str, path: Path, settings: MapperSettings | None = None, **opts: Any) -> None:
    """Train, with a bar, and write ``path`` (as StyleCLIP's mappers), and beside it its losses and samples."""
    from tqdm import tqdm

    settings, resume = settings or MapperSettings(), path.with_suffix(".resume.pt")
    with tqdm(total=settings.steps, unit="step", dynamic_ncols=True) as bar:

        def report(step: int, text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update(step - bar.n)

        mapper, curve = train(pack, prompt, settings, resume, report=report)
    save_mapper(mapper, path, **opts)
    save_picture(loss_picture(curve), path.with_suffix(".losses.png"))
    save_picture(sample_picture(pack, mapper), path.with_suffix(".samples.jpg"), quality=90)
    resume.unlink(missing_ok=True)
