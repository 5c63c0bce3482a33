"""Files are there whole or not at all, and one process at a time is at a name."""

import errno
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from styleclip_core.batch.store import Folder, Remote, open_store

PROCESSES = multiprocessing.get_context("fork")


def write_on(folder: Path) -> None:
    while True:
        for letter in b"abc":
            Folder(folder).write("deep/file", bytes([letter]) * 300_000)


def hold(folder: Path, told: Connection) -> None:
    with Folder(folder).claim("photo", True) as free:
        told.send(free)
        time.sleep(60)


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    for pause in (0.05, 0.11, 0.23):
        writer = PROCESSES.Process(target=write_on, args=(tmp_path,))
        writer.start()
        while not (tmp_path / "deep/file").exists():
            time.sleep(0.01)
        time.sleep(pause)
        writer.kill()
        writer.join()
        content = (tmp_path / "deep/file").read_bytes()
        assert len(content) == 300_000 and len(set(content)) == 1
    Folder(tmp_path).write("deep/file", b"new")
    assert Folder(tmp_path).read("deep/file") == b"new" and os.listdir(tmp_path / "deep") == ["file"]


def test_one_process_holds_a_name_until_it_is_killed(tmp_path: Path) -> None:
    told, tell = PROCESSES.Pipe()
    holder, store = PROCESSES.Process(target=hold, args=(tmp_path, tell)), Folder(tmp_path)
    holder.start()
    assert told.recv()
    with store.claim("photo", False) as free, store.claim("another", False) as other:
        assert not free and other
    holder.kill()
    with store.claim("photo", True) as free:
        assert free
    holder.join()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Folder(tmp_path)
    store.write("file", b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        store.write("file", b"new")
    assert store.read("file") == b"old" and os.listdir(tmp_path) == ["file"] and store.read("none") is None


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_urls(tmp_path: Path, kind: str) -> None:
    store = open_store(f"{kind}://{tmp_path if kind == 'local' else '/bucket'}/out")
    assert isinstance(store, Remote) and store.read("a/file") is None
    for content in (b"one", b"two"):
        store.write("a/file", content)
        assert store.read("a/file") == content
    with store.claim("a", True) as free:
        assert free


def test_paths_and_urls_of_files_are_folders(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)) == Folder(tmp_path) == open_store(f"file://{tmp_path}")
