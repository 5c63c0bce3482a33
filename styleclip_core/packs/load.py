"""Choose a pack and load it."""

from __future__ import annotations

from dataclasses import replace

import torch

from styleclip_core import weights
from styleclip_core.devices import choose_device, keep_freed_memory, memory_errors, set_precision
from styleclip_core.errors import StudioError, UnknownPack
from styleclip_core.networks.open_clip import OpenCLIP
from styleclip_core.packs.base import Pack
from styleclip_core.packs.compact import compact_pack
from styleclip_core.packs.full import PACKS, full_pack

NAMES = ("auto", "compact", *PACKS)
SLOW_NOTE = "Without a GPU an edit takes minutes with this pack; the compact one is made for that."


def load_pack(name: str = "auto", device: str = "auto", precision: str = "auto", clip: OpenCLIP | None = None) -> Pack:
    """Load a pack, fetching its weights if necessary. `Pack.note` tells the user what to know about the choice.

    Args:
        name: "compact", "full", "car", "church", or "auto": full on a GPU if its weights can be had, else compact.
        device: "auto", "cpu", "cuda", "cuda:1", ...
        precision: see `devices.set_precision`; 16 bits apply to the generators of full, car and church only.
        clip: for those three packs, a model of `checkpoints.load_open_clip` to use instead of CLIP ViT-B/32.
    Raises:
        UnknownPack, WeightsUnavailable, UnsupportedByPack, BadCheckpoint, BadSetting, DiskFull, OutOfMemory.
    """
    if name not in NAMES:
        raise UnknownPack(f"No pack is called {name!r}; choose compact, {', '.join(PACKS)} or auto.")
    chosen = choose_device(device)
    dtype = set_precision(precision, chosen)
    if chosen.type == "cpu":
        keep_freed_memory()
    if name == "auto":
        return _best_pack(chosen, dtype, clip)
    return _load(name, chosen, dtype, clip)


def _load(name: str, device: torch.device, dtype: torch.dtype, clip: OpenCLIP | None) -> Pack:
    with memory_errors(device):
        if name == "compact":
            return compact_pack(device)
        return replace(full_pack(name, device, dtype, clip), note="" if device.type == "cuda" else SLOW_NOTE)


def _best_pack(device: torch.device, dtype: torch.dtype, clip: OpenCLIP | None) -> Pack:
    """The full pack on a GPU, or the compact one with a note that says why."""
    if device.type != "cuda":
        reason = "there is no GPU to run the full one on"
    elif not (weights.available("full") or weights.reachable("full")):
        reason = (
            "the weights of the full one are neither here nor to be had from the Hub; connect to it, or put them into "
            "a folder and set STYLECLIP_WEIGHTS to it"
        )
    else:
        try:
            return _load("full", device, dtype, clip)
        except StudioError as error:
            reason = f"the full one could not be loaded: {error}"
    return replace(_load("compact", device, dtype, None), note=f"This is the compact pack, since {reason.rstrip('.')}.")
