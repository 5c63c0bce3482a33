"""Does an edit do what was asked, and only that? Measured by teachers that the edit never saw.

For each prompt: the gain of the measurement that the prompt names, and the drift of those that it does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from styleclip_core.results import Edit, Face

Measure = dict[str, float]  # of one picture: training/teachers.py, and "w:Beard" etc. from linear scorers of its code


@dataclass(frozen=True)
class Asked:
    """A prompt, the measurement it should move, below what a face lacks it, and what rise at least is plain."""

    prompt: str
    measure: Callable[[Measure], float]
    absent: float
    least: float
    unit: str
    only: str = ""  # "men": judged on men only


def _smile(m: Measure) -> float:
    return (m["bs_mouthSmileLeft"] + m["bs_mouthSmileRight"]) / 2


def _grey(m: Measure) -> float:
    return -np.hypot(m["hair_a"], m["hair_b"]) + 0.5 * m["hair_L"]


ASKED = (
    Asked("smiling", _smile, 0.4, 0.3, "smile blendshape"),
    Asked("eyeglasses", lambda m: m["bridge_edges"], 16, 12, "edges at the nose's bridge"),  # 6-15 without, 24-80 with
    Asked("blond hair", lambda m: m["hair_L"] + m["hair_b"], 50, 10, "hair L + b"),
    Asked("grey hair", _grey, 15, 6, "hair L/2 - chroma"),
    Asked("beard", lambda m: -m["w:No_Beard"], 0.5, 1.0, "W scorer, sd", "men"),
    Asked("old", lambda m: m["age"], 50, 8, "years"),
    Asked("young", lambda m: -m["age"], -30, 5, "years"),
    Asked("bangs", lambda m: m["forehead_hair"], 0.3, 0.15, "forehead under hair"),
    Asked("surprised", lambda m: m["bs_jawOpen"], 0.1, 0.15, "jaw-open blendshape"),
    Asked("bald", lambda m: -m["hair_top"], -0.04, 0.04, "hair area above brows", "men"),
)
DRIFTS = {"age": "age", "male": "male", "skin L": "skin_L", "yaw": "yaw"}


@dataclass(frozen=True, eq=False)
class Result:
    asked: Asked
    face: Face
    edit: Edit
    gain: float
    drift: dict[str, float]

    @property
    def plain(self) -> bool:
        return self.gain >= self.asked.least


def suits(asked: Asked, measured: Measure) -> bool:
    """Whether a face lacks what is asked for, so that an edit can show."""
    return asked.measure(measured) < asked.absent and (not asked.only or measured["male"] > 0.5)


def judge(asked: Asked, face: Face, edit: Edit, before: Measure, after: Measure) -> Result:
    """Compare the measurements of a face before and after an edit."""
    gain = asked.measure(after) - asked.measure(before)
    if np.isnan(gain):  # no hair left to measure the colour of, or too little
        gain = 0.0
    return Result(asked, face, edit, gain, {name: after[key] - before[key] for name, key in DRIFTS.items()})


def run(
    faces: list[tuple[Face, Measure]],
    edit: Callable[[Face, str], Edit],
    measure: Callable[[Edit], Measure],
    prompts: Iterable[str] | None = None,
    each: int = 3,
    log=print,
) -> list[Result]:
    """Try every prompt on the first ``each`` photos and the first ``each`` random faces that suit it."""
    results = []
    for asked in ASKED:
        if prompts and asked.prompt not in prompts:
            continue
        fitting = [(face, before) for face, before in faces if suits(asked, before)]
        photos, random = ([f for f in fitting if (f[0].aligned is None) == made][:each] for made in (False, True))
        for face, before in [*photos, *random]:
            edited = edit(face, asked.prompt)
            results.append(judge(asked, face, edited, before, measure(edited)))
        log(table([r for r in results if r.asked is asked]).splitlines()[-1])
    return results


def table(results: Iterable[Result]) -> str:
    """One row a prompt: success, mean gain, mean absolute drifts, identity, seconds."""
    rows = [["prompt", "plain on", "gain", "measured by", *(f"{n} drift" for n in DRIFTS), "identity", "s"]]
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.asked.prompt, []).append(result)
    for prompt, group in grouped.items():
        drifts = [f"{np.nanmean([abs(r.drift[name]) for r in group]):.2f}" for name in DRIFTS]
        rows.append(
            [
                prompt,
                f"{sum(r.plain for r in group)}/{len(group)}",
                f"{np.mean([r.gain for r in group]):+.2f}",
                group[0].asked.unit,
                *drifts,
                *(f"{np.mean([r.edit.scores[k] for r in group]):.{d}f}" for k, d in (("identity", 2), ("seconds", 0))),
            ]
        )
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def grid(results: list[Result], cell: int = 160) -> Image.Image:
    """A row a prompt, its faces side by side: each before (the photo where there is one) and after."""
    prompts = list(dict.fromkeys(r.asked.prompt for r in results))
    rows = [[r for r in results if r.asked.prompt == prompt] for prompt in prompts]
    picture = Image.new("RGB", (80 + 2 * cell * max(map(len, rows)), cell * len(rows)), "white")
    draw = ImageDraw.Draw(picture)
    for y, (prompt, row) in enumerate(zip(prompts, rows, strict=True)):
        draw.text((4, y * cell + 4), prompt, fill="black")
        for x, result in enumerate(row):
            for side, image in enumerate([result.face.aligned or result.face.image, result.edit.image]):
                place = (80 + (2 * x + side) * cell, y * cell)
                picture.paste(image.resize((cell, cell), Image.Resampling.LANCZOS), place)
    return picture
