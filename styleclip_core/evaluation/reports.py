"""Reports: the one table in Markdown and the one grid of pictures, and what they show of edits and sliders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

from styleclip_core.evaluation.metrics import DRIFTS, LABEL_DRIFTS, EditResult, SliderResult, kept

T = TypeVar("T")


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; floats come as they are printed by ``str``, so format them first."""
    cells = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join(markdown_row(row) for row in cells)


def markdown_row(cells: Iterable[object]) -> str:
    """One row of `markdown_table`, for tables that are printed as they grow."""
    return "| " + " | ".join(map(str, cells)) + " |"


def grid(
    rows: Sequence[Sequence[Image.Image]], cell: int, names: Sequence[str] | None = None, margin: int = 150
) -> Image.Image:
    """Pictures in rows of equal squares, white where a row is shorter.

    Args:
        rows: of pictures, each resized to ``cell`` px.
        names: of the rows, written into a margin of ``margin`` px on the left.
    """
    left = margin if names else 0
    sheet = Image.new("RGB", (left + cell * max(map(len, rows), default=0), cell * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        if names:
            draw.text((4, y * cell + 4), names[y], fill="black")
        for x, picture in enumerate(row):
            sheet.paste(picture.resize((cell, cell), Image.Resampling.LANCZOS), (left + x * cell, y * cell))
    return sheet


def save_picture(picture: Image.Image, path: Path, quality: int = 92) -> None:
    """Write a picture, making its folder; ``quality`` is that of a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=quality)


def grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """The items by key, in the order of their first appearance."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def slider_table(results: Iterable[SliderResult]) -> str:
    """One row a slider: share of faces on which the label moved by a deviation or more, mean gain, identity, drifts."""
    rows = []
    for slider, group in grouped(results, lambda r: r.slider).items():
        drifts = [[abs(r.drift[n]) for r in group if np.isfinite(r.drift.get(n, np.nan))] for n in LABEL_DRIFTS]
        moved = f"{sum(r.gain >= 1 for r in group)}/{len(group)}"
        strength, gain = f"{np.mean([r.strength for r in group]):.1f}", f"{np.mean([r.gain for r in group]):+.1f}"
        identity = f"{np.mean([r.identity for r in group]):.2f}"
        rows.append([slider, moved, strength, gain, identity, *(f"{np.mean(d):.2f}" if d else "" for d in drifts)])
    columns = ["slider", "moved", "strength", "gain, sd", "identity", *(f"{name} drift, sd" for name in LABEL_DRIFTS)]
    return markdown_table(columns, rows)


def slider_grid(results: Iterable[SliderResult], cell: int = 128, most: int = 6) -> Image.Image:
    """A row a slider, its first faces side by side, each before and after."""
    groups = grouped(results, lambda r: r.slider)
    rows = [[picture for r in group[:most] for picture in (r.before, r.after)] for group in groups.values()]
    return grid(rows, cell, list(groups))


def edit_table(results: Iterable[EditResult]) -> str:
    """One row a prompt: success, mean gain, mean absolute drifts, identity, seconds."""
    rows = []
    for prompt, group in grouped(results, lambda r: r.request.prompt).items():
        plain, gain = f"{sum(r.plain for r in group)}/{len(group)}", f"{np.mean([r.gain for r in group]):+.2f}"
        drifts = [f"{np.nanmean([abs(r.drift[name]) for r in group]):.2f}" for name in DRIFTS]
        identity = f"{np.mean([r.edit.scores['identity'] for r in group]):.2f}"
        seconds = f"{np.mean([r.edit.scores['seconds'] for r in group]):.0f}"
        rows.append([prompt, plain, gain, group[0].request.unit, *drifts, identity, seconds])
    columns = ["prompt", "plain on", "gain", "measured by", *(f"{name} drift" for name in DRIFTS), "identity", "s"]
    return markdown_table(columns, rows)


def edit_grid(results: Iterable[EditResult], cell: int = 160) -> Image.Image:
    """A row a prompt, its faces side by side: each before (the photo where there is one) and after."""
    groups = grouped(results, lambda r: r.request.prompt)
    pairs = [[(kept(r.face), kept(r.edit)) for r in group] for group in groups.values()]
    return grid([[picture for pair in row for picture in pair] for row in pairs], cell, list(groups), margin=80)
