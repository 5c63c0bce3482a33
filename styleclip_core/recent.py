"""What was computed of the faces used last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
T = TypeVar("T")


class Recent(Generic[K, T]):
    """Remembers what was computed of the last keys. It is dropped with its key, too.

    Attributes:
        size: of how many keys; the least recently used one is dropped. Many people's faces would fill the memory.
    """

    def __init__(self, size: int = 8):
        self.size = size
        self._known: WeakKeyDictionary[K, T] = WeakKeyDictionary()  # in the order of use

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: K, compute: Callable[[], T]) -> T:
        """What is known of a key, computed if nothing is."""
        known = self._known.pop(key) if key in self._known else compute()
        self._known[key] = known
        while len(self._known) > self.size:
            del self._known[next(iter(self._known))]
        return known
