"""The one report of long work: fetching, inverting and editing all yield or hand out `Progress`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

PREVIEW_SIZE = 256  # px of the previews


@dataclass(frozen=True, eq=False)
class Progress:
    """How far long work is.

    Attributes:
        stage: what is being done, as a user reads it.
        step, steps: done and in all; bytes where files are fetched, else steps of an optimiser.
        preview: the picture so far, 256 x 256, every few steps; None between them.
        terms: the weighted loss terms of this step, by name.
        w_plus: the code so far, ``[N,L,512]``.
        weights: of the last step only: what the generator is adapted to the photo by (see `networks.adapted`).
        styles: the style vectors so far, where these are edited instead of the code.
    """

    stage: str
    step: int
    steps: int
    preview: Image.Image | None = None
    terms: dict[str, float] = field(default_factory=dict)
    w_plus: Tensor | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)
    styles: list[Tensor] | None = None


def preview_due(step: int, steps: int) -> bool:
    """Whether a report of that step should carry a preview: the first two, every fourth and the last."""
    return step < 2 or step % 4 == 0 or step == steps
