"""The files of pretrained/, trained by `styleclip_core.training`: in a clone and in the package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from styleclip_core.errors import WeightsUnavailable
from styleclip_core.weights.checkpoint import Checkpoint, Tick, sha256

_PACKAGE = Path(__file__).resolve().parents[1]
# Inside the package where it was installed by pip, at the top of the repository in a clone.
PRETRAINED = next((folder for folder in (_PACKAGE / "pretrained",) if folder.is_dir()), _PACKAGE.parent / "pretrained")
SUMS = "SHA256SUMS"  # in PRETRAINED, in the format of sha256sum(1): the only place that knows the bundled files' sums
TERMS = "MIT; trained on pictures of the compact generator (see the card, and that generator's terms)"


@dataclass(frozen=True)
class Bundled:
    """A file in pretrained/."""

    def __str__(self) -> str:
        return "pretrained/"

    def find(self, checkpoint: Checkpoint) -> list[Path]:
        return [PRETRAINED / checkpoint.file]

    def offers(self, checkpoint: Checkpoint, timeout: float = 3.0) -> bool:
        return False  # it is here, or nowhere

    def download(self, checkpoints: list[Checkpoint], folder: Path, tick: Tick) -> Iterator[tuple[Checkpoint, Path]]:
        raise damaged(checkpoints[0])


def damaged(checkpoint: Checkpoint) -> WeightsUnavailable:
    """The error for a bundled file that is not as it was shipped."""
    return WeightsUnavailable(
        f"{PRETRAINED / checkpoint.file} is missing or damaged; restore it with `git checkout -- pretrained` "
        "or clone the project again."
    )


def read_sums() -> dict[str, str]:
    """File name -> sha256 of everything in pretrained/."""
    file = PRETRAINED / SUMS
    lines = file.read_text().splitlines() if file.is_file() else []
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def write_sum(file: Path) -> None:
    """Note the sha256 of a file just written to pretrained/. Two processes must not call this at once."""
    name = file.resolve().relative_to(PRETRAINED).as_posix()
    sums = read_sums() | {name: sha256(PRETRAINED / name)}
    scratch = PRETRAINED / f".{SUMS}"
    scratch.write_text("".join(f"{sums[key]}  {key}\n" for key in sorted(sums)))
    os.replace(scratch, PRETRAINED / SUMS)


def bundled_checkpoints() -> dict[str, Checkpoint]:
    """The checkpoints of pretrained/, by their paths in it."""

    def size(name: str) -> int:
        return (PRETRAINED / name).stat().st_size if (PRETRAINED / name).is_file() else 0

    return {n: Checkpoint(n, Bundled(), n, size(n), d, TERMS, "compact") for n, d in read_sums().items()}
