"""Named regions of an aligned face as soft masks: "hair", "left eye", "face-eyes", "hair+brows"; and from prompts.

Left and right are the picture's, as whoever looks at it sees them. Masks are float32 ``[1,1,H,W]`` in [0,1], and
lengths in pixels are those of the 1024-px square, whatever the mask's size.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.errors import UnknownRegion
from styleclip_core.networks.bisenet import CLASSES

SIZE = 1024
FEATURES = ("left brow", "right brow", "left eye", "right eye", "nose", "mouth", "upper lip", "lower lip")
PARTS = {  # regions that are sums of classes
    "hair": ("hair",),
    "face": ("skin", "glasses", *FEATURES),
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
REGIONS = ("whole", *PARTS, "beard", "glasses")
COMMON_REGIONS = tuple("hair face eyes brows nose lips beard glasses skin background".split())  # that users are offered
SIDED = {"brow": "brows", "eye": "eyes", "ear": "ears"}  # what can be asked for as left or right
SYNONYMS = {
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

# Words of prompts and the region they are about; of several patterns for one word the earlier wins.
WORDS = {
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
        probabilities: of one face, ``[1,19,H,W]``, as the packs' parsers give them.
        name: one of :data:`REGIONS`, "left" or "right" with eye, brow or ear, or several with + and - between them.
            "face" is the skin and all within it; "mouth" the lips and what is between them; "beard" where one would
            grow; "glasses" where they would sit; "skin" also covers nose, ears and neck.
    Returns:
        float32 ``[1,1,1024,1024]``; empty where the face shows nothing of the kind.
    Raises:
        UnknownRegion.
    """
    mask, sign = torch.zeros_like(probabilities[:, :1]), "+"
    for token in re.split(r"([+-])", name):
        if token in ("+", "-"):
            sign = token
            continue
        other = _named(probabilities, token)
        # Sums, not maxima: two neighbours that share a soft border would leave a seam along it.
        mask = (mask + other if sign == "+" else mask - other).clamp(0, 1)
    return F.interpolate(mask.float(), (SIZE, SIZE), mode="bilinear", antialias=max(mask.shape) > SIZE).clamp(0, 1)


def grow(mask: Tensor, px: float) -> Tensor:
    """Move the outline out by ``px`` of 1024 pixels, or in if negative. Mask ``[1,1,H,W]`` -> the same shape."""
    if px < 0:
        return 1 - grow(1 - mask, -px)
    r = round(px * mask.shape[-1] / SIZE)
    diamond = round(0.586 * r)  # a square swept along a diamond is an octagon: nearly round, and quick
    picture = cv2.dilate(_array(mask), np.ones((3, 3), np.uint8), iterations=r - diamond)
    picture = cv2.dilate(picture, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), iterations=diamond)
    return torch.from_numpy(picture)[None, None].to(mask)


def feather(mask: Tensor, px: float) -> Tensor:
    """Soften the outline: the ramp reaches ``px`` of 1024 pixels to both sides, beyond nothing changes. Same shape."""
    whole, picture = round(px * mask.shape[-1] / SIZE), _array(mask)
    for r in (whole // 2, whole - whole // 2):
        picture = cv2.blur(picture, (2 * r + 1, 2 * r + 1), borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(picture)[None, None].to(mask).clamp(0, 1)


def regions_in(prompt: str) -> str | None:
    """The region that a prompt is about, for :func:`region`: "a woman with red lips and blond hair" -> "lips+hair".

    None if no word tells, as for age and gender, which change all of a picture.
    """
    text, found = prompt.lower(), {}
    for name, pattern in WORDS.items():
        for match in re.finditer(rf"\b({pattern})\b", text):
            found.setdefault(name, match.start())
        text = re.sub(rf"\b({pattern})\b", lambda match: "_" * len(match[0]), text)  # "facial hair" is not hair
    return "+".join(sorted(found, key=lambda name: found[name])) or None


def _named(probabilities: Tensor, name: str) -> Tensor:
    """A single region at the parser's resolution, ``[1,1,H,W]``."""
    words = " ".join(name.lower().split())
    side, _, rest = words.partition(" ")
    if side in ("left", "right") and SYNONYMS.get(rest, rest) in SIDED.values():
        return _half(_named(probabilities, rest), side, probabilities)
    words = SYNONYMS.get(words, words)
    if words == "whole":
        return torch.ones_like(probabilities[:, :1])
    if words == "beard":
        return _beard(probabilities)
    if words == "glasses":
        return _glasses(probabilities)
    if words in PARTS:
        return _sum(probabilities, *PARTS[words])
    sides = ", ".join(f"{side} {part}" for part in SIDED for side in ("left", "right"))
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
    """The half of a mask left or right of the nose, or of its own middle if no nose is seen."""
    middle = _center(_sum(probabilities, "nose")) or _center(mask)
    if middle is None:
        return mask
    _, columns = _grid(mask)
    return mask * ((columns < middle[1]) == (side == "left"))


def _beard(probabilities: Tensor) -> Tensor:
    """Skin below the nose, round the mouth, along the jaw and up in front of the ears."""
    skin, nose = _sum(probabilities, "skin"), _sum(probabilities, "nose")
    mouth = _center(_sum(probabilities, *PARTS["mouth"]))
    tip = (nose > 0.5).any(3).nonzero()[:, -1]
    if mouth is None or not len(tip):
        return torch.zeros_like(skin)
    rows, columns = _grid(skin)
    low = (tip.max() + 1) / skin.shape[-2]
    aside = ((columns - mouth[1]).abs() - 0.07).clamp(min=0)
    line = low - 0.01 - torch.where(aside > 0.09, (aside - 0.09) * 2, 0) + 0.4 * aside.clamp(max=0.09)
    return skin * ((rows - line) / 0.015).clamp(0, 1)


def _glasses(probabilities: Tensor) -> Tensor:
    """Two lenses and the bridge between them, and glasses that are there."""
    both, there = _sum(probabilities, *PARTS["eyes"]), _sum(probabilities, "glasses")
    eyes = [_center(_half(both, side, probabilities)) for side in ("left", "right")]
    left, right = eyes
    if left is None or right is None:
        return there
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
    return torch.maximum(there, ((1.1 - inside) / 0.2).clamp(0, 1)[None, None])


def _array(mask: Tensor) -> np.ndarray:
    return mask[0, 0].detach().float().cpu().numpy()
