"""Train a mapper: the network behind one slider (StyleCLIP, section 5), for any prompt, with any pack.

The mapper begins as the one step that the gallery suggests for the prompt, the same for everybody. Then it learns from
pictures, with the losses of path A (see `edits.optimize`): a hinge on the similarity, the direction of the
change, identity, likeness, what the prompt did not name, and the length of the step.

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
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.checkpoints.mapper import save_mapper
from styleclip_core.edits import mapper as editing
from styleclip_core.edits.optimize import MAX_GUIDE, Objective, OptimizeSettings, make_objective, reference_direction
from styleclip_core.edits.progress import check_finite, check_prompt, check_range, schedule
from styleclip_core.networks.mapper import LEVELS, LR_MUL, LevelsMapper
from styleclip_core.packs import Pack
from styleclip_core.rendering import Preview
from styleclip_core.training.mapper_report import Curve, loss_picture, sample_picture

STYLE_MIX = 0.3  # share of training codes in which one layer range is another face's, as inverted photos' codes differ


@dataclass(frozen=True)
class MapperSettings:
    """How to train a mapper.

    Attributes:
        levels: of "course", "medium" and "fine" layers, those that may move.
        steps: Adam steps, of `batch` faces.
        lr: learning rate; StyleCLIP's mappers hold weights of about 100, and want a high one.
        faces: random faces to learn from; `held_out` further ones decide which weights are kept.
        patience: stop after so many looks at the held-out faces, one every `every` steps, without improvement.
        clip, directional, identity, likeness, preserve, latent: weights of the losses, by default path A's.
        seed: of everything.
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


@dataclass
class Seen:
    """Faces to learn from: codes ``[M,L,512]``, previews, and what the pack's networks say of them unedited."""

    codes: Tensor
    looks: list[Preview]
    embeddings: Tensor
    identities: Tensor | None
    taps: list[list[Tensor]]


@torch.no_grad()
def begin(pack: Pack, objective: Objective, mapper: LevelsMapper) -> None:
    """Make a new mapper's step, for every face, the one that the gallery suggests on average: by the last biases."""
    step = torch.zeros(512, device=pack.device)
    if len(pack.reference_faces.w) >= 1000:
        towards, rise = reference_direction(pack, objective)
        lengths = (0.85 * objective.target_gain(pack.reference_faces.embeddings) / rise.clamp(min=0.05)).clamp(
            0, MAX_GUIDE
        )
        step = pack.space.step(lengths.mean() * towards)
    wanted = step / editing.SHARE / 2**0.5  # what the last leaky ReLU is to return
    for level in mapper.levels:
        last = getattr(mapper, f"{level}_mapping").mapping[-1]
        last.bias.copy_(torch.where(wanted < 0, wanted / 0.2, wanted) / LR_MUL)
        last.weight.mul_(0.02)


def train(
    pack: Pack,
    prompt: str,
    settings: MapperSettings | None = None,
    resume: Path | None = None,
    faces: tuple[Seen, Seen] | None = None,
    tell: Callable[[int, str], None] = lambda step, text: None,
) -> tuple[LevelsMapper, Curve]:
    """Train a mapper for a prompt; on its way it writes to ``resume``, from where a stopped run goes on.

    Args:
        faces: to learn from and to judge by, if `both_sets` made them already.
        tell: is told after each step how many were taken, and how it goes.
    Returns:
        the weights that did best on the held-out faces, and the losses on the way.

    Raises:
        EmptyPrompt, BadPrompt, BadSetting.
    """
    settings, prompt = _checked(settings or MapperSettings()), check_prompt(prompt)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    objective = make_objective(pack, prompt, f"a {pack.domain}")
    seen, held_out = faces or both_sets(pack, settings)
    opts = {"description": prompt, **vars(settings), "levels": list(settings.levels)}
    opts[editing.SEEN] = pack.generator.visible_layers(settings.resolution)
    mapper = LevelsMapper(settings.levels, opts).to(pack.device)
    optimizer, curve = torch.optim.Adam(mapper.parameters(), lr=settings.lr), Curve()
    first = 0
    if resume is not None and resume.exists():
        state = torch.load(resume, weights_only=True, map_location=pack.device)
        mapper.load_state_dict(state["mapper"])
        optimizer.load_state_dict(state["optimizer"])
        first, curve.training, curve.held_out = state["step"], state["training"], state["held_out"]
        rng.bit_generator.state = state["random"]
        best = state["best"]
    else:
        begin(pack, objective, mapper)
        best = copy.deepcopy(mapper.state_dict())
        curve.held_out.append((0, _judge(pack, objective, mapper, held_out, settings)))
    for step in range(first, settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * schedule(step / settings.steps)
        rows = rng.choice(settings.faces, settings.batch, replace=False).tolist()
        terms = picture_losses(pack, objective, editing.apply(mapper, seen.codes[rows]), seen, rows, settings)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        curve.training.append({name: value.item() for name, value in terms.items()})
        tell(step + 1, f"held-out loss {curve.held_out[-1][1]:.3f}")
        if (step + 1) % settings.every == 0 or step + 1 == settings.steps:
            judged = _judge(pack, objective, mapper, held_out, settings)
            if judged < min(value for _, value in curve.held_out):
                best = copy.deepcopy(mapper.state_dict())
            curve.held_out.append((step + 1, judged))
            if resume is not None:
                torch.save(
                    {
                        "mapper": mapper.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "best": best,
                        "step": step + 1,
                        "training": curve.training,
                        "held_out": curve.held_out,
                        "random": rng.bit_generator.state,
                    },
                    resume,
                )
            values = [value for _, value in curve.held_out]
            if len(values) - 1 - int(np.argmin(values)) >= settings.patience:
                break
    mapper.load_state_dict(best)
    return mapper.eval().requires_grad_(False), curve


@torch.no_grad()
def _judge(pack: Pack, objective: Objective, mapper: LevelsMapper, seen: Seen, settings: MapperSettings) -> float:
    """The total loss on faces that are not learned from."""
    edited = editing.apply(mapper, seen.codes).split(1)
    terms = [picture_losses(pack, objective, code, seen, [row], settings) for row, code in enumerate(edited)]
    return float(np.mean([sum(losses_of.values()).item() for losses_of in terms]))


def _checked(settings: MapperSettings) -> MapperSettings:
    check_finite(settings)
    for name, low in (("steps", 1), ("batch", 1), ("faces", 2), ("held_out", 1), ("every", 1)):
        check_range(name, getattr(settings, name), low, 100_000)
    return settings


@torch.no_grad()
def random_codes(pack: Pack, count: int, generator: np.random.Generator) -> Tensor:
    """W+ codes ``[count,L,512]`` of random faces of varied truncation, some of them mixed."""
    z = torch.from_numpy(generator.standard_normal((2 * count, 512)).astype(np.float32)).to(pack.device)
    psi = torch.from_numpy(generator.uniform(0.5, 0.85, (2 * count, 1)).astype(np.float32)).to(pack.device)
    w = torch.lerp(pack.generator.w_avg, pack.generator.map(z), psi)
    layers = torch.arange(pack.generator.num_layers, device=pack.device)
    crossing = torch.from_numpy(generator.integers(2, 12, (count, 1))).to(pack.device)
    mixed = torch.from_numpy(generator.random((count, 1)) < STYLE_MIX).to(pack.device)
    other = (layers[None] >= crossing) & mixed
    return torch.where(other[..., None], w[count:, None], w[:count, None])


def both_sets(pack: Pack, settings: MapperSettings) -> tuple[Seen, Seen]:
    """The faces to learn from and the held-out ones."""
    codes = random_codes(pack, settings.faces + settings.held_out, np.random.default_rng(settings.seed))
    learned, held_out = codes.split([settings.faces, settings.held_out])
    return see(pack, learned, settings.resolution), see(pack, held_out, settings.resolution)


@torch.no_grad()
def see(pack: Pack, codes: Tensor, resolution: int) -> Seen:
    """Draw the faces of codes and note what the losses compare edits with."""
    looks, taps, embeddings, identities = [], [], [], []
    for code in codes.split(1):
        look = Preview(pack.generator, code, resolution)
        picture = look(code)
        looks.append(look)
        taps.append(losses.normalized_taps(pack.perceptual, picture))
        embeddings.append(pack.clip.encode_image(picture))
        identities.append(pack.identity(picture) if pack.identity else None)
    return Seen(codes, looks, torch.cat(embeddings), torch.cat(identities) if pack.identity else None, taps)


def picture_losses(
    pack: Pack, objective: Objective, edited: Tensor, seen: Seen, rows: list[int], settings: MapperSettings
) -> dict[str, Tensor]:
    """The losses of path A at strength 1, averaged over faces ``rows``, of which ``edited [N,L,512]`` are the edits."""
    codes, starts = seen.codes[rows], seen.embeddings[rows]
    pictures = torch.cat([seen.looks[row](code) for row, code in zip(rows, edited.split(1), strict=True)])
    embeddings = pack.clip.encode_image(pictures)
    short = F.relu(objective.target_gain(starts) - (objective.score(embeddings) - objective.score(starts)))
    drift = F.relu(objective.drift(embeddings, starts).abs() - 0.15).square()
    taps = losses.normalized_taps(pack.perceptual, pictures)
    start_taps = [torch.cat(depth) for depth in zip(*(seen.taps[row] for row in rows), strict=True)]
    steps = pack.space.whiten(edited) - pack.space.whiten(codes)
    terms = {
        "clip": settings.clip * short.mean(),
        "directional": settings.directional * losses.directional(embeddings, starts, objective.direction),
        "likeness": settings.likeness * losses.perceptual(taps, start_taps),
        "preserve": settings.preserve * (drift * objective.anchor_weights).mean(),
        "latent": settings.latent * steps.square().mean(),
    }
    if seen.identities is not None:
        same = (pack.identity(pictures) * seen.identities[rows]).sum(1)
        terms["identity"] = settings.identity * (1 - same).mean()
    return terms


def run(pack: Pack, prompt: str, path: Path, settings: MapperSettings | None = None, **opts: Any) -> None:
    """Train, with a bar, and write ``path`` (as StyleCLIP's mappers), and beside it its losses and samples."""
    from tqdm import tqdm

    settings, resume = settings or MapperSettings(), path.with_suffix(".resume.pt")
    with tqdm(total=settings.steps, unit="step", dynamic_ncols=True) as bar:

        def tell(step: int, text: str) -> None:
            bar.set_postfix_str(text, refresh=False)
            bar.update(step - bar.n)

        mapper, curve = train(pack, prompt, settings, resume, tell=tell)
    save_mapper(mapper, path, **opts)
    loss_picture(curve).save(path.with_suffix(".losses.png"))
    sample_picture(pack, mapper).save(path.with_suffix(".samples.jpg"), quality=90)
    resume.unlink(missing_ok=True)
