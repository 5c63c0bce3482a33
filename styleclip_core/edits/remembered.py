"""What was made of a prompt before, kept while sliders are dragged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

from styleclip_core.packs.base import Pack, TextImageModel

MANY = 256  # prompts; the oldest is forgotten

T = TypeVar("T")
# By the text-image model, not by the pack: a face with a generator of its own has a pack of its own each time.
_known: WeakKeyDictionary[TextImageModel, dict[tuple[str, str], object]] = WeakKeyDictionary()


def remembered(pack: Pack, key: tuple[str, str], make: Callable[[], T]) -> T:
    """What ``make`` returned the first time for a key: what was made, and the prompt."""
    known = _known.setdefault(pack.clip, {})
    if key not in known:
        made = make()
        if len(known) >= MANY:
            known.pop(next(iter(known)))
        known[key] = made
    return known[key]  # type: ignore[return-value]  # one kind of key goes with one kind of value
