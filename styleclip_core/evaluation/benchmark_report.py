"""What the benchmark writes: tables as Markdown and CSV, curves, a grid of pictures, and a page that holds them all."""

from __future__ import annotations

import base64
import csv
import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from styleclip_core.evaluation import scoreboard
from styleclip_core.evaluation.methods import METHODS
from styleclip_core.evaluation.protocol import PICTURES, Row, picture_name
from styleclip_core.evaluation.reports import grid, grouped, save_picture

CELL, MARGIN, TOP = 116, 100, 48  # px of the grid
KEY = (
    "Columns with an asterisk, and the readings that gains are of, are by networks and measures that also labelled the "
    "training data; dlib's and AlexNet's took no part in it. † looks at those readings while it edits and keeps the "
    "picture that shows most, so its reach is partly self-judged. Failures count in reach %; other figures of the "
    "first table are means over the edits that do reach the gain, which differ from method to method: the table "
    "'Against each other' is on the same edits."
)


def curves(rows: Sequence[Row]) -> Image.Image:
    """Mean gain against mean likeness through a method's strengths, one panel a prompt (dlib's where it judged)."""
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    likeness = "dlib" if all(row.dlib is not None for row in rows) else "identity"
    panels = grouped(rows, lambda row: row.prompt)
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = Figure((4 * across, 3.2 * down + 0.9), layout="constrained")
    axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    lines: dict[str, Artist] = {}
    for panel, (prompt, group) in zip(axes, panels.items(), strict=False):
        for i, (name, method) in enumerate(METHODS.items()):
            own = sorted((row for row in group if row.method == name), key=lambda row: row.strength)
            if own:
                steps = grouped(own, lambda row: f"{row.strength:g}").values()
                x = [0.0, *(np.mean([min(r.gain, 2 * scoreboard.MOST_GAIN) for r in step]) for step in steps)]
                measured = [[v for r in step if (v := getattr(r, likeness)) is not None] for step in steps]
                y = [scoreboard.UNEDITED.get(likeness, 0.0), *(np.mean(v) if v else np.nan for v in measured)]
                style = "o-" if method.ours else "x--"
                lines[method.title] = panel.plot(x, y, style, color=f"C{i}", markersize=4, linewidth=1.2)[0]
        panel.axvline(scoreboard.GAIN, color="grey", linewidth=0.8)
        faces = len({row.face for row in group})
        panel.set_title(f"{prompt} ({faces} face{'s' * (faces > 1)})", fontsize=9)
    for panel in axes[len(panels) :]:
        panel.set_axis_off()
    axes[across * (down - 1)].set_xlabel("gain, deviations over random faces", fontsize=9)
    figure.supylabel("dlib's distance (up is more alike)" if likeness == "dlib" else "identity, the pack's", fontsize=9)
    if likeness == "dlib":
        figure.axes[0].invert_yaxis()
    figure.legend(list(lines.values()), list(lines), loc="outside upper center", ncols=3, fontsize=8)
    written = BytesIO()
    figure.savefig(written, format="png", dpi=80)
    return Image.open(written).convert("RGB")


def picture_grid(rows: Sequence[Row], folder: Path) -> Image.Image:
    """A row a prompt: a face, then each method at the strength whose gain is nearest to the equal gain, written below.

    Faces take turns. Only strengths that were tried are shown, so that every picture is one that was measured.
    """
    methods = [name for name in METHODS if any(row.method == name for row in rows)]
    lines, names, under = [], [], []
    for number, (prompt, group) in enumerate(grouped(rows, lambda row: row.prompt).items()):
        faces = sorted(
            grouped(group, lambda row: row.face).values(), key=lambda edits: -len({row.method for row in edits})
        )
        most = [edits for edits in faces if len({r.method for r in edits}) == len({r.method for r in faces[0]})]
        edits = most[number % len(most)]
        shown = [scoreboard.nearest(own) if (own := [r for r in edits if r.method == m]) else None for m in methods]
        lines.append(
            [_open(folder, picture_name(edits[0].face)), *(_open(folder, r.picture) if r else _blank() for r in shown)]
        )
        names.append("\n".join(prompt.replace("a person ", "").split(" ", 1)))
        under.append([f"{r.gain:+.1f} at {r.strength:g}" if r else "" for r in shown])
    below = grid(lines, CELL, names, margin=MARGIN)
    sheet = Image.new("RGB", (below.width, below.height + TOP), "white")
    sheet.paste(below, (0, TOP))
    draw = ImageDraw.Draw(sheet)
    for i, title in enumerate(["before", *(METHODS[m].title for m in methods)]):
        draw.text((MARGIN + 4 + i * CELL, 3), title.replace(" (", "\n(").replace(", ", ",\n", 1), fill="black")
    for y, line in enumerate(under):
        for x, text in enumerate(line):
            at = (MARGIN + (x + 1) * CELL + 4, TOP + (y + 1) * CELL - 14)
            draw.text(at, text, fill="white", stroke_width=2, stroke_fill="black")
    return sheet


def _blank() -> Image.Image:
    return Image.new("RGB", (8, 8), "white")


def _open(folder: Path, name: str) -> Image.Image:
    with Image.open(folder / PICTURES / name) as picture:
        return picture.convert("RGB")


def write(rows: Sequence[Row], folder: Path, about: str) -> None:
    """Write benchmark.md, rows.csv, rescoring.csv, curves.png, grid.jpg and benchmark.html, which holds its pictures.

    Args:
        about: a paragraph of plain text on what was run.
    """
    names = [field.name for field in fields(Row) if field.name != "moved"]
    _write_csv(folder / "rows.csv", names, [[asdict(row)[name] for name in names] for row in rows])
    moved = scoreboard.changes(rows)
    keys = list(dict.fromkeys(key for found in moved.values() for key in found))
    lines = [[*edit, *(f"{found[key]:.3f}" if key in found else "" for key in keys)] for edit, found in moved.items()]
    _write_csv(folder / "rescoring.csv", ["prompt", "method", *keys], lines)
    small = curves(rows).quantize(128, dither=Image.Dither.NONE)  # of few colours anyway, and much smaller so
    save_picture(small, folder / "curves.png")
    save_picture(picture_grid(rows, folder), folder / "grid.jpg", quality=64)
    parts = tables(rows)
    text = [f"# Benchmark\n\n{about}\n\n{KEY}\n", "![Gain against likeness](curves.png)\n\n![Edits](grid.jpg)\n"]
    text += [f"## {name}\n\n{table}\n" for name, table in parts.items()]
    (folder / "benchmark.md").write_text("\n".join(text), "utf-8")
    page = [_HEAD, f"<h1>Benchmark</h1><p>{html.escape(about)}<p>{html.escape(KEY)}"]
    for name, kind, alt in (("curves.png", "png", "Gain against likeness"), ("grid.jpg", "jpeg", "Edits")):
        data = base64.b64encode((folder / name).read_bytes()).decode()
        page.append(f'<p><img alt="{alt}" src="data:image/{kind};base64,{data}">')
    page += [f"<h2>{html.escape(name)}</h2>{_html_table(table)}" for name, table in parts.items()]
    (folder / "benchmark.html").write_text("\n".join(page), "utf-8")


def tables(rows: Sequence[Row]) -> Mapping[str, str]:
    """All tables in Markdown, by their headings."""
    board = scoreboard.outcomes(rows)
    likeness = f"dlib's distance {scoreboard.DLIB:g}, without dlib the pack's cosine {scoreboard.IDENTITY:g}"
    return {
        f"At equal gain ({scoreboard.GAIN:g} deviations)": scoreboard.gain_table(board),
        f"At equal identity ({likeness})": scoreboard.identity_table(board),
        "Against each other, on the same edits, at equal gain": scoreboard.versus_table(board),
        "Faces that reach the gain": scoreboard.reach_table(board),
        "What else changes, in deviations, at the strength nearest to that gain": scoreboard.rescoring_table(rows),
    }


def _write_csv(path: Path, columns: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(lines)


_HEAD = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Benchmark</title><style>body{font:14px sans-serif;"
    "margin:2em}td,th{border:1px solid #ccc;padding:3px 6px}table{border-collapse:collapse}img{max-width:100%}</style>"
)


def _html_table(markdown: str) -> str:
    lines = [[html.escape(cell.strip()) for cell in line[1:-1].split("|")] for line in markdown.splitlines()]
    head = "".join(f"<th>{cell}</th>" for cell in lines[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in lines[2:])
    return f"<table><tr>{head}</tr>{body}</table>"
