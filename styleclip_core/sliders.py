"""Sliders: every way to move a face along a known direction, by name, and the sum of several of them.

A slider's key says where it comes from:

    mapper:smile             a mapper of pretrained/mappers, or one that a user brought
    text:a man with a beard  the mapper for any prompt
    style:a man with a beard the prompt's global direction in StyleSpace
    boundary:age             InterFaceGAN's normal
    component:turn           a principal component that has a name (GANSpace); component:3:0:8 is any, with its layers
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import weights
from styleclip_core.checkpoints.mapper import load_mapper
from styleclip_core.drawing import Latent
from styleclip_core.edits import ganspace, global_directions, interfacegan
from styleclip_core.edits import mapper as path_b
from styleclip_core.edits.progress import check_prompt, check_range
from styleclip_core.errors import BadSetting, UnknownMapper, UnsupportedByPack
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.networks.text_mapper import TextMapper
from styleclip_core.roles import Pack

LIMIT = 3.0  # of every slider, both ways
MANY = 64  # sliders at once
FOLDER, TEXT_MAPPER = "mappers/", "text_mapper.safetensors"  # in pretrained/


@dataclass(frozen=True)
class Slider:
    """One that a pack has from the start: its key, what to call it, and the group that it stands in."""

    key: str
    label: str
    group: str


def available(pack: Pack) -> list[Slider]:
    """The pack's sliders, without those that prompts make."""
    found = [Slider(f"mapper:{name}", name.replace("_", " "), "Concepts") for name in mapper_names(pack)]
    try:
        found += [Slider(f"boundary:{name}", name, "Attributes (InterFaceGAN)") for name in interfacegan.names(pack)]
    except UnsupportedByPack:
        pass  # the rest is there all the same
    if pack.domain == "face":
        found += [Slider(f"component:{named.name}", named.name, "Components (GANSpace)") for named in ganspace.NAMED]
    return found


def mapper_names(pack: Pack) -> list[str]:
    """The mappers that were trained for the pack."""
    if pack.name != "compact":
        return []
    return sorted(Path(name).stem for name in weights.CHECKPOINTS if name.startswith(FOLDER))


def check_values(values: Any) -> dict[str, float]:
    """The sliders that are not at 0. Raises BadSetting."""
    if not isinstance(values, Mapping) or len(values) > MANY:
        raise BadSetting(f'Sliders are given as {{"mapper:smile": 1, ...}}, at most {MANY} of them.')
    checked = {str(key): check_range(f"the slider {key!r}", value, -LIMIT, LIMIT) for key, value in values.items()}
    return {key: value for key, value in checked.items() if value}


@torch.no_grad()
def move(
    pack: Pack, w_plus: Tensor, values: Mapping[str, float], own: Mapping[str, LevelsMapper] | None = None
) -> tuple[Tensor, Latent]:
    """A code moved by several sliders, which add up.

    Args:
        w_plus: ``[1,L,512]``.
        values: slider -> strength, from -3 to 3; 1 is clearly visible.
        own: mappers that the user brought, by name.
    Returns:
        the moved code ``[1,L,512]``, and what is to be drawn: that code, or its style vectors where a slider moves
        those.
    Raises:
        BadSetting, UnknownMapper, UnsupportedByPack, EmptyPrompt, BadPrompt.
    """
    values, moved, in_style = check_values(values), w_plus, []
    for key, strength in values.items():
        source, _, name = key.partition(":")
        if source == "mapper":
            mapper = (own or {}).get(name) or shipped_mapper(pack, name)
            moved = moved + path_b.apply(mapper, w_plus, strength) - w_plus
        elif source == "text":
            moved = moved + strength * text_step(pack, w_plus, name)
        elif source == "boundary":
            moved = interfacegan.apply(pack, moved, name, strength)
        elif source == "component":
            moved = _component(pack, moved, name, strength)
        elif source == "style":
            in_style.append((style_direction(pack, check_prompt(name)), strength))
        else:
            raise BadSetting(f"No slider is called {key!r}; `python -m styleclip_core sliders` lists them.")
    if not in_style:
        return moved, moved
    styles = pack.generator.styles(moved)
    for direction, strength in in_style:
        styles = global_directions.apply(direction, styles, strength)
    return moved, styles


def shipped_mapper(pack: Pack, name: str) -> LevelsMapper:
    """A mapper of the pack. Raises UnknownMapper, WeightsUnavailable."""
    if name not in (names := mapper_names(pack)):
        known = f"choose from {', '.join(names)}" if names else f"the pack {pack.name} has none; load one from a file"
        raise UnknownMapper(f"No mapper is called {name!r}; {known}.")
    return _read_mapper(name, pack.device)


@functools.lru_cache(maxsize=32)
def _read_mapper(name: str, device: torch.device) -> LevelsMapper:
    return load_mapper(weights.path(f"{FOLDER}{name}.pt")).to(device)


def text_step(pack: Pack, w_plus: Tensor, prompt: str) -> Tensor:
    """The step in W+ ``[1,L,512]`` at strength 1 towards a prompt. Raises UnsupportedByPack, EmptyPrompt, BadPrompt."""
    if pack.name != "compact":
        raise UnsupportedByPack(f"No mapper for any prompt was trained for the pack {pack.name}; use style: instead.")
    prompt = check_prompt(prompt)
    texts = _remembered(pack, ("text", prompt), lambda: pack.clip.encode_text([prompt]))
    return pack.space.step(_read_text_mapper(pack.device)(pack.space.whiten(w_plus), texts))


@functools.lru_cache(maxsize=1)
def _read_text_mapper(device: torch.device) -> TextMapper:
    state = {name: value.float() for name, value in load_file(weights.path(TEXT_MAPPER)).items()}
    mapper = TextMapper()
    mapper.load_state_dict(state)
    return mapper.to(device).eval().requires_grad_(False)


def style_direction(pack: Pack, prompt: str) -> global_directions.Direction:
    """The global direction of a prompt. Raises UnsupportedByPack."""
    return _remembered(
        pack, ("style", prompt), lambda: global_directions.direction(pack, prompt, f"a {pack.domain}")
    )


# By the text-image model, not by the pack: a face with a generator of its own has a pack of its own each time.
_known: WeakKeyDictionary[torch.nn.Module, dict[tuple[str, str], Any]] = WeakKeyDictionary()


def _remembered(pack: Pack, key: tuple[str, str], make: Callable[[], Any]) -> Any:
    """What was made of a prompt before, kept while sliders are dragged; the oldest of 256 is forgotten."""
    known = _known.setdefault(pack.clip, {})
    if key not in known:
        made = make()
        if len(known) >= 256:
            known.pop(next(iter(known)))
        known[key] = made
    return known[key]


def _component(pack: Pack, w_plus: Tensor, name: str, strength: float) -> Tensor:
    for named in ganspace.NAMED:
        if named.name == name:
            return ganspace.apply_named(pack, w_plus, named, strength)
    try:
        component, first, last = map(int, name.split(":"))
    except ValueError as error:
        raise BadSetting(f"No component is called {name!r}; write number:first layer:end, as in 3:0:8.") from error
    return ganspace.apply(pack, w_plus, component, strength, first, last)


def to_json(values: Mapping[str, float]) -> str:
    """An edit as text that `from_json` reads."""
    return json.dumps({"styleclip": 1, "sliders": check_values(values)}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> dict[str, float]:
    """The sliders of a saved edit. Raises BadSetting."""
    try:
        content = json.loads(text)
        sliders = content["sliders"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadSetting("This file is not an edit that this program saved (JSON with the sliders' values).") from error
    return check_values(sliders)
