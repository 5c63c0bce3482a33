"""The folder beside the output in which a clip's work is kept, so that it can go on after it was broken off."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from styleclip_core.settings import VideoSettings
from styleclip_core.version import __version__
from styleclip_core.video.container import Clip
from styleclip_core.video.step import Step, Wish


def open_work(out: Path, clip: Clip, wish: Wish, settings: VideoSettings, pack: str, face: int) -> Path:
    """The folder of this work; what another input, edit or version left there is deleted."""
    folder = out.with_name(f".{out.name}.work")
    with clip.path.open("rb") as file:
        source = hashlib.file_digest(file, "sha256").hexdigest()
    asked = [source, clip.start, clip.end, asdict(wish), asdict(settings), pack, face, __version__]
    key, note = json.dumps(asked, sort_keys=True, default=str), folder / "asked.json"
    if not note.is_file() or note.read_text("utf-8") != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(key, "utf-8")
    return folder


def close_work(folder: Path) -> None:
    """Delete it: the work is done."""
    shutil.rmtree(folder, ignore_errors=True)


def save_step(step: Step, path: Path) -> None:
    """Write the step as plain arrays."""
    arrays = {"code": step.code.numpy(), "tight": np.array(step.tight), "said": np.array(step.said)}
    arrays |= {f"style_{i}": each.numpy() for i, each in enumerate(step.styles or [])}
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def load_step(path: Path) -> Step | None:
    """Read what `save_step` wrote, if it is there."""
    with contextlib.suppress(FileNotFoundError), np.load(path, allow_pickle=False) as file:
        count = sum(name.startswith("style_") for name in file.files)
        styles = [torch.from_numpy(file[f"style_{i}"]) for i in range(count)] or None
        return Step(torch.from_numpy(file["code"]), styles, bool(file["tight"]), str(file["said"]))
    return None
