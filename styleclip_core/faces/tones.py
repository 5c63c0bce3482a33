"""Tones: an edit is pasted into a photo in the photo's own colours, part by part of the face.

An inversion misses colours: its hair is too warm, its skin too smooth and too light. Where an edit changes a pixel, the
photo would take these colours over. And edits move colours that nobody asked for, as a smile does those of the hair.
`matched` takes both out. Fields of colour are smooth and estimated within a part (hair, skin, ...) only, so that no
part takes the colour of its neighbour.

Parts are float32 ``[P,S,S]`` in [0,1], in the order of `PARTS`, and sum to 1; S is at most `SIZE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from styleclip_core.images import largest_channel
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.packs.base import FaceParser

SIZE = 256  # px at which colours are compared; all lengths below are px of it
PARTS = {  # part -> the parser's classes
    "background": ("background",),
    "clothes": ("cloth", "necklace", "earring"),
    "hair": ("hair",),
    "hat": ("hat",),
    "skin": ("skin", "nose", "left ear", "right ear", "neck", "glasses"),  # frames are outliers in what lies behind
    "brows": ("left brow", "right brow"),
    "eyes": ("left eye", "right eye"),
    "lips": ("upper lip", "lower lip"),
    "mouth": ("mouth",),
}
SURROUNDINGS = ("background", "clothes")  # the photo stays there, unless the edit is about them
ERROR_REACH = 8.0  # deviation of the Gaussian over which the inversion's error is averaged
SHIFT_REACH = 20.0  # the same of the edit's shift; wider, so that what the edit draws is no shift
OUTLIER = 8.0  # change of colour, of 255, from which a pixel is what the edit draws (a beard) and no shift
FADE = 12.0  # change of a free part's colour, of 255, at which half of the inversion's error is left in the account
LEAST_AREA = 20.0  # px of a part in both pictures, below which it tells nothing
MARGIN = 4  # px round hair that the edit removes, in which the photo may still show wisps of it

COLOR = (
    r"(?:(?:dark|light|bright|pale|deep|dyed|natural)[- ])?(?:blond|brown|black|white|gr[ea]y|silver|golden?|platinum|"
    r"red|auburn|ginger|orange|pink|purple|violet|blue|green|hazel|yellow|neon|rainbow|colou?red|dyed|dark|light|fair)"
)
COLORED = {  # part -> what may follow a colour, up to two words later, if the colour is that of the part
    "hair": r"hair(ed)?|bangs|curls|locks|afro|braids|bob|ponytail|mohawk",
    "skin": r"skin(ned)?|complexion|face",
    "brows": r"(eye)?brows",
    "eyes": r"eye(s|d)|irises",
    "lips": r"lips?",
}
# Words by the parts whose colour they are about; none for words that are about a shape. Texts without any of these
# words may be about all colours of the face.
FREEING = (
    (r"sketch|drawing|painting|cartoon|anime|pixar|disney|3d|comic|render|sculpture|statue|monochrome|sepia|"
     r"black and white|photograph|light(ing|ed)|lit|bright(ness)?|night|sunset|sunlight|shadows?", tuple(PARTS)),
    (r"blond\w*|brunette|redhead(ed)?|ginger", ("hair", "brows")),
    (r"old(er)?|elderly|aged?|ag(e)?ing|senior|grand(ma|pa|mother|father)|young(er)?|youth\w*|child|baby|teen\w*",
     ("hair", "brows")),
    (r"hat|cap|beanie|turban|hood|crown|helmet", ("hair", "hat")),
    (r"pale|tan(ned)?|sun-?(tan|burn)\w*|blush\w*|rosy|freckle\w*|albino|skin tone|complexion", ("skin",)),
    (r"lip ?stick|lip gloss", ("lips",)),
    (r"make-?up|goth\w*|glam\w*", ("lips", "eyes", "brows")),
    (r"eye ?liner|eye ?shadow|mascara", ("eyes",)),
    (r"background|backdrop|scenery|outdoors|forest|beach|street", ("background",)),
    (r"cloth(es|ing)|shirt|t-shirt|suit|(neck)?tie|dress|jacket|coat|sweater|hoodie|scarf|uniform|collar|necklace|"
     r"ear ?rings?|jewel\w*", ("clothes",)),
    (r"smil\w*|grin\w*|laugh\w*|happy|sad(ness)?|ang(ry|er)|frown\w*|surpris\w*|fear\w*|disgust\w*|mouth|teeth|pout\w*|"
     r"(eye|sun)?glasses|spectacles|beard\w*|goatee|stubble|m[ou]+stach\w*|shav\w*|bald\w*|curl(y|s)|bangs|fringe|wavy|"
     r"hair|hairstyle|afro|nose|chin|jaw\w*|cheek\w*|lips|eyes|brows|eyebrows|ears|chubb\w*|thin|fat|wink\w*|blink\w*|"
     r"pose|yaw|pitch|turn\w*|look(ing)?|tilt\w*", ()),
)  # fmt: skip
GENDER = r"gender|m[ae]n|wom[ae]n|(fe)?male|boy|girl|feminine|masculine"  # mostly in passing: "a man with a beard"
FACE = frozenset({"hair", "hat", "skin", "brows", "eyes", "lips"})


@dataclass(frozen=True, eq=False)
class Matched:
    """What to paste: `faces.align.paste_back` adds ``edited - base`` to the photo, where it is not ``kept``.

    Attributes:
        base: the unedited picture in the photo's colours.
        edited: the edited picture in the photo's colours.
        kept: "L", 255 where the photo stays as it is.
    """

    base: Image.Image
    edited: Image.Image
    kept: Image.Image


def free_regions(text: str) -> frozenset[str]:
    """The names of `PARTS` whose colour a prompt or a slider's name is about: "a man with blond hair" -> hair, brows.

    Of a text of no known word, as of a person's name, all of the face's parts.
    """
    text = " ".join(text.lower().replace("_", " ").split())
    found: list[str] = []
    for part, words in COLORED.items():
        if re.search(rf"\b{COLOR}[- ](?:\w+[- ]){{0,2}}?({words})\b", text):
            found += (part, "brows") if part == "hair" else (part,)
    known = [parts for words, parts in FREEING if re.search(rf"\b({words})\b", text)]
    if not found and not known:
        return frozenset({"lips", "eyes", "brows"}) if re.search(rf"\b({GENDER})\b", text) else FACE
    return frozenset(found).union(*known)


@torch.no_grad()
def parts_of(image: Image.Image, parser: FaceParser, device: torch.device) -> np.ndarray:
    """The parts of an aligned face, with outlines that follow the picture's edges."""
    return parts_in(image, parsed([image], parser, device))


def parsed(images: list[Image.Image], parser: FaceParser, device: torch.device) -> Tensor:
    """What `parts_in` takes of each: probabilities ``[N,19,S,S]`` of aligned faces of one size, on the CPU."""
    pixels = np.stack([_small(image) for image in images])
    return parser.parse(torch.from_numpy(pixels / 127.5 - 1).permute(0, 3, 1, 2).to(device)).float().cpu()


def parts_in(image: Image.Image, found: Tensor) -> np.ndarray:
    """As `parts_of`, of a picture whose probabilities ``[1,19,S,S]`` are known."""
    classes = found[0].numpy()
    parts = np.stack([classes[[CLASSES.index(name) for name in names]].sum(0) for names in PARTS.values()])
    return _follow_edges(parts, _small(image))


def painted(mask: Image.Image, parts: np.ndarray) -> frozenset[str]:
    """The surroundings that the mask of an edit ("L") picks out, so that it may change them."""
    inside = cv2.resize(np.asarray(mask), parts.shape[1:], interpolation=cv2.INTER_AREA) / np.float32(255)
    if inside.mean() > 0.9:  # the whole picture: nothing is picked out
        return frozenset()
    shares = {name: (part * inside).sum() / (part.sum() + 1) for name, part in zip(PARTS, parts, strict=True)}
    return frozenset(name for name in SURROUNDINGS if shares[name] > 0.5)


def matched(
    photo: Image.Image,
    unedited: Image.Image,
    edited: Image.Image,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    free: frozenset[str] = frozenset(),
) -> Matched:
    """The unedited and the edited picture of a square, in the colours of the photo.

    The inversion's error of tone is added to both. Where the edit shifts the colour of a whole part, that is taken back
    in the edited one, unless the part is free. Background and clothes stay the photo's. An edit that changes nothing
    gives two equal pictures. For the arguments see `corrections`.
    """
    return applied(unedited, edited, *corrections(photo, unedited, edited, parts, free))


def corrections(
    photo: Image.Image,
    unedited: Image.Image,
    edited: Image.Image,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    free: frozenset[str] = frozenset(),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `matched` adds to the unedited and to the edited picture, float32 ``[S,S,3]`` of 255, and where the photo
    is kept, ``[S,S]`` in [0,1].

    Args:
        photo: RGB, the photo's own square.
        unedited, edited: the generator's pictures, RGB, one size.
        parts: of the three pictures, from `parts_of`. None: no part is known, and only the error of tone is matched.
        free: names of `PARTS` whose colour the edit is about, see `free_regions`.
    """
    if photo.width != unedited.width:  # a generator of smaller pictures than the aligned square
        photo = photo.resize(unedited.size, Image.Resampling.BOX)
    pixels = _small(photo), _small(unedited), _small(edited)
    if parts is not None and parts[0].shape[1:] != pixels[0].shape[:2]:
        size = pixels[0].shape[1::-1]
        fit = [np.stack([cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in each]) for each in parts]
        parts = fit[0], fit[1], fit[2]
    if parts is None:
        whole = np.ones((1, *pixels[0].shape[:2]), np.float32)
        before, after = _fields(pixels, (whole, whole, whole), ("whole",), frozenset({"whole"}))
        return before, after, np.zeros_like(whole[0])
    before, after = _fields(pixels, parts, tuple(PARTS), free | {"mouth"})  # new teeth are no shift of old ones
    return before, after, _kept(parts, free)


def applied(
    unedited: Image.Image, edited: Image.Image, before: np.ndarray, after: np.ndarray, kept: np.ndarray
) -> Matched:
    """The two pictures with their corrections."""
    return Matched(_add(unedited, before), _add(edited, after), _picture(_resized(kept * 255, unedited.width)))


def _fields(
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray],
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    names: tuple[str, ...],
    free: frozenset[str],
) -> tuple[np.ndarray, np.ndarray]:
    """What to add to the unedited and to the edited picture: float32 ``[S,S,3]`` of 255."""
    photo, unedited, edited = pixels
    missed, moved = photo - unedited, edited - unedited
    before, after = np.zeros_like(unedited), np.zeros_like(unedited)
    for name, in_photo, in_unedited, in_edited in zip(names, *parts, strict=True):
        inverted = _ramp(np.minimum(in_photo, in_unedited), 0.5, 0.95)
        stays = _ramp(np.minimum(in_unedited, in_edited), 0.5, 0.95)
        error = _mean(missed, inverted, ERROR_REACH) if inverted.sum() > LEAST_AREA else np.zeros_like(missed)
        error_after = error
        if stays.sum() > LEAST_AREA:
            if name in free:  # a new colour was not what the inversion missed
                change = largest_channel(np.abs(_mean(moved, stays, SHIFT_REACH)))
                error_after = error / (1 + (change / FADE) ** 2)[..., None]
            elif name in SURROUNDINGS:
                error_after = error - _mean(moved, stays, ERROR_REACH)
            else:
                error_after = error - _shift(moved, stays)
        before += in_unedited[..., None] * error
        after += in_edited[..., None] * error_after
    return before, after


def _shift(moved: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The smooth part of a change of colour ``[S,S,3]``, without what stands out of it: float32 ``[S,S,3]``."""
    solid = weight > 0.5
    shift = np.median(moved[solid], axis=0) if solid.any() else np.zeros(3, np.float32)
    for _ in range(3):
        outlying = largest_channel(np.abs(moved - shift)) / OUTLIER
        shift = _mean(moved, weight / (1 + outlying**2) ** 2, SHIFT_REACH, 0.6)
    return shift


def _mean(values: np.ndarray, weight: np.ndarray, reach: float, prior: float = 0.02) -> np.ndarray:
    """Weighted means of values ``[S,S,3]`` round each pixel; far from all weight they go over into the total mean.

    Args:
        weight: ``[S,S]``.
        reach: deviation of the Gaussian.
        prior: weight of the total mean.
    """
    size, coarse = len(weight), max(len(weight) // 4, 1)  # as smooth fields need no more
    weighted = cv2.merge([*cv2.split(values * weight[..., None]), weight])
    sums = cv2.resize(weighted, (coarse, coarse), interpolation=cv2.INTER_AREA)
    *colors, weights = sums.sum((0, 1)) * np.float32((size / coarse) ** 2)
    total = np.array(colors) / (weights + np.float32(1e-3))
    sums = _resized(cv2.GaussianBlur(sums, (0, 0), reach * coarse / SIZE, borderType=cv2.BORDER_REFLECT), size)
    return (sums[..., :3] + prior * total) / (sums[..., 3:] + prior)


def _kept(parts: tuple[np.ndarray, np.ndarray, np.ndarray], free: frozenset[str]) -> np.ndarray:
    """Where the photo stays: in its surroundings, but not where hair was that the edit removes. float32 ``[S,S]``."""
    names = [list(PARTS).index(name) for name in SURROUNDINGS if name not in free]
    photo, unedited, edited = (part[names].sum(0) for part in parts)
    kept = cv2.GaussianBlur(np.minimum(unedited, edited), (0, 0), 0.7)
    bared = (edited > 0.5) & (np.minimum(photo, unedited) < 0.5)
    bared = cv2.erode(bared.astype(np.float32), np.ones((3, 3)))  # not where outlines differ by a pixel only
    near = cv2.dilate(bared, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * MARGIN + 3, 2 * MARGIN + 3)))
    return _ramp(kept, 0.3, 0.85) * (1 - cv2.GaussianBlur(near, (0, 0), 1.5))


def _follow_edges(parts: np.ndarray, pixels: np.ndarray, radius: int = 5, contrast: float = 6.0) -> np.ndarray:
    """Parts whose soft outlines are pulled to the edges of the picture ``[S,S,3]`` by a guided filter (He et al. 2010).

    Args:
        radius: px of the filter's window.
        contrast: of 255: edges weaker than this are not followed.
    """

    def mean(x: np.ndarray) -> np.ndarray:
        planes = [cv2.boxFilter(plane, -1, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT) for plane in x]
        return np.stack(planes)

    gray = np.ascontiguousarray(pixels.mean(-1))[None]
    mean_gray, mean_parts = mean(gray), mean(parts)
    slope = (mean(gray * parts) - mean_gray * mean_parts) / (mean(gray * gray) - mean_gray**2 + contrast**2)
    followed = np.clip(mean(slope) * gray + mean(mean_parts - slope * mean_gray), 0, 1)
    return followed / np.maximum(followed.sum(0), 1e-3)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """From 0 at ``low`` to 1 at ``high``, smoothly."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def _small(image: Image.Image) -> np.ndarray:
    """RGB float32 ``[S,S,3]`` of 255."""
    size = min(SIZE, image.width)
    return cv2.resize(np.asarray(image.convert("RGB")), (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)


def _resized(field: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR)


def _add(image: Image.Image, field: np.ndarray) -> Image.Image:
    return _picture(np.asarray(image.convert("RGB"), np.float32) + _resized(field, image.width))


def _picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))
