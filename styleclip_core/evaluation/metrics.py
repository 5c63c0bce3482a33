"""Do edits do what was asked, and only that? Judged by measurements of pictures (`measure`), which no edit ever sees.

Sliders are judged by a `Label` each: how far they move it, in deviations over random faces. Edits by prompts are judged
by a `Request` each: whether the measurement that it names rises plainly. Both report the drift of what was not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from styleclip_core.faces.align import cut
from styleclip_core.faces.readings import blond_hair, grey_hair, lip_redness, mean_of_sides, smile
from styleclip_core.results import Edit, Face

Measurements = Mapping[str, float]  # of one picture: `measure.measure`, and "w:No_Beard" etc. from linear scorers of W


@dataclass(frozen=True)
class Label:
    """What a slider should move, with mean and deviation over 10,000 random faces; ``men``: judged on men only."""

    value: Callable[[Measurements], float]
    mean: float
    deviation: float
    men: bool = False

    def score(self, measured: Measurements) -> float:
        """In deviations above the mean."""
        return (self.value(measured) - self.mean) / self.deviation


def gaze(m: Measurements) -> float:
    """Towards the right of the picture, beyond where the turned head looks."""
    right = m["bs_eyeLookOutLeft"] + m["bs_eyeLookInRight"]
    return right - m["bs_eyeLookInLeft"] - m["bs_eyeLookOutRight"] + 0.0428 * m["yaw"]


LABELS = {
    "age": Label(lambda m: m["age"], 31.5, 12.7),
    "gender": Label(lambda m: m["male"], 0.46, 0.465),
    "smile": Label(smile, 0.538, 0.347),
    "pose": Label(lambda m: m["yaw"], 0.3, 11.3),
    "pitch": Label(lambda m: m["pitch"], 2.05, 6.25),
    "mouth open": Label(lambda m: m["mouth_open"], 0.0377, 0.0308),
    "jaw open": Label(lambda m: m["bs_jawOpen"], 0.0349, 0.055),
    "eyes open": Label(lambda m: m["eye_open"], 0.117, 0.0259),
    "gaze": Label(gaze, 0.22, 0.41),
    "surprise": Label(lambda m: m["brow_height"], 0.242, 0.0301),
    "eyeglasses": Label(lambda m: np.log(max(m["bridge_edges"], 1)), 2.47, 0.688),
    "blond hair": Label(blond_hair, 32.3, 19.7),
    "grey hair": Label(grey_hair, 3.64, 7.8),
    "red hair": Label(lambda m: m["hair_a"], 6.36, 4.24),
    "dark hair": Label(lambda m: -m["hair_L"], -26.6, 15.7),
    "hair length": Label(lambda m: m["hair_length"], -0.374, 0.395),
    "beard": Label(lambda m: m["skin_L"] - m["jaw_L"], 9.97, 6.3, men=True),
    "bangs": Label(lambda m: m["forehead_hair"], 0.0777, 0.194),
    "baldness": Label(lambda m: -m["hair_top"], -0.162, 0.0619),
    "skin tone": Label(lambda m: -m["skin_L"], -66.9, 9.78),
    "lipstick": Label(lip_redness, 19.2, 8.12),
    "makeup": Label(lip_redness, 19.2, 8.12),
    "curly hair": Label(lambda m: m["hair_texture"], 9.37, 3.17),
    "chubbiness": Label(lambda m: m["face_aspect"], 0.844, 0.0499),
    "face width": Label(lambda m: m["face_aspect"], 0.844, 0.0499),
    "anger": Label(mean_of_sides("browDown"), 0.157, 0.191),
    "sadness": Label(lambda m: -m["corners_up"], -0.0267, 0.0204),
}
LABEL_DRIFTS = ("age", "gender", "pose", "skin tone")  # reported for every slider that is not about them

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
PROMPTS = (  # as sliders: prompt, label and which way
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


@dataclass(frozen=True, eq=False)
class SliderResult:
    """One slider on one face: the label's move towards what was asked, in deviations, and what else moved."""

    slider: str
    strength: float
    gain: float
    identity: float
    drift: dict[str, float]
    before: Image.Image
    after: Image.Image


def has_room(label: str, sign: int, measured: Measurements) -> bool:
    """Whether a face is below the mean, so that there is room for the edit, and one that the label is judged on."""
    found = LABELS[label]
    return sign * found.score(measured) < 0 and (not found.men or measured["male"] > 0.5)


def judge_slider(
    slider: str,
    strength: float,
    label: str,
    sign: int,
    before: Measurements,
    after: Measurements | None,
    identity: float,
    images: tuple[Image.Image, Image.Image],
) -> SliderResult:
    """Compare the measurements of a face before and after; a measurement that is lost counts as no gain."""
    gain, drift = 0.0, {}
    if after:
        gain = sign * (LABELS[label].score(after) - LABELS[label].score(before))
        drift = {n: LABELS[n].score(after) - LABELS[n].score(before) for n in LABEL_DRIFTS if n != label}
    return SliderResult(slider, strength, 0.0 if np.isnan(gain) else gain, identity, drift, *images)


@dataclass(frozen=True)
class Wish:
    """A measurement that a prompt should move, below what a face lacks it, and what rise at least is plain."""

    measure: Callable[[Measurements], float]
    absent: float
    least: float
    unit: str


WISHES = {
    "smile": Wish(smile, 0.4, 0.3, "smile blendshape"),
    "glasses": Wish(lambda m: m["bridge_edges"], 16, 12, "edges at the nose's bridge"),  # 6-15 without, 24-80 with
    "blond": Wish(blond_hair, 50, 10, "hair L + b"),
    "grey": Wish(grey_hair, 15, 6, "hair L/2 - chroma"),
    "black": Wish(lambda m: -m["hair_L"] - abs(min(m["hair_b"], 0)), -22, 6, "hair darker, not blue"),
    "red": Wish(lambda m: m["hair_a"], 12, 4, "hair a"),
    "curls": Wish(lambda m: m["hair_texture"], 11, 2, "hair texture"),
    "long": Wish(lambda m: m["hair_length"], -0.2, 0.25, "hair below the chin"),
    "beard": Wish(lambda m: m["skin_L"] - m["jaw_L"], 14, 5, "jaw darker than the cheeks, L"),
    "moustache": Wish(lambda m: m["skin_L"] - m["moustache_L"], 14, 5, "upper lip darker than the cheeks, L"),
    "old": Wish(lambda m: m["age"], 50, 8, "years"),
    "young": Wish(lambda m: -m["age"], -30, 5, "years"),
    "bangs": Wish(lambda m: m["forehead_hair"], 0.3, 0.15, "forehead under hair"),
    "jaw": Wish(lambda m: m["bs_jawOpen"], 0.1, 0.15, "jaw-open blendshape"),
    "bald": Wish(lambda m: -m["hair_top"], -0.04, 0.04, "hair area above brows"),
    "makeup": Wish(lip_redness, 25, 5, "lip redness"),
    "lipstick": Wish(lip_redness, 28, 10, "lip redness"),
    "blue": Wish(lambda m: -m["iris_b"], 4, 3, "iris b"),
    "angry": Wish(mean_of_sides("browDown"), 0.35, 0.2, "brows-down blendshape"),
    "sad": Wish(lambda m: -m["corners_up"] - 0.05 * smile(m), 0.02, 0.015, "mouth corners down"),
    "chubby": Wish(lambda m: m["face_aspect"], 0.9, 0.03, "face width by height"),
    "hat": Wish(lambda m: m["w:Wearing_Hat"], 1, 1.5, "W scorer, sd"),
}


@dataclass(frozen=True)
class Request:
    """A prompt and the names of what it should move."""

    prompt: str
    wishes: tuple[str, ...]
    sex: str = ""  # "men" or "women": judged on these only

    @property
    def unit(self) -> str:
        """What the gain is measured in."""
        return WISHES[self.wishes[0]].unit if len(self.wishes) == 1 else "the least of its parts, 1 is plain"

    def gain(self, before: Measurements, after: Measurements) -> float:
        """The rise of what was asked for, in its unit; of several things that of the least, 1 is plain.

        What cannot be measured any more (the colour of hair that is gone) has not risen.
        """
        rises = [np.nan_to_num(WISHES[w].measure(after) - WISHES[w].measure(before)) for w in self.wishes]
        if len(rises) == 1:
            return float(rises[0])
        return float(min(rise / WISHES[w].least for rise, w in zip(rises, self.wishes, strict=True)))

    @property
    def least(self) -> float:
        """The gain from which on it is plain."""
        return WISHES[self.wishes[0]].least if len(self.wishes) == 1 else 1.0

    def suits(self, measured: Measurements) -> bool:
        """Whether a face lacks all that is asked for, so that an edit can show."""
        sex_fits = not self.sex or (measured["male"] > 0.5) == (self.sex == "men")
        return sex_fits and all(WISHES[w].measure(measured) < WISHES[w].absent for w in self.wishes)


REQUESTS = (
    Request("smiling", ("smile",)),
    Request("eyeglasses", ("glasses",)),
    Request("blond hair", ("blond",)),
    Request("grey hair", ("grey",)),
    Request("a man with a beard", ("beard",), "men"),
    Request("old", ("old",)),
    Request("young", ("young",)),
    Request("bangs", ("bangs",)),
    Request("surprised", ("jaw",)),
    Request("bald", ("bald",), "men"),
    Request("curly hair", ("curls",)),
    Request("long hair", ("long",)),
    Request("black hair", ("black",)),
    Request("red hair", ("red",)),
    Request("a man with a moustache", ("moustache",), "men"),
    Request("makeup", ("makeup",), "women"),
    Request("red lipstick", ("lipstick",)),
    Request("blue eyes", ("blue",)),
    Request("angry", ("angry",)),
    Request("sad", ("sad",)),
    Request("chubby", ("chubby",)),
    Request("a person with a hat", ("hat",)),
    Request("a smiling woman with curly red hair", ("smile", "curls", "red"), "women"),
    Request("an old man with a grey beard", ("old", "beard"), "men"),
)


def color_shift(part: str) -> Callable[[Measurements, Measurements], float]:
    """A function that gives the distance in CIE Lab by which a part (skin, hair, background) changed."""
    return lambda before, after: float(np.linalg.norm([after[f"{part}_{c}"] - before[f"{part}_{c}"] for c in "Lab"]))


DRIFTS: dict[str, Callable[[Measurements, Measurements], float]] = {
    "cheeks, Lab": color_shift("skin"),
    "hair, Lab": color_shift("hair"),
    "background, Lab": color_shift("background"),
    "age": lambda before, after: after["age"] - before["age"],
    "male": lambda before, after: after["male"] - before["male"],
}


def kept(drawn: Face | Edit) -> Image.Image:
    """The aligned part of the photo, with the edit pasted back; of a random face its picture."""
    face = drawn if isinstance(drawn, Face) else drawn.face
    if face is None or face.aligned is None or face.alignment is None:
        return drawn.image
    return face.aligned if isinstance(drawn, Face) else cut(drawn.photo, face.alignment)


@dataclass(frozen=True, eq=False)
class EditResult:
    """One edit by a prompt: the rise of what was asked for, and the drift of `DRIFTS`."""

    request: Request
    face: Face
    edit: Edit
    gain: float
    drift: dict[str, float]

    @property
    def plain(self) -> bool:
        """Whether what was asked for is plainly there."""
        return self.gain >= self.request.least


def judge_edit(request: Request, face: Face, edit: Edit, before: Measurements, after: Measurements) -> EditResult:
    """Compare the measurements of a face before and after an edit."""
    drift = {name: change(before, after) for name, change in DRIFTS.items()}
    return EditResult(request, face, edit, request.gain(before, after), drift)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of ``scores [N]`` for ``positive bool [N]``, ties counted half."""
    from scipy.stats import rankdata

    ranks, n = rankdata(scores), int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))
