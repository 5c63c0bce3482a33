"""StyleCLIP's mapper files: ``{"state_dict": {"mapper.course_mapping.*", ...}, "opts": {...}}``; ours are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from styleclip_core.checkpoints import reading
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.mapper import LEVELS, LevelsMapper


def load_mapper(path: str | Path) -> LevelsMapper:
    """A mapper, W+ codes -> steps before the factor 0.1, on the CPU, in eval mode, frozen.

    Official files hold a generator too, which is not read. ``.opts`` has the training's settings.

    Raises:
        BadCheckpoint: the file holds no mapper of that kind.
    """
    content = reading.read(path)
    state = reading.part(reading.state_dict(content), "mapper.")
    levels = [level for level in LEVELS if any(name.startswith(f"{level}_mapping.") for name in state)]
    if not levels:
        found = ", ".join(list(state)[: reading.SHOWN]) or "nothing that begins with mapper."
        raise BadCheckpoint(
            f"{Path(path).name} is not a StyleCLIP mapper of levels (mapper.course_mapping.*): it has {found}."
        )
    with torch.device("meta"):
        mapper = LevelsMapper(levels, reading.options(content))
    return reading.fill(mapper, state, path, "a StyleCLIP mapper of levels", "mapper.")


def save_mapper(mapper: LevelsMapper, path: str | Path, **opts: Any) -> None:
    """Write a mapper as StyleCLIP does, without the generator.

    Args:
        opts: settings to keep beside ``mapper.opts``; plain values only (texts, numbers, lists, dicts).
    """
    absent = {f"no_{level.replace('course', 'coarse')}_mapper": level not in mapper.levels for level in LEVELS}
    opts = {"mapper_type": "LevelsMapper", **absent, **mapper.opts, **opts}
    state = {f"mapper.{name}": value.detach().cpu() for name, value in mapper.state_dict().items()}
    torch.save({"state_dict": state, "opts": opts}, Path(path))
