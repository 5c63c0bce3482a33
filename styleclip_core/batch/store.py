"""Where results go: a folder, or whatever fsspec can write to. A file is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout


class Store(Protocol):
    """Files by their names, "/" between folders."""

    def read(self, name: str) -> bytes | None:
        """The file's content; None if there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Replace the file by one with this content, whole or not at all. Raises OSError."""
        ...

    def claim(self, name: str, wait: bool) -> contextlib.AbstractContextManager[bool]:
        """Whether nobody else holds this name; it is held until the end, and freed if the process is killed."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that machines share by a file system with locks (NFS 4, Lustre)."""

    root: Path

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Who writes holds the claim, so one name will do: what a killed process left is written over by the next.
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        if os.name == "posix":  # the new name survives a loss of power, too
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def claim(self, name: str, wait: bool) -> Iterator[bool]:
        path = self.root / ".claims" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


@dataclass(frozen=True)
class Remote:
    """A URL of fsspec's, as s3://bucket/folder. Object stores have no locks: one run at a time may write there."""

    url: str

    def read(self, name: str) -> bytes | None:
        system, path = self._find(name)
        try:
            return system.cat_file(path)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        system, path = self._find(name)
        try:
            system.pipe_file(path, data)  # object stores show an object when its upload is complete
        except FileNotFoundError:  # where there are folders
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(path, data)

    @contextlib.contextmanager
    def claim(self, name: str, wait: bool) -> Iterator[bool]:
        yield True

    def _find(self, name: str) -> tuple[Any, str]:
        """The file system, and the file's path in it."""
        import fsspec

        return fsspec.url_to_fs(f"{self.url.rstrip('/')}/{name}")


def open_store(place: str) -> Store:
    """The store at a path or URL. A folder is made when something is written."""
    if place.startswith("file://"):
        return Folder(Path(place.removeprefix("file://")))
    return Remote(place) if "://" in place else Folder(Path(place))
