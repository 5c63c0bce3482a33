"""The benchmark's results: the tables at equal gain and equal identity, curves, a grid, as Markdown, CSV and HTML."""

from __future__ import annotations

import base64
import csv
import html
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from styleclip_core.evaluation.equal_gain import at_crossing, crossing, over_faces
from styleclip_core.evaluation.methods import METHODS
from styleclip_core.evaluation.protocol import PICTURES, Row, picture_name
from styleclip_core.evaluation.reports import grid, grouped, markdown_table, save_picture

GAIN = 1.5  # deviations over random faces at which methods are compared
IDENTITY, DLIB = 0.7, 0.35  # likeness at which gains are compared: the pack's cosine, dlib's distance
START = {"gain": 0.0, "identity": 1.0, "dlib": 0.0, "drift": 0.0, "most_drift": 0.0, "lpips": 0.0, "lpips_outside": 0.0}
JUDGED = ("identity", "dlib", "drift", "most_drift", "lpips", "lpips_outside", "match", "seconds")
Interval = tuple[float, float, float]  # mean, and bounds of its 95 % interval


@dataclass(frozen=True)
class Score:
    """One method. Figures but reach are of the edits that reach the gain; ``gain`` is that at equal identity."""

    method: str
    faces: int
    edits: int
    reach: Interval
    gain: Interval
    figures: dict[str, Interval]


def _curve(rows: Sequence[Row], figure: str) -> list[float]:
    """A figure at strength 0 and at each strength."""
    values = [getattr(row, figure) for row in rows]
    return [START.get(figure, values[0] if figure == "seconds" else 0.0), *(np.nan if v is None else v for v in values)]


def score(method: str, rows: Iterable[Row]) -> Score:
    """Interpolate every edit of one method to `GAIN`, and to equal identity by dlib where it judged, else the pack's.

    A gain at equal identity that was not yet spent at the highest strength is that of the highest strength.
    """
    edits = grouped(sorted(rows, key=lambda r: r.strength), lambda r: f"{r.face}\0{r.prompt}")
    reached, gains = [], []
    figures: dict[str, list[tuple[str, float]]] = {name: [] for name in JUDGED}
    for edit in edits.values():
        face, gain = edit[0].face, _curve(edit, "gain")
        place = crossing(gain, GAIN)
        reached.append((face, 100.0 * (place is not None)))
        for name in JUDGED if place else ():
            value = at_crossing(_curve(edit, name), place)
            if np.isfinite(value):
                figures[name].append((face, value))
        likeness, spent = ("dlib", DLIB) if edit[0].dlib is not None else ("identity", IDENTITY)
        if getattr(edit[0], likeness) is not None:
            at = crossing(_curve(edit, likeness), spent)
            gains.append((face, at_crossing(gain, at) if at else gain[-1]))
    means = {name: over_faces(pairs) for name, pairs in figures.items()}
    return Score(
        method, len({r[0].face for r in edits.values()}), len(edits), over_faces(reached), over_faces(gains), means
    )


def scores(rows: Sequence[Row]) -> list[Score]:
    """One for each method, in the order of `METHODS`."""
    groups = grouped(rows, lambda r: r.method)
    return [score(method, groups[method]) for method in METHODS if method in groups]


def _cell(interval: Interval, digits: int = 2) -> str:
    mean, low, high = interval
    return "-" if np.isnan(mean) else f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def main_table(board: Sequence[Score]) -> str:
    """Markdown, a row a method. Columns with an asterisk are by what the program was made with."""
    columns = ["method", "faces", "edits", "reach %", "gain at equal identity", "identity *", "dlib distance"]
    columns += ["drift *", "largest drift *", "LPIPS", "LPIPS outside", "own score (self-judged)", "seconds"]
    rows = [
        [METHODS[s.method].title, s.faces, s.edits, _cell(s.reach, 0), _cell(s.gain)]
        + [_cell(s.figures[name], 3 if name.startswith("lpips") else 2) for name in JUDGED]
        for s in board
    ]
    return markdown_table(columns, rows)


def reach_table(rows: Sequence[Row]) -> str:
    """Markdown: of each prompt and method how many faces reach the gain."""
    methods = [s.method for s in scores(rows)]
    lines = []
    for prompt, group in grouped(rows, lambda r: r.prompt).items():
        cells = []
        for method in methods:
            found = [r for r in group if r.method == method]
            faces = grouped(found, lambda r: r.face).values()
            best = [max(r.gain for r in face) for face in faces]
            cells.append(f"{sum(g >= GAIN for g in best)}/{len(best)}" if best else "")
        lines.append([prompt, *cells])
    return markdown_table(["prompt", *(METHODS[m].title for m in methods)], lines)


def rescoring_table(rows: Sequence[Row], least: float = 0.3) -> str:
    """Markdown: mean signed changes at the strength whose gain is nearest to `GAIN`; small ones are left out."""
    lines = []
    for (method, prompt), group in _by(rows).items():
        nearest = [min(edit, key=lambda r: abs(r.gain - GAIN)) for edit in grouped(group, lambda r: r.face).values()]
        means = {
            k: float(np.mean([r.moved.get(k, 0.0) for r in nearest]))
            for k in sorted({k for r in nearest for k in r.moved})
        }
        most = sorted(means.items(), key=lambda item: -abs(item[1]))[:6]
        said = ", ".join(f"{key} {change:+.1f}" for key, change in most if abs(change) >= least)
        lines.append([prompt, METHODS[method].title, said])
    return markdown_table(["prompt", "method", "largest changes, deviations"], sorted(lines))


def _by(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    return {
        (method, prompt): found
        for method, group in grouped(rows, lambda r: r.method).items()
        for prompt, found in grouped(group, lambda r: r.prompt).items()
    }


def curves(rows: Sequence[Row]) -> Image.Image:
    """Mean gain against mean identity, a line a method through its strengths (dlib's distance where it judged)."""
    from matplotlib.figure import Figure

    figure = Figure((8, 5), layout="constrained")
    axes = figure.subplots()
    likeness = "dlib" if any(r.dlib is not None for r in rows) else "identity"
    for method, group in grouped(rows, lambda r: r.method).items():
        steps = grouped(sorted(group, key=lambda r: r.strength), lambda r: f"{r.strength:g}").values()
        points = [
            (np.mean([r.gain for r in s]), np.mean([getattr(r, likeness) or START[likeness] for r in s])) for s in steps
        ]
        x, y = zip((0.0, START[likeness]), *points, strict=True)
        axes.plot(x, y, "o-" if METHODS[method].ours else "x--", label=METHODS[method].title)
    axes.axvline(GAIN, color="grey", linewidth=0.8)
    axes.set_xlabel("gain, deviations over random faces")
    axes.set_ylabel("distance of dlib's embeddings" if likeness == "dlib" else "identity, the pack's own cosine")
    if likeness == "dlib":
        axes.invert_yaxis()  # better is up
    axes.legend(fontsize=8)
    written = BytesIO()
    figure.savefig(written, format="png", dpi=110)
    return Image.open(written).convert("RGB")


def nearest_grid(rows: Sequence[Row], folder: Path, cell: int = 160, most: int = 12) -> Image.Image:
    """A row a face and prompt: the face, then each method at the strength whose gain is nearest to `GAIN`."""
    methods = [s.method for s in scores(rows)]
    lines, names, seen = [], [], set()
    for edit in sorted(grouped(rows, lambda r: f"{r.prompt}\0{r.face}").values(), key=lambda e: e[0].prompt in seen):
        if edit[0].prompt in seen or len(lines) == most:
            continue
        seen.add(edit[0].prompt)
        line = [_open(folder, picture_name(edit[0].face))]
        for method in methods:
            own = [r for r in edit if r.method == method]
            line.append(_open(folder, min(own, key=lambda r: abs(r.gain - GAIN)).picture) if own else _blank())
        lines.append(line)
        names.append(edit[0].prompt.replace("a person ", ""))
    legend = grid([[_blank()] * (len(methods) + 1)], cell, [""], margin=150).crop(
        (0, 0, 150 + cell * (len(methods) + 1), 18)
    )
    draw = ImageDraw.Draw(legend)
    for i, title in enumerate(["before", *(METHODS[m].title for m in methods)]):
        draw.text((154 + i * cell, 3), title[:26], fill="black")
    below = grid(lines, cell, names, margin=150)
    sheet = Image.new("RGB", (below.width, below.height + legend.height), "white")
    sheet.paste(legend, (0, 0))
    sheet.paste(below, (0, legend.height))
    return sheet


def _blank() -> Image.Image:
    return Image.new("RGB", (8, 8), "white")


def _open(folder: Path, name: str) -> Image.Image:
    with Image.open(folder / PICTURES / name) as picture:
        return picture.convert("RGB")


def write(rows: Sequence[Row], folder: Path, about: str) -> None:
    """Write benchmark.md, rows.csv, curves.png, grid.jpg and benchmark.html, which holds its pictures itself.

    Args:
        about: lines of Markdown on what was run.
    """
    with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
        names = [f.name for f in fields(Row) if f.name != "moved"]
        keys = sorted({key for row in rows for key in row.moved})
        table = csv.writer(file)
        table.writerow([*names, *(f"moved {key}" for key in keys)])
        for row in rows:
            table.writerow(
                [*(asdict(row)[n] for n in names), *(f"{row.moved[k]:.3f}" if k in row.moved else "" for k in keys)]
            )
    save_picture(curves(rows), folder / "curves.png")
    save_picture(nearest_grid(rows, folder), folder / "grid.jpg", quality=85)
    parts = [
        ("At equal gain", main_table(scores(rows))),
        (f"Faces that reach {GAIN} deviations", reach_table(rows)),
        ("What else changes at that gain", rescoring_table(rows)),
    ]
    text = [f"# Benchmark\n\n{about}\n", "![Curves](curves.png)\n\n![Grid](grid.jpg)\n"]
    (folder / "benchmark.md").write_text(
        "\n".join(text + [f"## {name}\n\n{table}\n" for name, table in parts]), "utf-8"
    )
    page = [
        "<!doctype html><meta charset=utf-8><title>Benchmark</title>",
        _STYLE,
        f"<h1>Benchmark</h1><p>{html.escape(about)}",
    ]
    for name, kind in (("curves.png", "png"), ("grid.jpg", "jpeg")):
        data = base64.b64encode((folder / name).read_bytes()).decode()
        page.append(f'<p><img alt="{name}" src="data:image/{kind};base64,{data}">')
    page += [f"<h2>{html.escape(name)}</h2>{_html_table(table)}" for name, table in parts]
    (folder / "benchmark.html").write_text("\n".join(page), "utf-8")


_STYLE = (
    "<style>body{font:14px sans-serif;margin:2em}td,th{border:1px solid #ccc;padding:3px 6px}"
    "table{border-collapse:collapse}img{max-width:100%}</style>"
)


def _html_table(markdown: str) -> str:
    lines = [[html.escape(cell.strip()) for cell in line.strip("| ").split(" | ")] for line in markdown.splitlines()]
    head = "".join(f"<th>{cell}</th>" for cell in lines[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines[2:])
    return f"<table><tr>{head}</tr>{body}</table>"
