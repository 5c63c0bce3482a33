"""A prompt as sliders: what it asks for is read as known concepts, and composed of the sliders that are known to bring
them (`edits.compose`). What no slider is known for becomes the prompt's global direction in StyleSpace.
"""

from __future__ import annotations

import numpy as np

from styleclip_core.edits import compose, concepts, global_directions, hair_color, interfacegan
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import UnknownPrompt, UnsupportedByPack
from styleclip_core.faces import asked
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_prompt


def unknown_part(pack: Pack, prompt: str) -> str:
    """A sentence about what in a prompt the pack does not know, and what it does; "" if nothing is unknown."""
    if pack.domain != "face" or not concepts.can_read(pack):
        return ""
    reading = concepts.read(pack, prompt)
    if reading.hair_color and reading.hair_color not in hair_color.COLORS:
        colors = ", ".join(hair_color.COLORS)
        painted = f"Hair cannot be painted {reading.hair_color} by this model; it can be {colors}."
        return " ".join(filter(None, (reading.sentence(), painted)))
    return reading.sentence()


def unread_part(pack: Pack, prompt: str) -> str:
    """A sentence if a prompt is longer than the pack's text-image model reads, else ""."""
    return "" if pack.clip.reads_all(prompt) else "The prompt is long, and its end was not read: shorten it."


def check_known(pack: Pack, prompt: str) -> None:
    """Raise UnknownPrompt if the pack knows nothing at all of what a prompt asks for: there is no edit to expect."""
    if (sentence := unknown_part(pack, prompt)) and not wishes(pack, prompt):
        if named_hair_color(pack, prompt) is None:
            raise UnknownPrompt(sentence)


def named_hair_color(pack: Pack, prompt: str) -> str | None:
    """The hair colour that a prompt names, if it is one that can be painted (`edits.hair_color`)."""
    if pack.domain != "face" or pack.parser is None or not concepts.can_read(pack):
        return None
    color = concepts.read(pack, prompt).hair_color
    return color if color in hair_color.COLORS else None


def recipe(pack: Pack, prompt: str) -> dict[str, float]:
    """The sliders, with their strengths, whose sum is the step of a prompt: the slider ``text:``.

    Raises:
        EmptyPrompt, BadPrompt.
        UnsupportedByPack: no slider is known to bring what is asked for, and the pack has no global directions.
    """
    total: dict[str, float] = {}
    for part in recipes(pack, prompt).values():
        for key, strength in part.items():
            total[key] = total.get(key, 0.0) + strength
    if not total:
        global_directions.check(pack)
        return {f"style:{check_prompt(prompt)}": 1.0}
    return total


def recipes(pack: Pack, prompt: str, confined: bool = False) -> dict[str, dict[str, float]]:
    """The sliders that bring each concept that a prompt asks for, by concept; computed once for each prompt.

    Args:
        confined: for an edit that shows only in the region that the prompt speaks of.
    Returns:
        without concepts for which no slider is known.
    """
    prompt = check_prompt(prompt)
    return cached(pack, f"recipes {confined}", prompt, lambda: _recipes(pack, prompt, confined))


def _recipes(pack: Pack, prompt: str, confined: bool) -> dict[str, dict[str, float]]:
    wanted = wishes(pack, prompt)
    if not wanted:
        return {}
    found, context = compose.effects(), concepts.read(pack, prompt).context if concepts.can_read(pack) else {}
    shown = compose.shown_with(wanted) if confined else None
    has = usable(pack, found)
    composed = {c: compose.compose(found, {c: wish}, has, frozenset(context), shown) for c, wish in wanted.items()}
    return {concept: sliders for concept, sliders in composed.items() if sliders}


def wishes(pack: Pack, prompt: str) -> dict[str, float]:
    """The concepts that a prompt asks for, and how much: 1 plainly there, -1 plainly the opposite. May be empty."""
    if pack.domain != "face":
        return {}
    return dict(concepts.read(pack, prompt).changes) if concepts.can_read(pack) else asked.concepts_in(prompt)


def usable(pack: Pack, found: compose.Effects) -> np.ndarray:
    """Which of the measured sliders a pack has, ``bool [E]``."""
    return np.array([_has(pack, key) for key, _ in found.sliders])


def _has(pack: Pack, key: str) -> bool:
    source, _, name = key.partition(":")
    try:
        if source == "boundary":
            return name in interfacegan.names(pack)
        if source == "style":
            return global_directions.known_relevance(pack) is not None
    except UnsupportedByPack:
        return False
    return source == "component" or name in pack.mappers
