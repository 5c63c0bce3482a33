"""Train how edits carry a photo's residual along, on pairs with exact targets.

Scenes are composed twice, onto a synthetic face and onto the same face moved by a slider; the first is inverted, moved
by the same slider, and what is drawn with the carried residual is compared with the second.

    python -m styleclip_core train-carrier FACES_DIR
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.edits import ganspace, interfacegan, sliders
from styleclip_core.edits.invert import plain_features
from styleclip_core.errors import UnsupportedByPack
from styleclip_core.networks.carrier import ResidualCarrier, faded
from styleclip_core.networks.inverter import Inverter
from styleclip_core.packs import Pack, load_pack
from styleclip_core.packs.base import CARRIER
from styleclip_core.settings import InvertSettings
from styleclip_core.training.augment import photo_like
from styleclip_core.training.common import (
    HELD_OUT,
    Resumable,
    growing_decay,
    save_trained,
    trained_file,
    update_running_mean,
)
from styleclip_core.training.inverter import Faces, Reconstruction, chain, draw_by, fitted_heads, load_faces
from styleclip_core.training.scenes import Scenes

EDITS = 6  # of each inverted scene
STRENGTHS = 0.5, 1.6  # of sliders, in either direction where they have two

Carry = Callable[[Tensor, Tensor, Tensor], Tensor]  # residual, features, edited features -> residual


@dataclass(frozen=True, eq=False)
class Scene:
    """An inverted scene and an edit of it.

    Attributes:
        draw: the picture ``[1,3,S,S]`` of a residual ``[1,C,R,R]`` on the edited code.
        residual, features: of the inversion ``[1,C,R,R]``. edited: features of the edited code.
        truth: the edited face with the same things in it, ``[1,3,S,S]``.
    """

    draw: Callable[[Tensor], Tensor]
    residual: Tensor
    features: Tensor
    edited: Tensor
    truth: Tensor


def moves(pack: Pack) -> list[str]:
    """The sliders that move codes in W+."""
    keys = [f"mapper:{name}" for name in pack.mappers] + [f"boundary:{name}" for name in interfacegan.names(pack)]
    return keys + [f"component:{named.name}" for named in ganspace.NAMED]


def scenes(pack: Pack, faces: Faces, inverter: Inverter, rows: np.ndarray, random: torch.Generator) -> list[Scene]:
    """Invert scenes of some faces and edit each in `EDITS` ways."""
    size, w_plus = max(inverter.picture_sizes), faces.w_plus[rows].to(pack.device)
    stored = (faces.images[rows].float() / 127.5 - 1).to(pack.device)
    heads = fitted_heads(pack.generator, w_plus, F.interpolate(stored, (size, size), mode="area"))
    seed, keys = int(torch.randint(2**31, (1,), generator=random)), moves(pack)

    @torch.no_grad()
    def scene_of(codes: Tensor) -> Tensor:
        """Pictures of codes with the same things in them in every call, spoilt in the same way."""
        numbers, pictures = torch.Generator().manual_seed(seed), draw_by(pack.generator, heads, codes, size)
        whole = Scenes(numbers).compose(pictures.clamp(-1, 1).cpu(), stored.roll(1, 0).cpu())
        return photo_like(((whole + 1) * 127.5).round().byte(), size, numbers).to(pack.device)

    batch = Reconstruction(pack, scene_of(w_plus), w_plus, stored, inverter)
    _, code, residual = chain(inverter, batch, InvertSettings(), None)
    residual = batch.scale * residual
    inverted = batch.start + pack.space.step(batch.padded(code))
    compared, made = min(inverter.picture_sizes), []
    with torch.no_grad():
        features = plain_features(pack.generator, inverted)
        for _ in range(EDITS):
            step = torch.cat([random_step(pack, w[None], keys, random) for w in w_plus])
            truth = F.interpolate(scene_of(w_plus + step), (compared, compared), mode="area")
            edited = plain_features(pack.generator, inverted + step)
            for i, head in enumerate(batch.sizes[compared].heads):
                one = slice(i, i + 1)
                draw = functools.partial(draw_by, pack.generator, [head], (inverted + step)[one], compared)
                made.append(Scene(draw, residual[one], features[one], edited[one], truth[one]))
    return made


def random_step(pack: Pack, w_plus: Tensor, keys: list[str], random: torch.Generator) -> Tensor:
    """A random slider's move of a code ``[1,L,512]``."""
    key = keys[int(torch.randint(len(keys), (1,), generator=random))]
    low, high = STRENGTHS
    strength = low + (high - low) * float(torch.rand(1, generator=random))
    if not key.startswith("mapper:") and torch.rand(1, generator=random) < 0.5:
        strength = -strength
    return sliders.move(pack, w_plus, {key: strength})[0] - w_plus


def distance(pack: Pack, scene: Scene, carry: Carry) -> Tensor:
    """How far what is drawn with the carried residual is from the truth."""
    picture = scene.draw(carry(scene.residual, scene.features, scene.edited))
    taps, target = (losses.normalized_taps(pack.perceptual, x) for x in (picture, scene.truth))
    weight = losses.face_weight(picture.shape[-1], picture.device)
    return losses.perceptual(taps, target, weight) + 0.6 * losses.pixels(picture, scene.truth, weight)


def train(
    pack: Pack,
    faces: Faces,
    inverter: Inverter,
    rounds: int = 100,
    batch: int = 4,
    seed: int = 0,
    state: Path | None = None,
    log=print,
) -> ResidualCarrier:
    """Train for ``rounds``, each of ``batch`` scenes in `EDITS` edits. Returns the running mean of the weights.

    Args:
        state: file from which an interrupted training goes on, and to which it is written.
    """
    torch.manual_seed(seed)
    carrier = new_carrier(pack).to(pack.device)
    average = copy.deepcopy(carrier).eval()
    optimizer = torch.optim.AdamW(carrier.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, rounds * EDITS, pct_start=0.1)
    kept = Resumable(state, carrier, average, optimizer, schedule)
    count, start = len(faces.images) - HELD_OUT, time.time()
    recent: list[float] = []
    for number in range(kept.done, rounds):
        random = torch.Generator().manual_seed(seed * 1_000_003 + number)  # an interrupted run goes on as it would have
        rows = torch.randint(count, (batch,), generator=random).numpy()
        made = scenes(pack, faces, inverter, rows, random)
        for i in range(0, len(made), batch):
            total = 0.0
            for scene in made[i : i + batch]:
                loss = distance(pack, scene, carrier) / batch
                loss.backward()
                total += loss.item()
            recent.append(total)
            torch.nn.utils.clip_grad_norm_(carrier.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            update_running_mean(average, carrier, growing_decay(number * EDITS + i // batch, 0.98))
        if number % 5 == 4:
            log(f"round {number + 1}/{rounds}, {time.time() - start:.0f} s: {np.mean(recent):.3f}")
            recent.clear()
        kept.after(number + 1, number + 1 == rounds)
    return average


@torch.no_grad()
def report(carrier: ResidualCarrier, pack: Pack, faces: Faces, inverter: Inverter) -> str:
    """Distances on held-out faces: with the residual left as it is, without it, by the hand-made rule, carried."""
    random = torch.Generator().manual_seed(1)
    ways: dict[str, Carry] = {
        "as it is": lambda residual, features, edited: residual,
        "without it": lambda residual, features, edited: torch.zeros_like(residual),
        "by the rule": faded,
        "carried": carrier,
    }
    sums = dict.fromkeys(ways, 0.0)
    count = 0
    for rows in np.arange(len(faces.images) - 24, len(faces.images)).reshape(-1, 4):
        with torch.enable_grad():
            made = scenes(pack, faces, inverter, rows, random)
        for scene in made:
            for name, carry in ways.items():
                sums[name] += distance(pack, scene, carry).item()
            count += 1
    figures = ", ".join(f"{name} {value / count:.3f}" for name, value in sums.items())
    return f"distance of edited held-out scenes to the truth, the residual {figures}"


def new_carrier(pack: Pack) -> ResidualCarrier:
    """An untrained carrier that fits a pack's generator."""
    return ResidualCarrier(plain_features(pack.generator, pack.space.mean[None]).shape[1])


def run(
    folder: Path, name: str = "compact", rounds: int = 100, batch: int = 4, seed: int = 0, state: Path | None = None
) -> Path:
    """Train how a pack's edits carry residuals, evaluate it on held-out faces and write it to `trained_file`.

    Raises:
        UnsupportedByPack: the pack's learned steps of inversion have to be trained first.
    """
    pack = load_pack(name)
    if pack.inverter is None:
        raise UnsupportedByPack(f"The pack {name} has no learned steps of inversion yet: train-inverter comes first.")
    faces = load_faces(folder, pack.generator)
    carrier = train(pack, faces, pack.inverter, rounds, batch, seed, state)
    file = trained_file(pack, CARRIER)
    save_trained(carrier.state_dict(), file)
    print(report(carrier, pack, faces, pack.inverter))
    return file
