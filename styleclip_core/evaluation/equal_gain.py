"""Methods compared where they are equal: at one gain or at one identity, by interpolation between strengths.

A face on which a method never reaches the gain is a failure of that method and counts in `reach`; only the other
figures leave it out, since they do not exist there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def crossing(values: Sequence[float], target: float) -> tuple[int, float] | None:
    """Where values first pass a target, upwards if they begin below it, else downwards.

    Returns:
        the number of the value before and the share of the way to the next, in [0,1]; None if they never do.
    """
    rising = values[0] < target
    for i, (a, b) in enumerate(zip(values[:-1], values[1:], strict=True)):
        if (b >= target) if rising else (b <= target):
            return i, 0.0 if a == b else float((target - a) / (b - a))
    return None


def at_crossing(figures: Sequence[float], place: tuple[int, float]) -> float:
    """Figures, one a strength, at a place from `crossing`."""
    i, share = place
    return float(figures[i] + share * (figures[i + 1] - figures[i]))


def over_faces(pairs: Sequence[tuple[str, float]], draws: int = 2000) -> tuple[float, float, float]:
    """Mean of figures, and the middle 95 % of the means over faces drawn with replacement.

    The mean of none is NaN, and so is the interval of a single face, which would have no width.

    Args:
        pairs: face and figure; the figures of one face (of several prompts) are drawn together.
    """
    if not pairs:
        return float("nan"), float("nan"), float("nan")
    faces = sorted({face for face, _ in pairs})
    sums, counts = np.zeros(len(faces)), np.zeros(len(faces))
    for face, figure in pairs:
        sums[faces.index(face)] += figure
        counts[faces.index(face)] += 1
    if len(faces) == 1:
        return float(sums[0] / counts[0]), float("nan"), float("nan")
    chosen = np.random.default_rng(0).integers(0, len(faces), (draws, len(faces)))
    low, high = np.percentile(sums[chosen].sum(1) / counts[chosen].sum(1), [2.5, 97.5])
    return float(sums.sum() / counts.sum()), float(low), float(high)
