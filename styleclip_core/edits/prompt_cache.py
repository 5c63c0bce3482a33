"""A cache of what was computed from prompts, such as embeddings and directions, for sliders that are being dragged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

from styleclip_core.packs.base import Pack, TextImageModel

MAX_ENTRIES = 256  # for each text-image model; beyond it the oldest entry is dropped

T = TypeVar("T")
# By text-image model instead of by pack: each face with an adapted generator has another pack, with the same model.
_entries: WeakKeyDictionary[TextImageModel, dict[tuple[str, str], object]] = WeakKeyDictionary()


def cached(pack: Pack, kind: str, prompt: str, compute: Callable[[], T]) -> T:
    """The result of ``compute`` for a prompt, from the cache if it is there.

    Args:
        kind: name of what is computed; results of one kind have one type.
    """
    entries, key = _entries.setdefault(pack.clip, {}), (kind, prompt)
    if key not in entries:
        result = compute()
        if len(entries) >= MAX_ENTRIES:
            entries.pop(next(iter(entries)))
        entries[key] = result
    return cast(T, entries[key])
