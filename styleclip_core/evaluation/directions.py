"""Do sliders do what they say, and only that? Judged by measurements of pictures (training/teachers.py).

None of these measurements is made by the text-image model. Those of InterFaceGAN's labels are of the same kind as here,
but of other faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Measure = dict[str, float]


@dataclass(frozen=True)
class Label:
    """What a slider should move, with mean and deviation over 10,000 random faces; ``men``: judged on men only."""

    value: Callable[[Measure], float]
    mean: float
    deviation: float
    men: bool = False

    def score(self, measured: Measure) -> float:
        """In deviations above the mean."""
        return (self.value(measured) - self.mean) / self.deviation


def _both(name: str) -> Callable[[Measure], float]:
    return lambda m: (m[f"bs_{name}Left"] + m[f"bs_{name}Right"]) / 2


def _chroma(m: Measure) -> float:
    return float(np.hypot(m["hair_a"], m["hair_b"]))


LABELS = {
    "age": Label(lambda m: m["age"], 31.5, 12.7),
    "gender": Label(lambda m: m["male"], 0.46, 0.465),
    "smile": Label(_both("mouthSmile"), 0.538, 0.347),
    "pose": Label(lambda m: m["yaw"], 0.3, 11.3),
    "pitch": Label(lambda m: m["pitch"], 2.05, 6.25),
    "mouth open": Label(lambda m: m["mouth_open"], 0.0377, 0.0308),
    "jaw open": Label(lambda m: m["bs_jawOpen"], 0.0349, 0.055),
    "eyes open": Label(lambda m: m["eye_open"], 0.117, 0.0259),
    "surprise": Label(lambda m: m["brow_height"], 0.242, 0.0301),
    "eyeglasses": Label(lambda m: np.log(max(m["bridge_edges"], 1)), 2.47, 0.688),
    "blond hair": Label(lambda m: m["hair_L"] + m["hair_b"], 32.3, 19.7),
    "grey hair": Label(lambda m: 0.5 * m["hair_L"] - _chroma(m), 3.64, 7.8),
    "red hair": Label(lambda m: m["hair_a"], 6.36, 4.24),
    "hair length": Label(lambda m: m["hair_length"], -0.374, 0.395),
    "beard": Label(lambda m: m["skin_L"] - m["jaw_L"], 9.97, 6.3, men=True),
    "bangs": Label(lambda m: m["forehead_hair"], 0.0777, 0.194),
    "baldness": Label(lambda m: -m["hair_top"], -0.162, 0.0619),
    "skin tone": Label(lambda m: -m["skin_L"], -66.9, 9.78),
    "lipstick": Label(lambda m: m["lips_a"] - m["skin_a"] - 0.3 * (m["lips_L"] - m["skin_L"]), 19.2, 8.12),
    "curly hair": Label(lambda m: m["hair_texture"], 9.37, 3.17),
    "chubbiness": Label(lambda m: m["face_aspect"], 0.844, 0.0499),
}
LABELS["makeup"] = LABELS["lipstick"]
LABELS |= {
    "anger": Label(_both("browDown"), 0.157, 0.191),
    "sadness": Label(lambda m: -m["corners_up"], -0.0267, 0.0204),
    "dark hair": Label(lambda m: -m["hair_L"], -26.6, 15.7),
}
MAPPERS = {  # mapper -> label and which way
    "smiling": ("smile", 1),
    "surprised": ("jaw open", 1),
    "angry": ("anger", 1),
    "sad": ("sadness", 1),
    "old": ("age", 1),
    "young": ("age", -1),
    "eyeglasses": ("eyeglasses", 1),
    "beard": ("beard", 1),
    "bangs": ("bangs", 1),
    "bald": ("baldness", 1),
    "blond_hair": ("blond hair", 1),
    "black_hair": ("dark hair", 1),
    "grey_hair": ("grey hair", 1),
    "makeup": ("makeup", 1),
    "long_hair": ("hair length", 1),
    "open_mouth": ("mouth open", 1),
    "pale_skin": ("skin tone", -1),
}
# prompt, label and which way
PROMPTS = (
    ("a smiling person", "smile", 1),
    ("a person with eyeglasses", "eyeglasses", 1),
    ("a person with blond hair", "blond hair", 1),
    ("a person with grey hair", "grey hair", 1),
    ("a person with a beard", "beard", 1),
    ("an old person", "age", 1),
    ("a young person", "age", -1),
    ("a person with bangs", "bangs", 1),
    ("a surprised person with an open mouth", "jaw open", 1),
    ("a bald person", "baldness", 1),
    ("a person wearing red lipstick", "lipstick", 1),
)
DRIFTS = ("age", "gender", "pose", "skin tone")  # reported for every slider that is not about them


@dataclass(frozen=True, eq=False)
class Result:
    """One slider on one face: the label's move towards what was asked, in deviations, and what else moved."""

    slider: str
    strength: float
    gain: float
    identity: float
    drift: dict[str, float]
    before: Image.Image
    after: Image.Image


def lacks(label: str, sign: int, measured: Measure) -> bool:
    """Whether a face is below the mean, so that there is room for the edit, and one that the label is judged on."""
    found = LABELS[label]
    return sign * found.score(measured) < 0 and (not found.men or measured["male"] > 0.5)


def judge(
    slider: str,
    strength: float,
    label: str,
    sign: int,
    before: Measure,
    after: Measure,
    identity: float,
    images: tuple,
) -> Result:
    """Compare the measurements of a face before and after; a measurement that is lost counts as no gain."""
    gain = sign * (LABELS[label].score(after) - LABELS[label].score(before)) if after else float("nan")
    drift = {n: LABELS[n].score(after) - LABELS[n].score(before) for n in DRIFTS if after and n != label}
    return Result(slider, strength, 0.0 if np.isnan(gain) else gain, identity, drift, *images)


def table(results: Iterable[Result]) -> str:
    """One row a slider: share of faces on which the label moved by a deviation or more, mean gain, identity, drifts."""
    head = ["slider", "moved", "strength", "gain, sd", "identity", *(f"{name} drift, sd" for name in DRIFTS)]
    rows = [head, ["---"] * len(head)]
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.slider, []).append(result)
    for slider, group in groups.items():
        drifts = [[abs(r.drift[n]) for r in group if np.isfinite(r.drift.get(n, np.nan))] for n in DRIFTS]
        rows.append(
            [
                slider,
                f"{sum(r.gain >= 1 for r in group)}/{len(group)}",
                f"{np.mean([r.strength for r in group]):.1f}",
                f"{np.mean([r.gain for r in group]):+.1f}",
                f"{np.mean([r.identity for r in group]):.2f}",
                *(f"{np.mean(d):.2f}" if d else "" for d in drifts),
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def grid(results: Iterable[Result], cell: int = 128, most: int = 6) -> Image.Image:
    """A row a slider, its first faces side by side, each before and after."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.slider, []).append(result)
    picture = Image.new("RGB", (150 + 2 * cell * most, cell * len(groups)), "white")
    draw = ImageDraw.Draw(picture)
    for y, (slider, group) in enumerate(groups.items()):
        draw.text((4, y * cell + 4), slider, fill="black")
        for x, result in enumerate(group[:most]):
            for side, image in enumerate((result.before, result.after)):
                picture.paste(image.resize((cell, cell)), (150 + (2 * x + side) * cell, y * cell))
    return picture
