"""Small pictures in every mode, and how to encode, read and recognise them."""

import io

import numpy as np
from PIL import Image, ImageCms

MODES = tuple("1 L P RGB RGBA CMYK YCbCr LAB HSV I F LA PA RGBX RGBa La I;16".split())
SAVED = (
    [("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    + [("JPEG", mode) for mode in ("L", "RGB", "CMYK")]
    + [("TIFF", mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "I", "F", "I;16")]
    + [(form, "RGB") for form in ("WEBP", "AVIF", "JPEG2000", "BMP", "GIF", "PPM")]
)


def gradient(width: int = 64, height: int = 48) -> Image.Image:
    """Red to the right, green downwards, some blue."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([red, green, np.full_like(red, 90)], axis=-1).astype(np.uint8))


def in_mode(mode: str) -> Image.Image:
    image = gradient()
    if mode == "LAB":
        return ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode=mode
        )
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    steps = {"La": ("LA",), "RGBa": ("RGBA",), "PA": ("RGBA", "P")}.get(mode, ())
    for step in (*steps, mode):
        image = image.convert(step)
    return image


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def pixel(image: Image.Image, x: float = 0.5, y: float = 0.5) -> np.ndarray:
    return np.array(image.getpixel((int(x * image.width), int(y * image.height))), dtype=int)


def is_rgb(image: Image.Image) -> bool:
    return image.mode == "RGB" and not image.info and min(image.size) >= 16
