"""The photos that come along, and an edit of each that the program made: what people see before they do anything."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

_BESIDE = Path(__file__).resolve().parent  # an installed package has the examples in it, a clone beside it
EXAMPLES = next((f for f in (_BESIDE / "examples", _BESIDE.parent / "examples") if f.is_dir()), _BESIDE / "examples")
FINISHED = "finished"  # folder of the edits: edits.json says by which prompt, STEM.{before,after,photo}.jpg hold them


@dataclass(frozen=True)
class Example:
    """A photo, and its edit by a prompt."""

    photo: Path
    prompt: str

    @property
    def face(self) -> tuple[str, str]:
        """Files of the face before and after."""
        return self._file("before"), self._file("after")

    @property
    def whole(self) -> tuple[str, str]:
        """Files of the whole photo before and after."""
        return str(self.photo), self._file("photo")

    @property
    def said(self) -> str:
        return f"An example, “{self.prompt}”. Choose a photo of yours, describe the change and press Run."

    def _file(self, what: str) -> str:
        return str(EXAMPLES / FINISHED / f"{self.photo.stem}.{what}.jpg")


@functools.cache
def examples() -> list[Example]:
    """All of them, in the order of the table; none where the folder is missing."""
    table = EXAMPLES / FINISHED / "edits.json"
    edits: dict[str, str] = json.loads(table.read_text("utf-8")) if table.is_file() else {}
    return [Example(EXAMPLES / name, prompt) for name, prompt in edits.items()]


@functools.cache
def prompts() -> list[str]:
    """Prompts to begin with."""
    file = EXAMPLES / "prompts.txt"
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return [line.strip() for line in lines if line.strip()]
