"""The square that a generator draws, cut out of a photo and pasted back: faces are aligned, the rest is centred."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops

from styleclip_core.errors import BadSetting
from styleclip_core.faces.align import ALIGNED_SIZE, BORDER_FEATHER, Alignment, align, paste_back
from styleclip_core.faces.detect import detect_faces

ASPECTS = {"car": 4 / 3}  # width : height of what is drawn; above and below it the square is black


def cut_out(photo: Image.Image, domain: str, size: int, choice: int = 0) -> tuple[Image.Image, Alignment, int]:
    """The square of a photo, its position, and the number of squares that there were to choose from.

    Args:
        domain: of the pack: "face" cuts out the aligned face, 1024 x 1024; any other the middle of the photo.
        size: px: side of the square of another domain.
        choice: which face, 0 the largest.
    Raises:
        NoFaceFound, BadSetting.
    """
    if domain != "face":
        if choice:
            raise BadSetting(f"With this pack the middle of the photo is the {domain}: leave the face's number at 0.")
        return *_middle(photo, ASPECTS.get(domain, 1.0), size), 1
    faces = detect_faces(photo)
    if not 0 <= choice < len(faces):
        raise BadSetting(f"The photo has {len(faces)} face(s); choose one from 0 to {len(faces) - 1}, not {choice}.")
    return *align(photo, faces[choice]), len(faces)


def put_back(
    photo: Image.Image,
    edited: Image.Image,
    alignment: Alignment,
    domain: str,
    base: Image.Image,
    mask: Image.Image | None = None,
    kept: Image.Image | None = None,
) -> Image.Image:
    """Paste the edited square back into the photo, which changes where the edit differs from ``base``.

    Args:
        domain: of the pack, as for `cut_out`.
        base: the generator's unedited picture of the square.
        mask: "L", of the square, 255 where the photo may change; None: everywhere.
        kept: "L", of the square, 255 where the photo stays all the same; None: nowhere.
    """
    if domain in ASPECTS:
        drawn = _drawn_part(alignment.size, ASPECTS[domain])
        mask = ImageChops.multiply(drawn, mask.resize(drawn.size)) if mask else drawn
    return paste_back(photo, edited, alignment, mask, base, BORDER_FEATHER * alignment.size / ALIGNED_SIZE, kept)


def _middle(photo: Image.Image, aspect: float, size: int) -> tuple[Image.Image, Alignment]:
    """The largest part with that aspect ratio in the photo's middle, on a black square as wide as it."""
    width = min(photo.width, photo.height * aspect)
    x, y = (photo.width - width) / 2, (photo.height - width / aspect) / 2
    height = round(size / aspect)
    part = photo.resize((size, height), Image.Resampling.LANCZOS, (x, y, x + width, y + width / aspect))
    square = Image.new("RGB", (size, size))
    square.paste(part, (0, (size - height) // 2))
    top, bottom = (photo.height - width) / 2, (photo.height + width) / 2
    quad = np.array([[x, top], [x, bottom], [x + width, bottom], [x + width, top]])
    return square, Alignment(quad, photo.size, size)


def _drawn_part(size: int, aspect: float) -> Image.Image:
    """Mask "L" of the part of the square that the generator draws; the rest is black."""
    mask, height = Image.new("L", (size, size)), round(size / aspect)
    mask.paste(255, (0, (size - height) // 2, size, (size - height) // 2 + height))
    return mask
