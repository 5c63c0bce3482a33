"""Masks that are painted over a face."""

from PIL import Image

from styleclip_app.canvas import CANVAS, canvas, change, painted


def box(left: int, upper: int, right: int, lower: int, size: int = 256) -> Image.Image:
    mask = Image.new("L", (size, size))
    mask.paste(255, (left, upper, right, lower))
    return mask


def test_what_is_laid_over_a_face_is_read_again() -> None:
    contents = canvas(Image.new("RGB", (1024, 1024), "teal"), box(64, 64, 128, 192))
    mask = painted(contents)
    assert mask is not None and mask.size == (CANVAS, CANVAS) and mask.getbbox() == (128, 128, 256, 384)
    assert (
        contents["composite"].getpixel((10, 10))[:3] == (0, 128, 128) != contents["composite"].getpixel((200, 200))[:3]
    )
    assert painted(canvas(Image.new("RGB", (64, 64)))) is None and painted(None) is None


def test_masks_are_inverted_grown_and_shrunk() -> None:
    mask = box(64, 64, 128, 192)
    assert change(mask, "Invert").getpixel((0, 0)) == 255 and change(mask, "Invert").getpixel((100, 100)) == 0
    assert change(mask, "Grow").getbbox() == (60, 60, 132, 196) and change(mask, "Shrink").getbbox() == (
        68,
        68,
        124,
        188,
    )
