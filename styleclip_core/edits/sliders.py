"""Sliders: every way to move a face along a known direction, by name, and the sum of several of them.

A slider's key says where it comes from:

    mapper:smile             a mapper of pretrained/mappers, of the user's folder for the pack, or brought along
    hairstyle:bob cut        HairCLIP's hairstyles, and haircolor:pink its colours, if its file is in that folder
    text:a man with a beard  the sum of other sliders that a prompt is composed of
    style:a man with a beard the prompt's global direction in StyleSpace
    boundary:age             InterFaceGAN's normal
    component:turn           a principal component that has a name (GANSpace); component:3:0:8 is any, with its layers
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from styleclip_core import weights
from styleclip_core.checkpoints.mapper import load_mapper
from styleclip_core.edits import ganspace, global_directions, hairclip, interfacegan, text, user_mappers
from styleclip_core.edits import mapper as mapping
from styleclip_core.edits.prompt_cache import cached
from styleclip_core.errors import BadSetting, UnknownMapper, UnsupportedByPack
from styleclip_core.networks.mapper import Mapper, StyleSpaceMapper
from styleclip_core.packs.base import Pack
from styleclip_core.settings import check_prompt, check_range

MAX_STRENGTH = 3.0  # of every slider, in both directions
MAX_SLIDERS = 64  # in one edit


@dataclass(frozen=True)
class Slider:
    """A slider that needs no prompt: its key, its label for users, and the group that it is shown in."""

    key: str
    label: str
    group: str


def available(pack: Pack) -> list[Slider]:
    """The pack's sliders, without those that are made from prompts."""
    found = [Slider(f"mapper:{name}", name.replace("_", " "), "Concepts") for name in pack.mappers]
    found += [Slider(f"mapper:{name}", name.replace("_", " "), "Your own") for name in user_mappers.names(pack)]
    for source, names in hairclip.available(pack).items():
        group = "Hairstyles (HairCLIP)" if source == hairclip.STYLE else "Hair colours (HairCLIP)"
        found += [Slider(f"{source}:{name}", name, group) for name in names]
    try:
        found += [Slider(f"boundary:{name}", name, "Attributes (InterFaceGAN)") for name in interfacegan.names(pack)]
    except UnsupportedByPack:
        pass  # the pack has no boundaries, but may have other sliders
    if pack.domain == "face":
        found += [Slider(f"component:{named.name}", named.name, "Components (GANSpace)") for named in ganspace.NAMED]
    return found


def read_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Sliders and strengths, as they are typed, from "NAME=VALUE"; see `check_values`. Raises BadSetting."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, number = str(pair).rpartition("=")
        if not equals:
            raise BadSetting(f"Sliders are given as NAME=VALUE, not {pair!r}.")
        values[key] = number
    return values


def check_values(values: Any) -> dict[str, float]:
    """The sliders that are not at 0, with their strengths. Raises BadSetting."""
    if not isinstance(values, Mapping) or len(values) > MAX_SLIDERS:
        raise BadSetting(f'Sliders are given as {{"mapper:smile": 1, ...}}, at most {MAX_SLIDERS} of them.')
    strengths = {
        str(key): check_range(f"the slider {key!r}", value, -MAX_STRENGTH, MAX_STRENGTH)
        for key, value in values.items()
    }
    return {key: strength for key, strength in strengths.items() if strength}


def check(pack: Pack, values: Any, own: Mapping[str, Mapper] | None = None) -> dict[str, float]:
    """The sliders that are not at 0, with their strengths, after checking that the pack has all of them.

    To be called before any long work begins.

    Raises:
        BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt.
    """
    checked = check_values(values)
    for key in checked:
        source, _, name = key.partition(":")
        if source == "mapper":
            mapping.check((own or {}).get(name) or shipped_mapper(pack, name), pack.generator)
        elif source in ("text", "style"):
            check_prompt(name)
            (text.recipe(pack, name) if source == "text" else global_directions.check(pack))
        elif source in hairclip.NAMES:
            hairclip.check(pack, source, name)
        elif source == "boundary":
            interfacegan.load(pack, name)
        elif source == "component":
            _named_component(pack, name)
        else:
            raise _unknown(key)
    for source in hairclip.NAMES:
        if sum(key.startswith(f"{source}:") for key in checked) > 1:
            raise BadSetting(f"HairCLIP takes one {source} at a time; set the other to 0.")
    return checked


def _unknown(key: str) -> BadSetting:
    return BadSetting(f"No slider is called {key!r}; `python -m styleclip_core sliders` lists them.")


@torch.no_grad()
def move(
    pack: Pack, w_plus: Tensor, values: Mapping[str, float], own: Mapping[str, Mapper] | None = None
) -> tuple[Tensor, list[Tensor] | None]:
    """Move a code by several sliders, which add up.

    Args:
        w_plus: ``[1,L,512]``.
        values: slider -> strength, from -3 to 3; 1 is clearly visible.
        own: mappers of the user's, by name.
    Returns:
        the moved code ``[1,L,512]``, and the style vectors to render instead of the code's own, or None if there is no
        ``style:`` slider and no mapper of StyleSpace.
    Raises:
        BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt.
    """
    values, moved, in_style = _expanded(pack, check_values(values)), w_plus, []
    style_moves: list[list[Tensor]] = []
    hair: dict[str, tuple[str, float]] = {}
    for key, strength in values.items():
        source, _, name = key.partition(":")
        if source in hairclip.NAMES:
            hair[source] = name, strength
        elif source == "mapper":
            mapper = (own or {}).get(name) or shipped_mapper(pack, name)
            mapping.check(mapper, pack.generator)
            if isinstance(mapper, StyleSpaceMapper):
                style_moves.append(mapping.style_moves(mapper, pack.generator.styles(w_plus), strength))
                continue
            moved = moved + mapping.apply(mapper, w_plus, strength) - w_plus
        elif source == "boundary":
            moved = interfacegan.apply(pack, moved, name, strength)
        elif source == "component":
            moved = ganspace.apply_named(pack, moved, _named_component(pack, name), strength)
        elif source == "style":
            in_style.append((style_direction(pack, check_prompt(name)), strength))
        else:
            raise _unknown(key)
    if hair:
        moved = moved + hairclip.move(pack, w_plus, hair.get(hairclip.STYLE), hair.get(hairclip.COLOR)) - w_plus
    if not in_style and not style_moves:
        return moved, None
    styles = pack.generator.styles(moved)
    for move in style_moves:
        styles = [style + part for style, part in zip(styles, move, strict=True)]
    for direction, strength in in_style:
        styles = global_directions.apply(direction, styles, strength)
    return moved, styles


def _expanded(pack: Pack, values: Mapping[str, float]) -> dict[str, float]:
    """The same sliders with those that it is composed of in place of every ``text:`` slider."""
    found: dict[str, float] = {}
    for key, strength in values.items():
        source, _, name = key.partition(":")
        parts = text.recipe(pack, name) if source == "text" else {key: 1.0}
        for part, share in parts.items():
            found[part] = found.get(part, 0.0) + share * strength
    return found


def shipped_mapper(pack: Pack, name: str) -> Mapper:
    """A mapper of the pack. Raises UnknownMapper, WeightsUnavailable."""
    if name not in pack.mappers and name in user_mappers.files(pack):
        return user_mappers.load(pack, name)
    _check_mapper(pack, name)
    return _read_mapper(pack.mappers[name], pack.device)


def _check_mapper(pack: Pack, name: str) -> None:
    if name not in pack.mappers:
        names = ", ".join([*pack.mappers, *user_mappers.names(pack)])
        advice = f"choose from {names}" if names else f"the pack {pack.name} has none; load one from a file"
        raise UnknownMapper(f"No mapper is called {name!r}; {advice}.")


@functools.lru_cache(maxsize=32)
def _read_mapper(checkpoint: str, device: torch.device) -> Mapper:
    return load_mapper(weights.path(checkpoint)).to(device)


def style_direction(pack: Pack, prompt: str) -> global_directions.Direction:
    """The global direction of a prompt. Raises UnsupportedByPack."""
    neutral = f"a {pack.domain}"
    return cached(pack, "direction", prompt, lambda: global_directions.direction(pack, prompt, neutral))


def _named_component(pack: Pack, name: str) -> ganspace.NamedComponent:
    """The component with a name, or for "number:first layer:end" the one of that number. Raises BadSetting."""
    for named in ganspace.NAMED:
        if named.name == name:
            return named
    try:
        component, first, last = map(int, name.split(":"))
    except ValueError as error:
        raise BadSetting(f"No component is called {name!r}; write number:first layer:end, as in 3:0:8.") from error
    ganspace.check(pack, component, first, last)
    return ganspace.NamedComponent(name, component, first, last, 1)
