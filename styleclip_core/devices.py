"""The device that a pack computes on: which one, how exactly it computes, and what happens when its memory runs out."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import os
import sys
import traceback
from collections.abc import Iterator

import torch

from styleclip_core.errors import BadSetting, OutOfMemory, UnsupportedByPack

PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")  # CUDA, CPU, Windows, cuBLAS


def choose_device(device: str = "auto") -> torch.device:
    """The device for a name; "auto" is CUDA if there is one, else the CPU. Raises UnsupportedByPack if it is absent."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise UnsupportedByPack(f"The device {device!r} cannot be used here; choose cpu, cuda or auto.") from error


def has_gpu(device: torch.device) -> bool:
    """Whether a GPU is at work now. ZeroGPU promises one to the whole program but lends it to some calls only."""
    return device.type == "cuda" and not os.environ.get("SPACES_ZERO_GPU")


def set_precision(precision: str, device: torch.device) -> torch.dtype:
    """Set how exactly this process computes with float32, and return the type for a generator's last four levels.

    Args:
        precision: "fp32" is exact. "tf32" rounds the factors of products to 10 bits, on GPUs that can. "bf16" and
            "fp16" also compute the large feature maps in 16 bits. "auto" is "tf32" on CUDA, elsewhere "fp32".
    Raises:
        BadSetting: no such precision.
    """
    if precision not in PRECISIONS:
        raise BadSetting(f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}.")
    if device.type == "cuda":
        rounding = "ieee" if precision == "fp32" else "tf32"
        torch.backends.cuda.matmul.fp32_precision = rounding
        torch.backends.cudnn.conv.fp32_precision = rounding  # pyright: ignore[reportAttributeAccessIssue]
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)


@functools.cache
def keep_freed_memory() -> None:
    """Tell glibc's malloc to keep large freed blocks.

    By default each large tensor is mapped from the system and given back, page faults and all: on CPUs that costs
    up to half of the time of convolutions on megapixel feature maps.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mmap_threshold, trim_threshold = -3, -1
            mallopt(mmap_threshold, 1 << 30)
            mallopt(trim_threshold, 2**31 - 1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the machine or the GPU has no memory left."""
    if isinstance(error, (MemoryError, OutOfMemory, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


@contextlib.contextmanager
def memory_errors(device: torch.device) -> Iterator[None]:
    """Turn every kind of running out of memory inside into OutOfMemory, and free what the failed work held."""
    try:
        yield
    except (RuntimeError, MemoryError, OutOfMemory) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # else the traceback holds the tensors of every frame that failed
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        place = "The GPU" if device.type == "cuda" else "This computer"
        raise OutOfMemory(
            f"{place} has too little free memory for this. Close other programs that use it and try again, or start "
            "with --pack compact" + (" or --device cpu." if device.type == "cuda" else ".")
        ) from error
