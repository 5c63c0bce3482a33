"""Hugging Face's ZeroGPU, where a Space holds a GPU only while a function marked with `on_gpu` runs.

Import this before torch. Such a function runs in a forked process: its arguments and results are pickled, so they must
not hold tensors of the GPU, and what it changes in globals is lost; a `functools.partial` keeps its own arguments.
"""

from collections.abc import Callable
from typing import TypeVar

try:
    import spaces  # pyright: ignore[reportMissingImports]
except ImportError:  # anywhere but in a Space
    spaces = None

LENT = spaces is not None  # whether GPUs are lent for single calls here
MAX_SECONDS = 120  # that a job may take
Function = TypeVar("Function", bound=Callable)


def on_gpu(function: Function, seconds: int | Callable[..., int] = 60) -> Function:
    """The function (or generator function) as ZeroGPU wants it, and anywhere else as it is.

    `seconds` is the longest that a call may take there, or tells it from the call's arguments; shorter ones wait less.
    """
    return spaces.GPU(duration=seconds)(function) if spaces else function


def job_seconds(known: bool, steps: float) -> int:
    """How long an edit may take on a lent GPU: loading, drawing and measuring, half a second a step, the inversion.

    Args:
        known: the face was inverted before.
        steps: refinement steps of the edit.
    """
    return min(MAX_SECONDS, round(15 + (0 if known else 45) + max(steps, 0) / 2))
