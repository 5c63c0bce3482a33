"""The learning rate's course in our own optimisations."""

from __future__ import annotations

import math


def schedule(t: float) -> float:
    """A learning rate's share at ``t`` in [0,1): up over a tenth, hold, down along a cosine over the last third."""
    return min(1.0, 0.2 + 8 * t) * (0.5 + 0.5 * math.cos(math.pi * max(0.0, (t - 0.67) / 0.33)))
