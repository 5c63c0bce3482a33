"""The instruments that `readings.read` reads a face by: what people call them, and how much of a change is plain."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """One reading, as people read it.

    Attributes:
        name: what it reads.
        more, less: what has happened when it rises, and when it falls.
        deviation: over random faces.
        least: the smallest change that is plain, several times what the reading varies by between two copies of a
            picture.
        group: readings of one group are about the same thing; at most one of each is reported as drift.
        unit: "%" of readings that are shares, "°" of angles, "" of others.
        digits: after the point.
    """

    name: str
    more: str
    less: str
    deviation: float
    least: float
    group: str
    unit: str
    digits: int

    def scaled(self, value: float) -> float:
        """As it is compared: edges by their logarithm, which is what spreads evenly over faces."""
        return math.log(max(value, 1)) if self.logarithmic else value

    @property
    def logarithmic(self) -> bool:
        """Whether deviation and least are of the logarithm."""
        return self.group == "glasses"

    def figure(self, value: float) -> str:
        """As it is shown: "0.71", "12 %", "-8°"."""
        number = f"{value * (100 if self.unit == '%' else 1):.{self.digits}f}"
        return number.replace("-0", "0") if not float(number) else number

    def text(self, value: float) -> str:
        """A figure with its unit."""
        return self.figure(value) + {"%": " %"}.get(self.unit, self.unit)


# By groups: key, name, more, less, deviation, least, unit, digits. Deviations are over 150 random faces (seeds from
# 40,000 on, truncation 0.75), read with the compact pack's parser. The least changes are more than 19 of 20 of these
# readings vary by when a picture is shifted by up to 6 px of 1024 and saved as JPEG.
_GROUPS: dict[str, tuple[tuple[str, str, str, str, float, float, str, int], ...]] = {
    "mouth": (
        ("smile", "smile", "smile stronger", "smile weaker", 0.359, 0.15, "", 2),
        ("corners_up", "mouth corners", "mouth corners higher", "mouth corners lower", 0.0221, 0.013, "%", 1),
        ("mouth_open", "mouth opening", "mouth wider open", "mouth more closed", 0.0315, 0.02, "%", 1),
        ("jaw_open", "jaw opening", "jaw lower", "jaw more closed", 0.0693, 0.08, "", 2),
        ("pucker", "pursed lips", "lips pursed", "lips less pursed", 0.106, 0.06, "", 2),
    ),
    "lips": (
        ("lips_height", "lip height", "lips fuller", "lips thinner", 0.0146, 0.01, "%", 1),
        ("lip_redness", "lip redness", "lips redder", "lips less red", 9.03, 4, "", 0),
    ),
    "eyes": (
        ("eye_open", "eye opening", "eyes wider open", "eyes narrower", 0.024, 0.016, "%", 1),
        ("blink", "closing of eyes", "eyes more closed", "eyes less closed", 0.072, 0.08, "", 2),
        ("squint", "squint", "eyes squinting", "eyes squinting less", 0.15, 0.12, "", 2),
    ),
    "iris": (
        ("iris_L", "eye lightness", "irises lighter", "irises darker", 8.62, 4, "", 0),
        ("iris_b", "eye colour (blue to brown)", "irises browner", "irises bluer", 4.8, 3, "", 1),
    ),
    "brows": (
        ("brow_down", "frown of the brows", "brows drawn down", "brows relaxed", 0.197, 0.1, "", 2),
        ("brow_height", "brow height", "brows higher", "brows lower", 0.0299, 0.02, "%", 1),
        ("brow_up", "raising of brows", "brows raised", "brows less raised", 0.128, 0.13, "", 2),
    ),
    "brow hair": (
        ("brow_thickness", "brow thickness", "brows thicker", "brows thinner", 0.0044, 0.005, "%", 1),
        ("brow_dark", "brow darkness", "brows darker", "brows lighter", 10.1, 6, "", 0),
    ),
    "turn": (("yaw", "head turn", "head turned to the right", "head turned to the left", 11.9, 5, "°", 0),),
    "tilt": (("pitch", "head tilt", "head lowered", "head raised", 6.58, 4, "°", 0),),
    "lean": (("roll", "head lean", "head leaning left", "head leaning right", 0.883, 1, "°", 1),),
    "hair colour": (
        ("hair_L", "hair lightness", "hair lighter", "hair darker", 16.5, 5, "", 0),
        ("hair_a", "hair redness", "hair redder", "hair less red", 4.34, 2, "", 0),
        ("hair_b", "hair yellowness", "hair yellower", "hair less yellow", 6.54, 2.5, "", 0),
        ("hair_blond", "blond of the hair", "hair blonder", "hair less blond", 20.3, 7, "", 0),
        ("hair_grey", "grey of the hair", "hair greyer", "hair less grey", 8.39, 3, "", 0),
        ("hair_brown", "brown of the hair", "hair browner", "hair less brown", 11.6, 6, "", 0),
    ),
    "hair amount": (
        ("hair_area", "hair area", "more hair", "less hair", 0.129, 0.06, "%", 0),
        ("hair_top", "hair above the brows", "more hair above", "less hair above", 0.0666, 0.02, "%", 0),
    ),
    "hair length": (
        ("hair_length", "hair beyond the chin", "hair longer", "hair shorter", 0.389, 0.3, "%", 0),
        ("hair_below_chin", "hair below the chin", "more long hair", "less long hair", 0.0165, 0.007, "%", 1),
    ),
    "bangs": (
        ("forehead_hair", "forehead under hair", "forehead more covered", "forehead barer", 0.237, 0.06, "%", 0),
    ),
    "hair texture": (("hair_texture", "hair texture", "hair more textured", "hair smoother", 3.5, 1.5, "", 1),),
    "glasses": (
        (
            "rim_edges",
            "edges where glasses sit",
            "edges as of glasses",
            "fewer edges as of glasses",
            0.757,
            0.9,
            "",
            0,
        ),
    ),
    "beard": (
        ("jaw_dark", "darkness of the jaw", "jaw darker", "jaw lighter", 7.16, 3, "", 0),
        ("moustache_dark", "darkness above the lip", "upper lip darker", "upper lip lighter", 9.31, 5, "", 0),
    ),
    "skin": (
        ("skin_L", "skin lightness", "skin lighter", "skin darker", 9.92, 3, "", 0),
        ("skin_a", "skin redness", "skin redder", "skin less red", 5.42, 2, "", 0),
        ("skin_b", "skin yellowness", "skin yellower", "skin less yellow", 7.25, 2.5, "", 0),
    ),
    "shape": (
        ("face_aspect", "face width", "face wider", "face narrower", 0.0478, 0.025, "%", 0),
        ("nose_width", "nose width", "nose wider", "nose narrower", 0.0191, 0.015, "%", 1),
    ),
    "background": (
        ("background_L", "background lightness", "background lighter", "background darker", 24.2, 15, "", 0),
        ("background_a", "background redness", "background redder", "background greener", 9.69, 5, "", 0),
        ("background_b", "background yellowness", "background yellower", "background bluer", 15.2, 7, "", 0),
    ),
    "light": (("brightness", "picture lightness", "picture lighter", "picture darker", 10.3, 4, "", 0),),
}
INSTRUMENTS = {
    key: Instrument(name, more, less, deviation, least, group, unit, digits)
    for group, rows in _GROUPS.items()
    for key, name, more, less, deviation, least, unit, digits in rows
}
# Not reported unless asked for: other readings say the same more plainly, or people would not notice.
UNREPORTED = tuple("hair_blond hair_grey hair_brown hair_length jaw_open blink brow_thickness roll".split())
