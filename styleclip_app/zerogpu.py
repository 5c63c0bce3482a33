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

Function = TypeVar("Function", bound=Callable)


def on_gpu(function: Function, seconds: int = 60) -> Function:
    """The function (or generator function) as ZeroGPU wants it, and anywhere else as it is.

    `seconds` is the longest that a call may take there; shorter ones wait less.
    """
    return spaces.GPU(duration=seconds)(function) if spaces else function
