"""The learning rate schedule of all optimisations in this project except StyleCLIP's own."""

from __future__ import annotations

import math


def schedule(t: float) -> float:
    """The learning rate at progress ``t`` in [0,1), as a share of the highest.

    It rises linearly over the first tenth, stays, and falls to 0 along a cosine over the last third.
    """
    return min(1.0, 0.2 + 8 * t) * (0.5 + 0.5 * math.cos(math.pi * max(0.0, (t - 0.67) / 0.33)))
