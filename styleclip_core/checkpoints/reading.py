"""Reads files of weights without running anything that is in them, and fills modules with what they hold."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from styleclip_core.checkpoints.pickles import is_torch_file, read_torch
from styleclip_core.errors import BadCheckpoint

Module = TypeVar("Module", bound=nn.Module)
SHOWN = 8  # names of keys in a message


def read(path: str | Path) -> dict[str, Any]:
    """What a PyTorch file (zipped or older) or a safetensors file holds; the content tells which it is.

    Tensors of zipped files stay on disk until they are copied, so unneeded ones cost nothing. A safetensors file comes
    back as ``{"state_dict": tensors, "opts": metadata}``.

    Raises:
        BadCheckpoint: no such file, not a file of weights, damaged, or a pickle of more than tensors and plain values.
    """
    path = Path(path)
    if is_torch_file(path):
        content = read_torch(path)
    else:
        with path.open("rb") as stream:
            is_safetensors = stream.read(9)[8:] == b"{"
        if not is_safetensors:
            raise BadCheckpoint(
                f"{path.name} is neither a PyTorch nor a safetensors file; nothing in it was run. If it was "
                "downloaded, a web page or a Git LFS pointer may have been saved in its place: download it again."
            )
        content = _read_safetensors(path)
    if not isinstance(content, dict):
        raise BadCheckpoint(f"{path.name} holds a {type(content).__name__}, not named weights.")
    return content


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as file:
            return {"state_dict": {name: file.get_tensor(name) for name in file.keys()}, "opts": file.metadata() or {}}
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path.name} is a damaged safetensors file; get it again ({error}).") from error


def state_dict(content: dict[str, Any]) -> dict[str, Any]:
    """The named tensors of a file that holds them alone or under "state_dict"."""
    state = content.get("state_dict", content)
    return state if isinstance(state, dict) else content


def options(content: dict[str, Any]) -> dict[str, Any]:
    """The training settings that came with the weights, empty if there are none."""
    opts = content.get("opts", {})
    opts = vars(opts) if isinstance(opts, argparse.Namespace) else opts
    return dict(opts) if isinstance(opts, dict) else {}


def part(state: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The entries whose names start with ``prefix``, without it."""
    return {str(k).removeprefix(prefix): v for k, v in state.items() if str(k).startswith(prefix)}


def fill(module: Module, state: Mapping[str, Any], path: str | Path, what: str, prefix: str = "") -> Module:
    """Copy ``state`` into ``module``, on the CPU, in eval mode, frozen; a module on "meta" gets its memory here.

    Batch norms' counters may be missing: older files have none and nothing reads them.

    Args:
        path: the file. what: what it should hold, such as "a StyleCLIP mapper". prefix: what its keys began with before
            :func:`part`. All three are for messages only.
    Raises:
        BadCheckpoint: keys are missing or unknown, shapes differ, or values are not finite; says which.
    """
    wanted = module.state_dict()
    counters = {k: torch.zeros(()) for k in wanted if k.endswith("num_batches_tracked") and k not in state}
    state = counters | dict(state)
    misfits = [_shapes(prefix + k, state[k], v) for k, v in wanted.items() if not _fits(state.get(k), v)]
    complaints = [
        _complaint("missing keys", [prefix + k for k in wanted if k not in state]),
        _complaint("unknown keys", [f"{prefix}{k}" for k in state if k not in wanted]),
        _complaint("wrong shapes", misfits),
    ]
    if not any(complaints):
        try:
            infinite = [prefix + k for k, v in state.items() if not _is_finite(v)]
            complaints = [_complaint("values that are not finite", infinite)]
            if next(module.parameters()).is_meta:  # `to_empty` would import a compiler, for a second
                copies = {k: torch.empty(v.shape, dtype=v.dtype).copy_(state[k]) for k, v in wanted.items()}
                module.load_state_dict(copies, assign=True)
            else:
                module.load_state_dict(state)
        except (RuntimeError, TypeError) as error:  # sparse, quantised or data-less tensors
            raise BadCheckpoint(f"{Path(path).name} is not {what}: its tensors cannot be copied ({error}).") from error
    if any(complaints):
        raise BadCheckpoint(f"{Path(path).name} is not {what}: {'; '.join(filter(None, complaints))}.")
    return module.eval().requires_grad_(False)


def _fits(found: Any, wanted: Tensor) -> bool:
    return found is None or (isinstance(found, Tensor) and found.shape == wanted.shape)


def _is_finite(value: Tensor) -> bool:
    return bool(value.sum(dtype=torch.float64).isfinite())  # one pass, no copy; infinities and NaN survive a sum


def _shapes(name: str, found: Any, wanted: Tensor) -> str:
    shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
    return f"{name} {shape} instead of {list(wanted.shape)}"


def _complaint(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{kind}: {', '.join(names[:SHOWN])}{more}" if names else ""
