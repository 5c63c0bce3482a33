"""What came of each photo: results.jsonl, a row a photo, and index.html, a contact sheet. No dates, no durations."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from styleclip_core.batch.jobs import Plan
from styleclip_core.batch.store import Store
from styleclip_core.batch.work import Row

STYLE = """body{font:15px/1.4 system-ui,sans-serif;margin:1.5rem;color:#222;background:#fff}
table{border-collapse:collapse}th,td{padding:.4rem;text-align:left;vertical-align:top;border-top:1px solid #ddd}
td:first-child{overflow-wrap:anywhere;min-width:4.5rem;max-width:11rem}div{overflow-x:auto}
img{display:block;max-width:256px;height:auto}small{color:#666}.bad{color:#a00}
@media(max-width:700px){img{max-width:28vw}body{margin:.5rem}td,th{padding:.2rem;font-size:13px}}"""
SHOWN = 2000  # photos that the contact sheet has room for: more of them no browser likes


@dataclass(frozen=True)
class Summary:
    """How many photos were edited, and of how many nothing came."""

    edited: int
    failed: int


def write_report(store: Store, plan: Plan, photos: Sequence[Path], rows: Mapping[Path, Row]) -> Summary:
    """Write both files, in the photos' order. Raises OSError."""
    lines = [json.dumps({"input": str(photo), **rows[photo]}, ensure_ascii=False, sort_keys=True) for photo in photos]
    failed = sum("error" in rows[photo] for photo in photos)
    with store.claim("report", True):
        store.write("results.jsonl", "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace"))
        store.write("index.html", _sheet(plan, photos, rows, failed).encode("utf-8", "backslashreplace"))
    return Summary(len(photos) - failed, failed)


def _sheet(plan: Plan, photos: Sequence[Path], rows: Mapping[Path, Row], failed: int) -> str:
    heads = "".join(f"<th>{html.escape(name)}<br><small>{_said(plan, name)}</small></th>" for name in plan.edits)
    body = "\n".join(_line(plan, photo, rows[photo]) for photo in photos[:SHOWN])
    more = f" The first {SHOWN:,} are shown; results.jsonl has all." if len(photos) > SHOWN else ""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Edited photos</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>
<h1>Edited photos</h1><p>{len(photos) - failed} edited, {failed} not. The edited pictures are made by AI.{more}</p>
<div><table><tr><th>Photo</th><th>Before</th>{heads}</tr>
{body}
</table></div></html>
"""


def _said(plan: Plan, name: str) -> str:
    title = plan.edits[name].title
    return html.escape(title) if title != name else ""


def _line(plan: Plan, photo: Path, row: Row) -> str:
    name = html.escape(photo.name)
    if "error" in row:
        said = html.escape(row["error"])
        return f'<tr><td>{name}</td><td colspan="{1 + len(plan.edits)}" class="bad">{said}</td></tr>'
    cells = "".join(_edit(row["edits"][title], name, title) for title in plan.edits)
    before = f'<img src="{quote(row["before"]["file"])}" alt="{name}" loading="lazy">'
    return f"<tr><td>{name}</td><td>{before}</td>{cells}</tr>"


def _edit(edit: Row, name: str, title: str) -> str:
    likeness = [face["identity"] for face in edit["faces"] if "identity" in face]
    numbers = f"<small>same person {min(likeness):.2f}</small>" if likeness else ""
    picture = f'<img src="{quote(edit["small"])}" alt="{name}, {html.escape(title)}" loading="lazy">'
    return f'<td><a href="{quote(edit["file"])}">{picture}</a>{numbers}</td>'
