"""Directions computed beforehand: pretrained/directions/, or the cache for packs whose files are not shipped."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import weights
from styleclip_core.packs.base import Pack

SAME_MEAN = 0.98  # cosine of two means of W (or of embeddings) from which on they are taken for one space


def folder(pack: Pack) -> Path:
    """Where the directions of a pack are written: its own folder, or pretrained/directions."""
    return pack.directions or weights.PRETRAINED / "directions"


def load(pack: Pack, file: str) -> dict[str, Tensor] | None:
    """The tensors of ``file``, float32 on the pack's device: those made for this pack, else the shipped ones, or None.

    Whether they fit is for the caller to see. Raises WeightsUnavailable if a shipped file is damaged.
    """
    if pack.directions and (own := pack.directions / file).is_file():
        path = own
    elif (name := f"directions/{file}") in weights.CHECKPOINTS:
        path = weights.path(name)
    else:
        return None
    return _read(path, path.stat().st_mtime_ns, pack.device)


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed: int, device: torch.device) -> dict[str, Tensor] | None:
    try:
        return {name: value.to(device).float() for name, value in load_file(path).items()}
    except (SafetensorError, OSError):
        return None  # damaged, in the cache: made anew


def same_space(mean: Tensor, other: Tensor) -> bool:
    """Whether two mean vectors ``[D]`` belong to one space, as those of a generator and its distilled copy do."""
    return mean.shape == other.shape and float(F.cosine_similarity(mean, other, dim=0)) > SAME_MEAN
