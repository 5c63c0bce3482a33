"""Does an edit do what was asked, and only that? Measured by teachers that the edit never saw.

For each prompt: the gain of the measurement that the prompt names, and the drift of those that it does not name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from styleclip_core.studio import Edit, Face


@dataclass(frozen=True)
class Asked:
    """A prompt, the measurement it should move (see training/teachers.py), and by how much at least to be plain."""

    prompt: str
    measure: Callable[[dict[str, float]], float]
    least: float
    unit: str
    only: str = ""  # "men": judged on men only


def _smile(m: dict[str, float]) -> float:
    return (m["bs_mouthSmileLeft"] + m["bs_mouthSmileRight"]) / 2


def _grey(m: dict[str, float]) -> float:
    return -np.hypot(m["hair_a"], m["hair_b"]) + 0.5 * m["hair_L"]


ASKED = (
    Asked("smiling", _smile, 0.3, "smile blendshape"),
    Asked("eyeglasses", lambda m: m["w:Eyeglasses"], 1.0, "W scorer, sd"),
    Asked("blond hair", lambda m: m["hair_L"] + m["hair_b"], 10, "hair L + b"),
    Asked("grey hair", _grey, 6, "hair L/2 - chroma"),
    Asked("beard", lambda m: -m["w:No_Beard"], 1.0, "W scorer, sd", "men"),
    Asked("old", lambda m: m["age"], 8, "years"),
    Asked("young", lambda m: -m["age"], 5, "years"),
    Asked("bangs", lambda m: m["forehead_hair"], 0.15, "forehead under hair"),
    Asked("surprised", lambda m: m["bs_jawOpen"], 0.15, "jaw-open blendshape"),
    Asked("bald", lambda m: -m["hair_top"], 0.04, "hair area above brows", "men"),
)
DRIFTS = {"age": ("age", 1.0), "male": ("male", 1.0), "skin L": ("skin_L", 1.0), "yaw": ("yaw", 1.0)}


@dataclass(frozen=True)
class Result:
    prompt: str
    gain: float
    success: bool
    drift: dict[str, float]
    identity: float
    seconds: float


def judge(asked: Asked, before: dict[str, float], after: dict[str, float], edit: Edit) -> Result:
    """Compare the measurements of a face before and after an edit."""
    gain = asked.measure(after) - asked.measure(before)
    if np.isnan(gain):  # no hair left to measure the colour of, or too little
        gain = 0.0
    drift = {name: after[key] - before[key] for name, (key, _) in DRIFTS.items()}
    return Result(asked.prompt, gain, gain >= asked.least, drift, edit.scores["identity"], edit.scores["seconds"])


def table(results: Iterable[Result]) -> str:
    """One row a prompt: success, mean gain, mean absolute drifts, identity, seconds."""
    rows = [["prompt", "plain on", "gain", "measured by", *(f"|{n}| drift" for n in DRIFTS), "identity", "s"]]
    grouped: dict[str, list[Result]] = {}
    for result in results:
        grouped.setdefault(result.prompt, []).append(result)
    units = {asked.prompt: asked.unit for asked in ASKED}
    for prompt, group in grouped.items():
        drifts = [f"{np.nanmean([abs(r.drift[name]) for r in group]):.2f}" for name in DRIFTS]
        rows.append([
            prompt, f"{sum(r.success for r in group)}/{len(group)}", f"{np.mean([r.gain for r in group]):+.2f}",
            units.get(prompt, ""), *drifts, f"{np.mean([r.identity for r in group]):.2f}",
            f"{np.mean([r.seconds for r in group]):.0f}",
        ])  # fmt: skip
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def grid(faces: list[Face], columns: dict[str, list[Edit | None]], cell: int = 192) -> Image.Image:
    """Rows are faces; columns the photo (where there is one), its reconstruction and one edit a prompt."""
    names = ["photo", "code", *columns]
    picture = Image.new("RGB", (cell * len(names), cell * len(faces) + 18), "white")
    draw = ImageDraw.Draw(picture)
    for x, name in enumerate(names):
        draw.text((x * cell + 4, 3), name, fill="black")
    for y, face in enumerate(faces):
        cells = [face.aligned, face.image, *(edits[y] and edits[y].image for edits in columns.values())]
        for x, image in enumerate(cells):
            if image is not None:
                picture.paste(image.resize((cell, cell), Image.LANCZOS), (x * cell, y * cell + 18))
    return picture
