"""Smoothing over time by Gaussians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

REACH = 3.0  # deviations of a Gaussian beyond which it is cut off


def radius(deviation: float) -> int:
    """How many frames to both sides count."""
    return math.ceil(REACH * deviation)


def weights(times: Sequence[int] | np.ndarray, at: int, deviation: float) -> np.ndarray:
    """The shares, which sum to 1, of what is known at some frames in the smoothed value at a frame."""
    distance = np.abs(np.asarray(times, np.float64) - at)
    if deviation == 0:
        nearest = (distance == distance.min()).astype(np.float64)
        return nearest / nearest.sum()
    exponents = -0.5 * (distance / deviation) ** 2
    shares = np.exp(exponents - exponents.max())
    return shares / shares.sum()


def smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """``[T,...]`` smoothed over T; towards the ends only what is there counts."""
    out, reach = np.empty_like(values, dtype=np.float64), radius(deviation)
    for at in range(len(values)):
        low, high = max(0, at - reach), min(len(values), at + reach + 1)
        out[at] = np.tensordot(weights(range(low, high), at, deviation), values[low:high], 1)
    return out
