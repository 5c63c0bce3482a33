"""A prompt's edit without optimisation: the sum of sliders whose measured effects come nearest to what is asked for.

What a unit of each slider does to each concept was measured once on random faces (`training/effects.py`). A small
non-negative least-squares problem then finds the slider strengths: wanted changes are reached, all others held at zero,
so that "old" brings no glasses. The result is a dict of sliders as `edits.sliders.move` takes it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

from styleclip_core import weights

FILE = "directions/effects.safetensors"
WANTED = 2.6  # deviations over random faces by which a concept changes at 1: from usual to plainly there
HOLD = 0.6  # weight of the squared change of concepts that were not asked for
SPARSE = 0.5  # price of a slider at the strength that it was measured at
# Largest strength in units of that, by slider or kind of slider: beyond, pictures show artefacts.
MAX_UNITS = {"style": 0.9, "style:a bald person": 1.4}
MAX_OTHERS = 1.6
ROUNDS = 100
MOST = 7  # sliders in one step: more of them fit the noise of the measured effects

# How much it matters that a concept stays as it is, where that is not 1: what people notice first, and what is hardly
# seen, outside the face, or measured badly.
HOLDS = {
    **dict.fromkeys(("male", "old", "pale skin", "eyeglasses", "red hair"), 2.0),
    **dict.fromkeys(("turned left", "turned right", "looking up", "looking down"), 0.7),
    **dict.fromkeys(("dark background", "bright lighting", "necktie", "necklace", "earrings", "rosy cheeks"), 0.15),
    **dict.fromkeys(("narrow face", "big nose", "pouting", "squinting", "double chin", "high cheekbones"), 0.5),
    **dict.fromkeys(("bags under eyes", "goatee", "stubble", "sideburns", "teeth", "receding hairline"), 0.5),
}
_DARKER = ("black hair", "brown hair", "grey hair", "bright lighting", "bushy eyebrows")
_BEARDS = ("beard", "moustache", "goatee", "stubble", "sideburns")
_HAIR_AMOUNTS = ("bald", "voluminous hair", "receding hairline", "long hair", "bangs")
# What naturally changes with a concept, and so is hardly held still when that is asked for.
FREE = 0.1  # share of the weight that is left to it
COMPANIONS: dict[str, tuple[str, ...]] = {
    "blond hair": _DARKER,
    "black hair": ("blond hair", "brown hair", "red hair", "bright lighting", "bushy eyebrows", "grey hair"),
    "brown hair": ("blond hair", "black hair", "grey hair"),
    "grey hair": ("black hair", "brown hair", "red hair", "bright lighting", "bushy eyebrows"),
    "red hair": ("black hair", "brown hair", "grey hair", "bushy eyebrows"),
    **{name: (*_BEARDS, "male") for name in _BEARDS},
    **{name: _HAIR_AMOUNTS for name in _HAIR_AMOUNTS},
    "curly hair": ("voluminous hair",),
    "smiling": ("teeth", "mouth open", "high cheekbones", "sad", "big nose", "squinting", "pouting", "angry"),
    "mouth open": ("surprised", "teeth", "narrow face"),
    "surprised": ("mouth open", "raised eyebrows", "narrow face", "teeth", "eyes closed", "squinting"),
    "angry": ("raised eyebrows", "squinting", "smiling", "bushy eyebrows"),
    "sad": ("smiling", "pouting", "teeth", "high cheekbones", "raised eyebrows", "big nose"),
    "eyes closed": ("squinting", "blue eyes"),
    "squinting": ("eyes closed",),
    "raised eyebrows": ("surprised", "angry"),
    "old": ("double chin", "bags under eyes", "receding hairline", "grey hair", "full lips", "big nose"),
    "male": (*_BEARDS, "long hair", "makeup", "lipstick", "bushy eyebrows", "earrings", "necklace", "voluminous hair"),
    "lipstick": ("makeup", "full lips"),
    "makeup": ("lipstick", "rosy cheeks", "full lips"),
    "chubby": ("double chin", "narrow face"),
    "narrow face": ("chubby", "double chin"),
    "full lips": ("pouting", "lipstick"),
    "pale skin": ("bright lighting",),
    **{a: (b,) for a, b in (("turned left", "turned right"), ("turned right", "turned left"))},
    **{a: (b,) for a, b in (("looking up", "looking down"), ("looking down", "looking up"))},
}

# Edits that are confined to a part of the picture, by the concept asked for: only what shows there is held still.
_POSE = ("turned left", "turned right", "looking up", "looking down")
_MOUTH = ("smiling", "mouth open", "teeth", "surprised", "sad", "pouting", "full lips", "lipstick")
_HAIR = ("blond hair", "black hair", "brown hair", "grey hair", "red hair", "curly hair", "hat", *_HAIR_AMOUNTS)
_EYES = ("eyes closed", "squinting", "blue eyes", "eyeglasses", "raised eyebrows")
SHOWN: dict[str, tuple[str, ...]] = {
    **{name: (*_HAIR, *_POSE) for name in _HAIR if name != "bald"},  # a bald head needs its shape
    **{name: (*_MOUTH, *_POSE) for name in ("lipstick", "full lips")},
    **{name: (*_BEARDS, *_MOUTH, *_POSE, "chubby", "narrow face", "double chin") for name in _BEARDS},
    **{name: (*_EYES, *_POSE) for name in ("blue eyes", "eyeglasses")},
}
HIDDEN = 0.05  # share of the weight of what does not show where the edit is confined to


@dataclass(frozen=True, eq=False)
class Effects:
    """What sliders do to concepts, on average over random faces.

    Attributes:
        sliders: name and strength of each slider at which it was measured, E of them; a slider may stand here twice,
            with both signs.
        concepts: names of the C concepts.
        changes: ``[E,C]``, in deviations of random faces.
        prices: ``[E]``, change of identity and picture, 1 on average.
    """

    sliders: tuple[tuple[str, float], ...]
    concepts: tuple[str, ...]
    changes: np.ndarray
    prices: np.ndarray


@functools.lru_cache(maxsize=1)
def effects() -> Effects:
    """The measured effects. Raises WeightsUnavailable."""
    return read_effects(weights.path(FILE))


def read_effects(path: Path) -> Effects:
    """The effects in a file that `training.effects` wrote."""
    with safe_open(path, "np") as file:
        names = json.loads(file.metadata()["names"])
        changes, prices = (file.get_tensor(name).astype(np.float64) for name in ("changes", "prices"))
    sliders = tuple((str(key), float(strength)) for key, strength in names["sliders"])
    return Effects(sliders, tuple(names["concepts"]), changes, prices)


def compose(
    found: Effects,
    wanted: Mapping[str, float],
    usable: np.ndarray | None = None,
    unheld: frozenset[str] = frozenset(),
    shown: frozenset[str] | None = None,
) -> dict[str, float]:
    """The sliders that bring wanted changes and no others.

    Args:
        wanted: concept -> 1 for plainly there, -1 for plainly the opposite, and anything between; concepts without a
            measured effect are left out.
        usable: ``bool [E]``, which sliders may be used; None: all.
        unheld: concepts that need not stay as they are.
        shown: concepts that show where the edit is confined to, see `shown_with`; None: all.
    Returns:
        slider -> strength, without those that stay at 0; empty if no wanted concept is known.
    """
    known = {found.concepts.index(name): value for name, value in wanted.items() if name in found.concepts}
    if not known:
        return {}
    asked = [found.concepts[i] for i in known]
    companions = unheld.union(*(COMPANIONS.get(name, ()) for name in asked))
    hold = [HOLDS.get(name, 1.0) * (FREE if name in companions else 1) for name in found.concepts]
    if shown is not None:
        hold = [h if name in shown else HIDDEN * h for h, name in zip(hold, found.concepts, strict=True)]
    target, weight = np.zeros(len(found.concepts)), HOLD * np.array(hold)
    for i, value in known.items():
        target[i], weight[i] = WANTED * value, 1 if value else 2
    prices = SPARSE * found.prices
    limits = np.array([_limit(key) for key, _ in found.sliders])
    limits = limits if usable is None else np.where(usable, limits, 0)
    units = _solve(found.changes, target, weight, prices, limits)
    chosen = np.zeros(len(units), bool)
    chosen[np.argsort(-units * np.linalg.norm(found.changes * np.sqrt(weight), axis=1))[:MOST]] = True
    units = _solve(found.changes, target, weight, prices, np.where(chosen & (units > 0), limits, 0))
    sliders: dict[str, float] = {}
    for (key, strength), unit in zip(found.sliders, units, strict=True):
        if unit > 0.02:
            sliders[key] = sliders.get(key, 0) + float(unit) * strength
    return {key: strength for key, strength in sliders.items() if abs(strength) > 0.02}


def shown_with(wanted: Iterable[str]) -> frozenset[str] | None:
    """The concepts that show where edits of the wanted ones are confined to (hair, lips, ...); None: all of them."""
    shown = [SHOWN.get(name) for name in wanted]
    return None if None in shown else frozenset[str]().union(*filter(None, shown))


def _limit(key: str) -> float:
    return MAX_UNITS.get(key, MAX_UNITS.get(key.partition(":")[0], MAX_OTHERS))


def _solve(
    changes: np.ndarray, target: np.ndarray, weight: np.ndarray, prices: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """``a [E]`` from 0 to the limits that minimises ``sum(weight * (a @ changes - target)^2) + prices @ a``.

    Coordinate descent: each strength in turn takes its best value given the others.
    """
    scaled = changes * np.sqrt(weight)
    gram, linear = scaled @ scaled.T, scaled @ (target * np.sqrt(weight)) - prices / 2
    units, order = np.zeros(len(changes)), np.flatnonzero(limits)
    for _ in range(ROUNDS):
        before = units.copy()
        for i in order:
            rest = linear[i] - gram[i] @ units + gram[i, i] * units[i]
            units[i] = min(max(rest / max(gram[i, i], 1e-9), 0), limits[i])
        if np.abs(units - before).max() < 1e-4:
            break
    return units
