"""What long edits report while they run, and the checks their settings share."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

from torch import Tensor

from styleclip_core.errors import BadPrompt, BadSetting, EmptyPrompt

MAX_PROMPT = 500  # characters; the text towers read 64 to 77 tokens


@dataclasses.dataclass(frozen=True)
class Step:
    """State after one iteration: the code ``w_plus``, and a preview ``[N,3,R,R]`` of the code before it, if drawn.

    ``weights``, of the last step, are those of the generator that go with the code, for `networks.adapted`.
    """

    step: int
    steps: int
    terms: dict[str, float]
    w_plus: Tensor
    preview: Tensor | None
    weights: dict[str, Tensor] = dataclasses.field(default_factory=dict)


def check_finite(settings: Any) -> None:
    """Raise BadSetting unless every setting of a dataclass whose default is a number is a finite one from 0 up."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(field.default, bool) or not isinstance(field.default, (int, float)):
            continue
        if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
            raise BadSetting(f"{field.name} must be a number from 0 up, not {value!r}.")


def check_range(name: str, value: Any, low: float, high: float) -> float:
    """Return ``value`` as a float; raise BadSetting unless it is a finite number from low to high."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise BadSetting(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.") from error
    if not low <= number <= high:  # also refuses NaN
        raise BadSetting(f"{name} must be from {low:g} to {high:g}, not {number:g}.")
    return number


def check_prompt(prompt: Any) -> str:
    """Return the prompt without surrounding or repeated space; raise EmptyPrompt or BadPrompt."""
    readable = str(prompt or "").encode("utf-8", "ignore").decode()  # lone surrogates come from broken shells
    text = " ".join(readable.split())
    if not text:
        raise EmptyPrompt("Type what to change, for example: a smiling person with grey hair.")
    if len(text) > MAX_PROMPT:
        raise BadPrompt(f"The prompt has {len(text)} characters; shorten it to {MAX_PROMPT} or fewer.")
    return text


def schedule(t: float) -> float:
    """A learning rate's share at ``t`` in [0,1): up over a tenth, hold, down along a cosine over the last third."""
    return min(1.0, 0.2 + 8 * t) * (0.5 + 0.5 * math.cos(math.pi * max(0.0, (t - 0.67) / 0.33)))
