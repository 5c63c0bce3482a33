"""Named regions of an aligned face as soft masks ("hair", "left eye", "face-eyes", "hair+brows"), and from prompts.

Left and right are the viewer's. Masks are float32 ``[1,1,H,W]`` in [0,1], and lengths in pixels are those of the
1024-px square, whatever the mask's size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.errors import UnknownRegion
from styleclip_core.faces.align import ALIGNED_SIZE
from styleclip_core.faces.masks import feather, grow, near, patches, tidy
from styleclip_core.faces.region_words import CONCEPT_REGIONS, PROMPT_WORDS
from styleclip_core.networks.bisenet import CLASSES

FACIAL_FEATURES = ("left brow", "right brow", "left eye", "right eye", "nose", "mouth", "upper lip", "lower lip")
REGION_CLASSES = {  # regions that are unions of the parser's classes
    "hair": ("hair",),
    "face": ("skin", "glasses", *FACIAL_FEATURES),
    "skin": ("skin", "nose", "left ear", "right ear", "neck"),
    "brows": ("left brow", "right brow"),
    "eyes": ("left eye", "right eye"),
    "ears": ("left ear", "right ear", "earring"),
    "nose": ("nose",),
    "mouth": ("mouth", "upper lip", "lower lip"),
    "lips": ("upper lip", "lower lip"),
    "neck": ("neck", "necklace"),
    "clothes": ("cloth",),
    "background": ("background",),
}
REGIONS = ("everywhere", "person", "head", *REGION_CLASSES, "beard", "glasses", "hat")
COMMON_REGIONS = tuple("hair face eyes brows nose lips beard glasses skin background".split())  # have buttons
SIDED_REGIONS = {"brow": "brows", "eye": "eyes", "ear": "ears"}  # which also exist as left and right
REGION_SYNONYMS = {
    "brow": "brows",
    "eyebrow": "brows",
    "eyebrows": "brows",
    "eye": "eyes",
    "ear": "ears",
    "lip": "lips",
    "clothing": "clothes",
    "whole": "everywhere",
    "all": "everywhere",
    "everything": "everywhere",
}
COVERED = {  # regions within which others lie, so that these need not be named beside them
    "mouth": {"lips"},
    "face": {"eyes", "brows", "nose", "mouth", "lips", "beard"},
    "head": {"eyes", "brows", "nose", "mouth", "lips", "beard", "face", "hair", "ears", "glasses"},
    "person": set(REGIONS) - {"everywhere", "person", "background"},
    "everywhere": set(REGIONS) - {"everywhere"},
}

PLACE_SIZE = 256  # px at which the place of an edit is found: its outline is soft, and more px take much longer

# Px by which the place of an edit reaches beyond what either picture's parse shows: lids, lashes, lips that stretch.
ROOM = {name: 12 for name in ("hair", "eyes", "face", "head", "nose", "beard")} | {"mouth": 18, "ears": 24}
ROOM |= {name: 8 for name in ("person", "brows", "lips", "glasses", "hat", "neck", "clothes")}


def region(probabilities: Tensor, name: str) -> Tensor:
    """The mask of a region.

    Args:
        probabilities: of one face, ``[1,19,H,W]``, as `FaceParser.parse` returns them.
        name: one of `REGIONS`, "left" or "right" with eye, brow or ear, or several joined by + and -. "person" is all
            but the background; "head" is face, hair, ears, hat and the neck below the chin; "face" is the facial skin
            and everything within it; "mouth" includes the lips; "beard" is where one would grow; "glasses" and "hat"
            are where they would be; "skin" also covers nose, ears and neck.
    Returns:
        float32 ``[1,1,1024,1024]``; all 0 if the face does not show that region.
    Raises:
        UnknownRegion.
    """
    return _combined(name, lambda part: _named(probabilities, *part))


def edited_region(before: Tensor, after: Tensor, name: str) -> Tensor:
    """The place that an edit of a region needs: the region in the unedited and in the edited face, and a little room.

    So longer hair, an open mouth and a hat are inside. Only "background" is the unedited face's alone: else the outline
    of a person who has become smaller would change with it. Holes are closed, and stray patches of the parse left out.

    Args:
        before, after: probabilities of the unedited and the edited face, ``[1,19,H,W]`` each.
        name: as `region` takes it; `auto` finds that of a prompt.
    Returns:
        float32 ``[1,1,1024,1024]``; all 0 if neither face shows that region.
    Raises:
        UnknownRegion.
    """
    before, after = (_main_person(F.adaptive_avg_pool2d(p, min(p.shape[-1], PLACE_SIZE))) for p in (before, after))

    def place(part: tuple[str, str]) -> Tensor:
        mask = _named(before, *part)
        if part[1] != "background":
            mask = torch.maximum(mask, _named(after, *part))
        return grow(tidy(mask), ROOM.get(part[1], 0))

    return _combined(name, place)


def auto(prompt: str, concepts: Mapping[str, float] | None = None) -> str:
    """The region that a prompt is about, for `region`: "a woman with red lips and blond hair" -> "lips+hair".

    "person" if no word and no concept tells.

    Args:
        prompt: its words are looked up in `PROMPT_WORDS`.
        concepts: what the prompt changes, by how much, if that was found out; see `CONCEPT_REGIONS`.
    """
    changed = [name for name, change in (concepts or {}).items() if change and name in CONCEPT_REGIONS]
    found = [*(CONCEPT_REGIONS[name] for name in changed), *_words(prompt)]
    names = list(dict.fromkeys(part for name in found for part in name.split("+")))
    covered = set().union(*(COVERED.get(name, ()) for name in names))
    return "+".join(name for name in names if name not in covered) or "person"


def resolve(name: str, prompt: str = "", concepts: Mapping[str, float] | None = None) -> str:
    """A region's name for :func:`region`; "auto" becomes what the prompt is about."""
    return auto(prompt, concepts) if name == "auto" else name


def check(name: str) -> None:
    """Raise UnknownRegion if :func:`region` knows no such name: before there is a face to find it in."""
    _parts(name)


def _words(prompt: str) -> list[str]:
    """The keys of `PROMPT_WORDS` that a prompt's words are about, in the words' order."""
    text, positions = prompt.lower(), {}
    for name, pattern in PROMPT_WORDS.items():
        for match in re.finditer(rf"\b({pattern})\b", text):
            positions.setdefault(name, match.start())
        text = re.sub(rf"\b({pattern})\b", lambda match: "_" * len(match[0]), text)  # "facial hair" is not hair
    return sorted(positions, key=lambda name: positions[name])


def _parts(name: str) -> list[tuple[str, tuple[str, str]]]:
    """A region expression's parts: sign, then side ("left", "right" or "") and name. Raises UnknownRegion."""
    sign, parts = "+", []
    for token in re.split(r"([+-])", name):
        if token in ("+", "-"):
            sign = token
            continue
        words = " ".join(token.lower().split())
        side, _, rest = words.partition(" ")
        rest = REGION_SYNONYMS.get(rest, rest)
        whole = REGION_SYNONYMS.get(words, words)
        if side in ("left", "right") and rest in SIDED_REGIONS.values():
            parts.append((sign, (side, rest)))
        elif whole in REGIONS:
            parts.append((sign, ("", whole)))
        else:
            sides = ", ".join(f"{side} {part}" for part in SIDED_REGIONS for side in ("left", "right"))
            raise UnknownRegion(
                f"No region is called {token.strip()!r}; choose from auto, {', '.join(REGIONS)}, {sides}, "
                "or join some with + and -, as in hair+brows or face-eyes."
            )
    return parts


def _combined(name: str, find: Callable[[tuple[str, str]], Tensor]) -> Tensor:
    """The parts of a region expression, added and subtracted in their order, ``[1,1,1024,1024]``."""
    mask = torch.zeros(1)
    for sign, part in _parts(name):
        # Sums, not maxima, which would leave a seam along the soft border between two neighbours.
        mask = (mask + find(part) if sign == "+" else mask - find(part)).clamp(0, 1)
    size, antialias = (ALIGNED_SIZE, ALIGNED_SIZE), max(mask.shape) > ALIGNED_SIZE
    return F.interpolate(mask.float(), size, mode="bilinear", antialias=antialias).clamp(0, 1)


def _named(probabilities: Tensor, side: str, name: str) -> Tensor:
    """A single region at the parser's resolution, ``[1,1,H,W]``."""
    if side:
        return _half(_named(probabilities, "", name), side, probabilities)
    special = {"everywhere": _everywhere, "person": _person, "head": _head, "beard": _beard}
    special |= {"glasses": _glasses, "hat": _hat}
    if name in special:
        return special[name](probabilities)
    return _sum(probabilities, *REGION_CLASSES[name])


def _main_person(probabilities: Tensor) -> Tensor:
    """Probabilities in which all that is not connected with the largest figure is background."""
    figure = 1 - probabilities[:, :1]
    rest = probabilities[:, 1:] * near(figure, patches(figure, 1.0))
    return torch.cat([1 - rest.sum(1, keepdim=True), rest], 1)


def _sum(probabilities: Tensor, *classes: str) -> Tensor:
    return probabilities[:, [CLASSES.index(name) for name in classes]].sum(1, keepdim=True).clamp(0, 1)


def _grid(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """Pixel centres in [0,1]: rows ``[H,1]`` and columns ``[1,W]``."""
    height, width = probabilities.shape[-2:]
    rows, columns = ((torch.arange(n, device=probabilities.device) + 0.5) / n for n in (height, width))
    return rows[:, None], columns[None]


def _center(mask: Tensor) -> tuple[Tensor, Tensor] | None:
    """Mean row and column of a mask, in [0,1]; None if there is next to nothing of it."""
    rows, columns = _grid(mask)
    solid = mask * (mask > 0.5)
    mass = solid.sum()
    if mass < 1e-4 * mask.numel():
        return None
    return (solid * rows).sum() / mass, (solid * columns).sum() / mass


def _half(mask: Tensor, side: str, probabilities: Tensor) -> Tensor:
    """The half of a mask left or right of the nose, or of its own middle if the nose is hidden."""
    middle = _center(_sum(probabilities, "nose")) or _center(mask)
    if middle is None:
        return mask
    _, columns = _grid(mask)
    return mask * ((columns < middle[1]) == (side == "left"))


def _everywhere(probabilities: Tensor) -> Tensor:
    return torch.ones_like(probabilities[:, :1])


def _person(probabilities: Tensor) -> Tensor:
    return 1 - _sum(probabilities, "background")


def _head(probabilities: Tensor) -> Tensor:
    """Face, hair, ears, glasses, hat, and the neck within 80 px of the face."""
    face = _sum(probabilities, *REGION_CLASSES["face"])
    neck = _sum(probabilities, *REGION_CLASSES["neck"]) * feather(grow(face, 80), 20)
    return (face + _sum(probabilities, "hair", "hat", *REGION_CLASSES["ears"]) + neck).clamp(0, 1)


def _hat(probabilities: Tensor) -> Tensor:
    """The hat that the head wears, or the place of one: hair and forehead above the brows, and a dome over them."""
    worn, face = _sum(probabilities, "hat"), _sum(probabilities, *REGION_CLASSES["face"])
    eyes = _center(_sum(probabilities, "glasses", *REGION_CLASSES["eyes"])) or _center(face)
    columns_of_face = (face > 0.5).any(2).nonzero()[:, -1]
    if eyes is None or not len(columns_of_face):
        return worn
    rows, columns = _grid(face)
    width = (columns_of_face.max() - columns_of_face.min() + 1) / face.shape[-1]
    line = eyes[0] - 0.14 * width
    dome = ((rows - line + 0.4 * width) / (0.8 * width)).square() + ((columns - eyes[1]) / (0.9 * width)).square()
    place = torch.maximum(((1.05 - dome) / 0.1).clamp(0, 1)[None, None], _sum(probabilities, "hair"))
    return torch.maximum(worn, place * ((line - rows) / 0.02).clamp(0, 1))


def _beard(probabilities: Tensor) -> Tensor:
    """Skin below the nose, round the mouth, along the jaw and up in front of the ears."""
    skin, nose = _sum(probabilities, "skin"), _sum(probabilities, "nose")
    mouth = _center(_sum(probabilities, *REGION_CLASSES["mouth"]))
    tip = (nose > 0.5).any(3).nonzero()[:, -1]
    if mouth is None or not len(tip):
        return torch.zeros_like(skin)
    rows, columns = _grid(skin)
    low = (tip.max() + 1) / skin.shape[-2]
    aside = ((columns - mouth[1]).abs() - 0.07).clamp(min=0)
    line = low - 0.01 - torch.where(aside > 0.09, (aside - 0.09) * 2, 0) + 0.4 * aside.clamp(max=0.09)
    return skin * ((rows - line) / 0.015).clamp(0, 1)


def _glasses(probabilities: Tensor) -> Tensor:
    """Two lenses and the bridge between them, where glasses would be, united with glasses that the face wears."""
    both, worn = _sum(probabilities, *REGION_CLASSES["eyes"]), _sum(probabilities, "glasses")
    eyes = [_center(_half(both, side, probabilities)) for side in ("left", "right")]
    left, right = eyes
    if left is None or right is None:
        return worn
    rows, columns = _grid(both)
    (y0, x0), (y1, x1) = left, right
    apart = (x1 - x0).clamp(min=1e-3)
    along = ((columns - x0) / apart).clamp(0, 1)
    bridge = (rows - torch.lerp(y0, y1, along)).abs() / (0.16 * apart) + 10 * ((columns - x0) / apart - along).abs()
    lenses = [
        (((rows - y - 0.06 * apart) / (0.4 * apart)).abs() ** 3 + ((columns - x) / (0.52 * apart)).abs() ** 3)
        for y, x in (left, right)
    ]
    inside = torch.stack([*lenses, bridge.expand_as(lenses[0])]).amin(0)
    return torch.maximum(worn, ((1.1 - inside) / 0.2).clamp(0, 1)[None, None])
