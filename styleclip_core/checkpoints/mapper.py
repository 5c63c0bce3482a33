"""Mapper files of StyleCLIP and HairCLIP: ``{"state_dict": {"mapper.*", ...}, "opts": {...}}``; ours are the same.

The names of the weights say which kind it is: ``mapper.course_mapping.mapping.*`` (StyleCLIP's LevelsMapper),
``mapper.mapping.mapping.*`` (SingleMapper), ``mapper.mapper_0.mapping.*`` (the mappers of StyleSpace),
``mapper.course_mapping.modulation_module_list.*`` (HairCLIP).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from styleclip_core.checkpoints import reading
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.networks.mapper import LEVELS, LevelsMapper, Mapper, SingleMapper, StyleSpaceMapper


def load_mapper(path: str | Path) -> Mapper:
    """A mapper, codes -> steps before the factor 0.1, on the CPU, in eval mode, frozen.

    Official files hold a generator too, HairCLIP's also CLIP, which are not read. ``.opts`` has the training's
    settings.

    Raises:
        BadCheckpoint: the file holds no mapper of these kinds.
    """
    content = reading.read(path)
    state, opts = reading.part(reading.state_dict(content), "mapper."), reading.options(content)
    state = {name: value for name, value in state.items() if not name.startswith("clip_model.")}
    with torch.device("meta"):
        mapper = _empty(state, opts)
    if mapper is None:
        found = ", ".join(list(state)[: reading.SHOWN]) or "nothing that begins with mapper."
        raise BadCheckpoint(
            f"{Path(path).name} is not a mapper of StyleCLIP or HairCLIP (such as mapper.course_mapping.*): it has "
            f"{found}."
        )
    return reading.fill(mapper, state, path, f"a {type(mapper).__name__}", "mapper.")


def _empty(state: dict[str, Any], opts: dict[str, Any]) -> Mapper | None:
    """A mapper of the kind that the names of the weights speak of."""
    if any(".modulation_module_list." in name for name in state):
        return HairMapper(opts)
    if levels := [level for level in LEVELS if any(name.startswith(f"{level}_mapping.") for name in state)]:
        return LevelsMapper(levels, opts)
    if any(name.startswith("mapping.mapping.") for name in state):
        return SingleMapper(opts)
    found = ((re.fullmatch(r"mapper_(\d{1,2})\.mapping\.1\.bias", name), value) for name, value in state.items())
    widths = {int(match[1]): len(value) for match, value in found if match and isinstance(value, Tensor) and value.ndim}
    if widths and max(widths.values()) <= 4096:  # more is no generator's, and would take all memory
        return StyleSpaceMapper(dict(sorted(widths.items())), opts)
    return None


def save_mapper(mapper: LevelsMapper, path: str | Path, **opts: Any) -> None:
    """Write a mapper as StyleCLIP does, without the generator.

    Args:
        opts: settings to keep beside ``mapper.opts``; plain values only (texts, numbers, lists, dicts).
    """
    absent = {f"no_{level.replace('course', 'coarse')}_mapper": level not in mapper.levels for level in LEVELS}
    opts = {"mapper_type": "LevelsMapper", **absent, **mapper.opts, **opts}
    state = {f"mapper.{name}": value.detach().cpu() for name, value in mapper.state_dict().items()}
    torch.save({"state_dict": state, "opts": opts}, Path(path))
