"""The benchmark's tables: methods at equal gain, at equal identity, against each other, and what else they change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from styleclip_core.evaluation.equal_gain import at_crossing, crossing, over_faces
from styleclip_core.evaluation.methods import METHODS, TASKS
from styleclip_core.evaluation.protocol import Row
from styleclip_core.evaluation.reports import grouped, markdown_table

GAIN = 1.5  # deviations over random faces at which methods are compared
MOST_GAIN = 3.0  # what a gain counts at most in means, so that no overshoot makes up for failures elsewhere
IDENTITY, DLIB = 0.7, 0.35  # likeness at which gains are compared: the pack's cosine, dlib's distance
UNEDITED = {"identity": 1.0}  # figures of a face that nothing was done to; others are 0
FIGURES = ("identity", "dlib", "drift", "most_drift", "lpips", "lpips_outside")
Interval = tuple[float, float, float]  # mean, and bounds of its 95 % interval
Figures = dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """One face and prompt by one method.

    Attributes:
        at_gain: figures where the edit reaches `GAIN`; None if it never does.
        at_identity: figures, and the gain, where the likeness is spent; at the highest strength if it never is. None
            without a judge of identity.
    """

    face: str
    prompt: str
    at_gain: Figures | None
    at_identity: Figures | None


def _curve(rows: Sequence[Row], figure: str) -> list[float]:
    """A figure at strength 0 and at each strength; seconds are those of the weakest edit at 0."""
    values = [np.nan if (v := getattr(row, figure)) is None else float(v) for row in rows]
    return [values[0] if figure == "seconds" else UNEDITED.get(figure, 0.0), *values]


def outcome(rows: Iterable[Row]) -> Outcome:
    """Interpolate the strengths of one face, prompt and method to the equal gain and to the equal identity.

    Identity is spent by dlib's distance where it judged, else by the pack's own cosine.
    """
    rows = sorted(rows, key=lambda row: row.strength)
    curves = {name: _curve(rows, name) for name in ("gain", *FIGURES, "match", "seconds")}

    def figures(place: tuple[int, float]) -> Figures:
        return {name: at_crossing(curve, place) for name, curve in curves.items()}

    reached = crossing(curves["gain"], GAIN)
    likeness, limit = ("dlib", DLIB) if np.isfinite(curves["dlib"]).all() else ("identity", IDENTITY)
    spent = None
    if np.isfinite(curves[likeness]).all():
        spent = figures(crossing(curves[likeness], limit) or (len(rows) - 1, 1.0))
        spent["gain"] = min(spent["gain"], MOST_GAIN)
    return Outcome(rows[0].face, rows[0].prompt, reached and figures(reached), spent)


def outcomes(rows: Iterable[Row]) -> dict[str, list[Outcome]]:
    """Of each method, in the order of `METHODS`, an outcome for every face and prompt that it tried."""
    groups = grouped(rows, lambda row: row.method)
    return {
        method: [outcome(edit) for edit in grouped(groups[method], lambda r: f"{r.face}\0{r.prompt}").values()]
        for method in METHODS
        if method in groups
    }


def _mean(found: Iterable[Outcome], at: str, figure: str) -> Interval:
    pairs = [(o.face, figures[figure]) for o in found if (figures := getattr(o, at))]
    return over_faces([(face, value) for face, value in pairs if np.isfinite(value)])


def reach(found: Iterable[Outcome]) -> Interval:
    """Percent of edits that reach the gain."""
    return over_faces([(o.face, 100.0 * (o.at_gain is not None)) for o in found])


def _cell(interval: Interval, digits: int = 2, sign: str = "") -> str:
    mean, low, high = interval
    if np.isnan(mean):
        return "-"
    if np.isnan(low):
        return f"{mean:{sign}.{digits}f}"
    return f"{mean:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def _title(method: str) -> str:
    return METHODS[method].title + (" †" if METHODS[method].looks else "")


def gain_table(board: Mapping[str, Sequence[Outcome]]) -> str:
    """Markdown, a row a method: at equal gain. Columns with an asterisk are by what the program was made with."""
    columns = ["method", "faces", "edits", "reach % *", "identity *", "dlib distance", "drift *", "largest drift *"]
    columns += ["LPIPS", "LPIPS outside", "own score (self-judged)", "seconds"]
    rows = []
    for method, found in board.items():
        cells = [_cell(_mean(found, "at_gain", name), 3 if "lpips" in name else 2) for name in FIGURES]
        more = [_cell(_mean(found, "at_gain", "match"), 1), _cell(_mean(found, "at_gain", "seconds"), 1)]
        rows.append([_title(method), len({o.face for o in found}), len(found), _cell(reach(found), 0), *cells, *more])
    return markdown_table(columns, rows)


def identity_table(board: Mapping[str, Sequence[Outcome]]) -> str:
    """Markdown, a row a method: at equal identity."""
    names = ("gain", *FIGURES)
    columns = ["method", "edits", "gain *", "identity *", "dlib distance", "drift *", "largest drift *", "LPIPS"]
    rows = [
        [_title(method), len(found)]
        + [_cell(_mean(found, "at_identity", name), 3 if "lpips" in name else 2) for name in names]
        for method, found in board.items()
    ]
    return markdown_table([*columns, "LPIPS outside"], rows)


def versus_table(board: Mapping[str, Sequence[Outcome]]) -> str:
    """Markdown, a row for each of ours and each other method, on the faces and prompts that both tried.

    Differences are ours less the other's, where both reach the gain.
    """
    rows = []
    for ours in (method for method in board if METHODS[method].ours):
        for other in (method for method in board if not METHODS[method].ours):
            theirs = {(o.face, o.prompt): o for o in board[other]}
            both = [(o, theirs[o.face, o.prompt]) for o in board[ours] if (o.face, o.prompt) in theirs]
            if both:
                reached = [(a.face, a.at_gain, b.at_gain) for a, b in both if a.at_gain and b.at_gain]
                cells = []
                for figure in ("dlib", "identity", "drift", "lpips"):
                    pairs = [(face, a[figure] - b[figure]) for face, a, b in reached]
                    less = over_faces([(face, value) for face, value in pairs if np.isfinite(value)])
                    cells.append(_cell(less, 3 if figure == "lpips" else 2, "+"))
                shares = [f"{100 * np.mean([o[i].at_gain is not None for o in both]):.0f}" for i in (0, 1)]
                rows.append([_title(ours), _title(other), len(both), *shares, len(reached), *cells])
    columns = ["ours", "other", "edits", "reach % *", "other's reach % *", "both reach", "dlib distance"]
    return markdown_table([*columns, "identity *", "drift *", "LPIPS"], rows)


def reach_table(board: Mapping[str, Sequence[Outcome]]) -> str:
    """Markdown: of each prompt and method how many faces reach the gain."""
    prompts = dict.fromkeys(o.prompt for found in board.values() for o in found)
    lines = []
    for prompt in prompts:
        tried = [[o.at_gain is not None for o in found if o.prompt == prompt] for found in board.values()]
        lines.append([prompt, *(f"{sum(edits)}/{len(edits)}" if edits else "" for edits in tried)])
    return markdown_table(["prompt", *map(_title, board)], lines)


def nearest(rows: Iterable[Row], target: float = GAIN) -> Row:
    """Of the strengths of one edit, up to the first that reaches a gain, the one whose gain is nearest to it.

    Stronger ones are left out: where a picture falls apart, its gain may come near again.
    """
    tried: list[Row] = []
    for row in sorted(rows, key=lambda row: row.strength):
        tried.append(row)
        if row.gain >= target:
            break
    return min(tried, key=lambda row: abs(row.gain - target))


def changes(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """Prompt and method -> mean signed changes of all readings, each edit at the strength nearest to `GAIN`."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    tried = {(row.prompt, row.method) for row in rows}
    for prompt, method in ((task.prompt, method) for task in TASKS for method in METHODS):
        if (prompt, method) not in tried:
            continue
        own = [row for row in rows if (row.prompt, row.method) == (prompt, method)]
        edits = [nearest(edit) for edit in grouped(own, lambda row: row.face).values()]
        keys = dict.fromkeys(key for row in edits for key in row.moved)
        found[prompt, method] = {
            key: float(np.mean([row.moved[key] for row in edits if key in row.moved])) for key in keys
        }
    return found


OTHERS = ("yaw", "pitch", "eye_open", "brow_down", "lip_redness", "iris_b", "jaw_dark", "hair_area", "face_aspect")
SHOWN = (*(task.reading for task in TASKS), *OTHERS, "background_L", "brightness")


def rescoring_table(rows: Sequence[Row]) -> str:
    """Markdown: a row an edit, a column a reading, signed changes in deviations; those below 0.05 are left out."""
    lines = []
    for (prompt, method), moved in changes(rows).items():
        cells = [f"{moved[key]:+.1f}" if abs(moved.get(key, 0.0)) >= 0.05 else "" for key in SHOWN]
        lines.append([prompt, _title(method), *cells])
    return markdown_table(["prompt", "method", *(name.replace("_", " ") for name in SHOWN)], lines)
