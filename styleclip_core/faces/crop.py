"""The square that a generator draws: cut out of a photo, and put back into it. Faces are aligned, the rest centred."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from styleclip_core.errors import BadSetting
from styleclip_core.faces.align import FEATHER, SIZE, Alignment, align, paste_back
from styleclip_core.faces.detect import detect_faces

ASPECTS = {"car": 4 / 3}  # width : height of what is drawn; above and below it the square is black


def cut_out(photo: Image.Image, domain: str, size: int, choice: int = 0) -> tuple[Image.Image, Alignment, int]:
    """The square of a photo, where it lies, and how many there were to choose from.

    Args:
        domain: "face": the face ``choice``, 0 the largest, 1024 x 1024; else the middle of the photo.
        size: px of that middle.
    Raises:
        NoFaceFound, BadSetting.
    """
    if domain != "face":
        if choice:
            raise BadSetting(f"With this pack the middle of the photo is the {domain}: leave the face's number at 0.")
        return *_middle(photo, ASPECTS.get(domain, 1.0), size), 1
    found = detect_faces(photo)
    if not 0 <= choice < len(found):
        raise BadSetting(f"The photo has {len(found)} face(s); choose one from 0 to {len(found) - 1}, not {choice}.")
    return *align(photo, found[choice]), len(found)


def put_back(
    photo: Image.Image,
    edited: Image.Image,
    alignment: Alignment,
    domain: str,
    base: Image.Image,
    mask: Image.Image | None = None,
) -> Image.Image:
    """The photo with the edited square in its place, changed where the edit differs from ``base``, the unedited one.

    ``mask``, "L", says where it may.
    """
    if domain in ASPECTS:
        drawn = _drawn(alignment.size, ASPECTS[domain])
        mask = ImageChops.multiply(drawn, mask.resize(drawn.size)) if mask else drawn
    return paste_back(photo, edited, alignment, mask, base, FEATHER * alignment.size / SIZE)


def _middle(photo: Image.Image, aspect: float, size: int) -> tuple[Image.Image, Alignment]:
    """The largest part of that aspect around the photo's middle, as wide as the square, on black."""
    width = min(photo.width, photo.height * aspect)
    x, y = (photo.width - width) / 2, (photo.height - width / aspect) / 2
    height = round(size / aspect)
    part = photo.resize((size, height), Image.Resampling.LANCZOS, (x, y, x + width, y + width / aspect))
    square = Image.new("RGB", (size, size))
    square.paste(part, (0, (size - height) // 2))
    top, bottom = (photo.height - width) / 2, (photo.height + width) / 2
    quad = np.array([[x, top], [x, bottom], [x + width, bottom], [x + width, top]])
    return square, Alignment(quad, photo.size, size)


def _drawn(size: int, aspect: float) -> Image.Image:
    """Mask "L" of the part of the square that is not black."""
    mask, height = Image.new("L", (size, size)), round(size / aspect)
    mask.paste(255, (0, (size - height) // 2, size, (size - height) // 2 + height))
    return mask
