"""Files of precomputed directions: in pretrained/directions/, or in the cache for packs whose files are not shipped."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from styleclip_core import weights
from styleclip_core.packs.base import Pack

SAME_SPACE_COSINE = 0.98  # of the means of two spaces (of W, or of embeddings), above which they count as the same


def folder(pack: Pack) -> Path:
    """The folder that a pack's directions are written to: its own, or pretrained/directions."""
    return pack.directions or weights.PRETRAINED / "directions"


def load(pack: Pack, file: str) -> dict[str, Tensor] | None:
    """The tensors of ``file``, float32 on the pack's device: those computed for this pack, else the shipped ones.

    None if there is neither. The caller must check that they fit the pack. Raises WeightsUnavailable if a shipped file
    is damaged.
    """
    if pack.directions and (computed := pack.directions / file).is_file():
        path = computed
    elif (name := f"directions/{file}") in weights.CHECKPOINTS:
        path = weights.path(name)
    else:
        return None
    return _read(path, path.stat().st_mtime_ns, pack.device)


def save_own(pack: Pack, file: str, content: dict[str, Tensor]) -> None:
    """Write what was computed for this pack to its own folder. Raises OSError."""
    assert pack.directions, "the pack has a folder of its own"
    pack.directions.mkdir(parents=True, exist_ok=True)
    scratch = pack.directions / f".{os.getpid()}.{file}"
    save_file({name: value.contiguous().cpu() for name, value in content.items()}, scratch)
    os.replace(scratch, pack.directions / file)


@functools.lru_cache(maxsize=16)
def _read(path: Path, modified_ns: int, device: torch.device) -> dict[str, Tensor] | None:
    try:
        return {name: value.to(device).float() for name, value in load_file(path).items()}
    except (SafetensorError, OSError):
        return None  # a damaged file in the cache is like none: it is computed again


def same_space(mean: Tensor, other: Tensor) -> bool:
    """Whether two mean vectors ``[D]`` belong to one space, as those of a generator and its distilled copy do."""
    return mean.shape == other.shape and float(F.cosine_similarity(mean, other, dim=0)) > SAME_SPACE_COSINE
