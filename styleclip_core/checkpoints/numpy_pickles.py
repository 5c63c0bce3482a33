"""The names by which pickles ask for numpy's arrays, numbers and types, and stand-ins that can only hold plain numbers.

numpy's own functions are not handed to a pickle: with them it could make arrays of objects, or alter the types that
the whole program shares.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
ORDERS = ("<", ">", "|", "=")  # of bytes, as a pickled type states them


class _Type:
    """Stands for a `numpy.dtype` while a pickle is read; of what the pickle says about it, its byte order counts."""

    def __init__(self, kind: Any):
        if kind not in KINDS:
            raise pickle.UnpicklingError(f"it holds values of the kind {kind!r}")
        self.type = np.dtype(kind)

    def __setstate__(self, state: tuple) -> None:
        _, order, *parts = state
        if order not in ORDERS or any(part is not None for part in parts[:3]):
            raise pickle.UnpicklingError("it holds values that are no plain numbers")
        self.type = self.type.newbyteorder(order)


class _Array(np.ndarray):
    """An array that a pickle fills."""

    def __setstate__(self, state: tuple) -> None:  # type: ignore[override]
        version, shape, kind, by_columns, data = state
        super().__setstate__((version, shape, _type(kind), bool(by_columns), bytes(data)))  # type: ignore[misc]


def find(module: str, name: str) -> Callable[..., Any] | str | None:
    """What a pickle gets for one of numpy's names, None if it is not known. A new function for each pickle."""
    match module, name:
        case "numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct":
            return lambda *_: np.ndarray.__new__(_Array, (0,), np.int8)  # filled by what follows it in the pickle
        case "numpy.core.multiarray" | "numpy._core.multiarray", "scalar":
            return lambda kind, data: np.frombuffer(bytes(data), _type(kind), 1)[0].item()
        case "numpy.core.numeric" | "numpy._core.numeric", "_frombuffer":  # arrays of protocol 5
            return lambda *arguments: _from_buffer(*arguments)
        case "numpy", "ndarray":
            return "ndarray"  # an argument of the first only
        case "numpy", "dtype":
            return lambda kind, *_: _Type(kind)
    return None


def _from_buffer(data: bytes, kind: Any, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
    return np.frombuffer(bytes(data), _type(kind)).reshape(shape, order=order)


def _type(kind: Any) -> np.dtype:
    if not isinstance(kind, _Type):
        raise pickle.UnpicklingError("it holds values of no known kind")
    return kind.type
