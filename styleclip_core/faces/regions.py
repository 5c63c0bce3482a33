"""Named regions of an aligned face as soft masks ("hair", "left eye", "face-eyes", "hair+brows"), and from prompts.

Left and right are the viewer's. Masks are float32 ``[1,1,H,W]`` in [0,1], and lengths in pixels are those of the
1024-px square, whatever the mask's size.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.errors import UnknownRegion
from styleclip_core.faces.align import ALIGNED_SIZE
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
REGIONS = ("whole", *REGION_CLASSES, "beard", "glasses")
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
    "all": "whole",
    "everything": "whole",
}

# Words of prompts by the region that they are about. Where several patterns match a word, the first one wins.
PROMPT_WORDS = {
    "beard": r"facial hair|beard\w*|stubble\w*|goatee|sideburns|m[ou]+stach\w*|unshaven|(clean[- ])?shaven",
    "brows": r"(eye)?brow(s|ed)?|monobrow|unibrow",
    "glasses": r"(eye|sun)?glasses|spectacles|goggles|monocle",
    "lips": r"lip(s|stick)?|pout\w*",
    "mouth": r"mouth|teeth|tooth|tongue|braces",
    "eyes": r"eye(s|d|lids?|lashes|liner|shadow)?|iris(es)?|pupils|mascara|gaze|wink\w*|blink\w*",
    "nose": r"nose|nostrils|nosed",
    "hair": r"hair(ed|cut|style|line|do|s)?|blond\w*|brunette|redhead(ed)?|ginger|bangs|fringe|bald\w*|curl(s|y)|afro|"
    r"pony ?tail|mohawk|dread(lock)?s|braids?|bob cut|bowl cut|pixie cut|mullet|buzz ?cut|perm|hi-top fade|"
    r"hat|cap|beanie|turban",
    "ears": r"ears?|ear ?rings?",
    "neck": r"neck|necklace",
    "clothes": r"cloth(es|ing)|shirt|t-shirt|suit|(neck)?tie|dress|jacket|coat|sweater|hoodie|scarf|uniform|collar",
    "background": r"background|backdrop|scenery",
    "skin": r"skin(ned)?|freckle[sd]?|tan(ned)?|pale|acne|pimples|scars?|suntan\w*",
    "face": r"face|faced|facial|make-?up|smil\w+|grin\w*|laugh\w*|frown\w*|angry|anger|sad|happy|surprised?|scared|"
    r"fear\w*|disgusted|expression|cheek(s|bones)?|blush\w*|chin|jaw\w*|forehead|chubby|wrinkle[sd]?",
}


def region(probabilities: Tensor, name: str) -> Tensor:
    """The mask of a region.

    Args:
        probabilities: of one face, ``[1,19,H,W]``, as `FaceParser.parse` returns them.
        name: one of `REGIONS`, "left" or "right" with eye, brow or ear, or several joined by + and -. "face" is the
            facial skin and everything within it; "mouth" includes the lips; "beard" is where one would grow; "glasses"
            where they would be; "skin" also covers nose, ears and neck.
    Returns:
        float32 ``[1,1,1024,1024]``; all 0 if the face does not show that region.
    Raises:
        UnknownRegion.
    """
    mask, sign = torch.zeros_like(probabilities[:, :1]), "+"
    for token in re.split(r"([+-])", name):
        if token in ("+", "-"):
            sign = token
            continue
        other = _named(probabilities, token)
        # Sums, not maxima, which would leave a seam along the soft border between two neighbours.
        mask = (mask + other if sign == "+" else mask - other).clamp(0, 1)
    size, antialias = (ALIGNED_SIZE, ALIGNED_SIZE), max(mask.shape) > ALIGNED_SIZE
    return F.interpolate(mask.float(), size, mode="bilinear", antialias=antialias).clamp(0, 1)


def grow(mask: Tensor, px: float) -> Tensor:
    """Move the outline of a mask ``[1,1,H,W]`` outwards by ``px`` of 1024 pixels, inwards if negative. Same shape."""
    if px < 0:
        return 1 - grow(1 - mask, -px)
    r = round(px * mask.shape[-1] / ALIGNED_SIZE)
    diamond = round(0.586 * r)  # dilating by a square and then by a diamond is dilating by an octagon: nearly a circle
    picture = cv2.dilate(_array(mask), np.ones((3, 3), np.uint8), iterations=r - diamond)
    picture = cv2.dilate(picture, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), iterations=diamond)
    return torch.from_numpy(picture)[None, None].to(mask)


def feather(mask: Tensor, px: float) -> Tensor:
    """Soften the outline of a mask ``[1,1,H,W]`` into a ramp that reaches ``px`` of 1024 pixels to both sides.

    Further away nothing changes. Same shape.
    """
    radius, picture = round(px * mask.shape[-1] / ALIGNED_SIZE), _array(mask)
    for r in (radius // 2, radius - radius // 2):
        picture = cv2.blur(picture, (2 * r + 1, 2 * r + 1), borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(picture)[None, None].to(mask).clamp(0, 1)


def regions_in(prompt: str) -> str | None:
    """The region that a prompt is about, for `region`: "a woman with red lips and blond hair" -> "lips+hair".

    None if no word names a part of the face, as in prompts about age and gender.
    """
    text, positions = prompt.lower(), {}
    for name, pattern in PROMPT_WORDS.items():
        for match in re.finditer(rf"\b({pattern})\b", text):
            positions.setdefault(name, match.start())
        text = re.sub(rf"\b({pattern})\b", lambda match: "_" * len(match[0]), text)  # "facial hair" is not hair
    return "+".join(sorted(positions, key=lambda name: positions[name])) or None


def resolve(name: str, prompt: str = "") -> str:
    """A region's name for :func:`region`; "auto" is what the prompt is about, and "whole" if no word tells."""
    return regions_in(prompt) or "whole" if name == "auto" else name


def check(name: str) -> None:
    """Raise UnknownRegion if :func:`region` knows no such name: before there is a face to find it in."""
    region(torch.zeros(1, len(CLASSES), 8, 8), name)


def _named(probabilities: Tensor, name: str) -> Tensor:
    """A single region at the parser's resolution, ``[1,1,H,W]``."""
    words = " ".join(name.lower().split())
    side, _, rest = words.partition(" ")
    if side in ("left", "right") and REGION_SYNONYMS.get(rest, rest) in SIDED_REGIONS.values():
        return _half(_named(probabilities, rest), side, probabilities)
    words = REGION_SYNONYMS.get(words, words)
    if words == "whole":
        return torch.ones_like(probabilities[:, :1])
    if words == "beard":
        return _beard(probabilities)
    if words == "glasses":
        return _glasses(probabilities)
    if words in REGION_CLASSES:
        return _sum(probabilities, *REGION_CLASSES[words])
    sides = ", ".join(f"{side} {part}" for part in SIDED_REGIONS for side in ("left", "right"))
    raise UnknownRegion(
        f"No region is called {name.strip()!r}; choose from {', '.join(REGIONS)}, {sides}, "
        "or join some with + and -, as in hair+brows or face-eyes."
    )


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


def _array(mask: Tensor) -> np.ndarray:
    return mask[0, 0].detach().float().cpu().numpy()
