"""What is painted over a face: a mask in the tab "Local", the place of an edit. Masks are "L", white inside."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageChops, ImageFilter

PAINT = (99, 102, 241)
OPACITY = 150  # of 255, of masks that are laid over the face
CANVAS = 512  # px of what is painted on
CHANGES = ("Invert", "Grow", "Shrink")


def painted(editor: dict[str, Any] | None) -> Image.Image | None:
    """The mask that a user painted over the face, or None if that is nothing."""
    mask = None
    for layer in (editor or {}).get("layers") or []:
        alpha = layer.convert("RGBA").getchannel("A").point(_above(8, 255))
        mask = alpha if mask is None else ImageChops.lighter(mask, alpha.resize(mask.size))
    return mask if mask is not None and mask.getbbox() else None


def canvas(face: Image.Image, mask: Image.Image | None = None) -> dict[str, Any]:
    """The editor's contents: the face, and the mask painted over it."""
    face = face.resize((CANVAS, CANVAS)).convert("RGBA")
    layer = Image.new("RGBA", face.size)
    if mask is not None:
        alpha = mask.resize(face.size).point(_above(127, OPACITY))
        layer.putalpha(alpha)
        layer.paste(PAINT, (0, 0, *face.size), alpha.point(_above(0, 255)))
        layer.putalpha(alpha)
    return {"background": face, "layers": [layer], "composite": Image.alpha_composite(face, layer)}


def change(mask: Image.Image, how: str) -> Image.Image:
    """A mask inverted, grown or shrunk a little; ``how`` is one of CHANGES."""
    if how == "Invert":
        return ImageChops.invert(mask)
    return mask.filter((ImageFilter.MaxFilter if how == "Grow" else ImageFilter.MinFilter)(9))


def _above(threshold: int, level: int) -> list[int]:
    """A table for `Image.point`: what is above the threshold becomes ``level``, the rest 0."""
    return [level * (value > threshold) for value in range(256)]
