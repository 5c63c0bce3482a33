"""Any picture file that a user gives -> an upright 8-bit sRGB picture, or `BadImage` that says what to do."""

import contextlib
import functools
import io
import math
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps

from styleclip_core.errors import BadImage

MAX_BYTES = 50 * 1024**2
MAX_PIXELS = 120_000_000  # as the header says, before anything is decoded
KEPT_PIXELS = 64_000_000  # larger pictures are reduced to it: a photo of 192 MB stays in memory while it is edited
MAX_SIDE = 16_000  # px, kept; longer ones no WebP could hold
MIN_SIDE = 16  # px

# Listed, because Pillow would otherwise also try EPS (which runs Ghostscript), WMF and many rarely audited decoders.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
HEIC_EXTRA = "pip install 'styleclip-studio[heic]'"
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

PhotoSource = str | Path | bytes | Image.Image | BinaryIO


def load_photo(source: PhotoSource) -> Image.Image:
    """Read a photo from a path, bytes, an open binary file or a PIL image, as RGB (8 bits a channel, sRGB, upright).

    EXIF orientation is applied, transparency becomes white, an animation gives its first frame, 16-bit and grey
    pictures are scaled to 8-bit RGB, embedded colour profiles are converted to sRGB. Pictures of more than
    `KEPT_PIXELS`, or with a side over `MAX_SIDE`, are reduced to that. HEIC is read where pillow-heif is installed. The
    source is not changed. Raises `BadImage` for everything that is not a usable picture.
    """
    return _load(source, _to_rgb)


def load_mask(source: PhotoSource) -> Image.Image:
    """Read a painted mask, from any source that `load_photo` takes, as "L": 255 where something is painted.

    In a picture with transparency opaque pixels count as painted, whatever their colour; in others bright ones.
    Raises `BadImage`.
    """
    return _load(source, _to_mask)


def _load(source: PhotoSource, finish: Callable[[Image.Image], Image.Image]) -> Image.Image:
    # Pillow's plugins raise nearly every exception type on broken bytes, so all of them mean "not a usable picture".
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about EXIF and size, which are checked here; users could not act on them
            given = isinstance(source, Image.Image)
            image = source if given else _open(_read(source))
            _check_size(image)
            if given:
                image = image.copy()
            else:
                image.draft(None, _reduced(image.size))  # the JPEG decoder can skip detail; other formats ignore it
                image.load()
            _turn_upright(image)
            return finish(image)
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        raise BadImage(f"The picture is too large: use one of at most {MAX_PIXELS // 10**6} megapixels.") from error
    except MemoryError as error:
        raise BadImage("The picture does not fit into memory: use a smaller one.") from error
    except Exception as error:
        raise BadImage("The picture is damaged or incomplete: save it again as JPEG or PNG, or use another.") from error


def _read(source: str | Path | bytes | BinaryIO) -> bytes:
    """The bytes of the file, at most `MAX_BYTES`."""
    if isinstance(source, (str, Path)):
        data = _read_path(source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = source.read(MAX_BYTES + 1)
    else:
        raise BadImage("No photo was given: choose a picture file first.")
    if not isinstance(data, bytes):
        raise BadImage("The photo was opened as text: open it in binary mode.")
    if not data:
        raise BadImage("The file is empty: choose another picture.")
    if len(data) > MAX_BYTES:
        raise BadImage(f"The file is too large: use a picture file of at most {MAX_BYTES // 1024**2} MB.")
    return data


def _read_path(path: str | Path) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a directory, or a pipe or device that might never end
            raise BadImage(f"{path} is not a file: give the path of a picture file.")
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise BadImage(f"There is no file {path}: check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise BadImage(f"The file {str(path)!r} cannot be read: check its path and permissions.") from error


@functools.cache
def _reads_heic() -> bool:
    """Teach Pillow HEIC, if pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener(thumbnails=False)
    return True


def _open(data: bytes) -> Image.Image:
    heic = data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS
    if heic and not _reads_heic():
        how = f"export the photo as JPEG or PNG, or install what reads them: {HEIC_EXTRA}"
        raise BadImage(f"HEIC pictures cannot be read here: {how}.")
    try:
        return Image.open(io.BytesIO(data), formats=("HEIF",) if heic else FORMATS)
    except Image.UnidentifiedImageError as error:
        if heic:
            raise
        message = "The file is not a picture this program can read: use JPEG, PNG, WebP, AVIF, TIFF, BMP or GIF."
        raise BadImage(message) from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise BadImage(f"The picture is only {width} x {height} pixels: use one of at least {MIN_SIDE} x {MIN_SIDE}.")
    if min(_reduced(image.size)) < MIN_SIDE:
        raise BadImage(f"The picture is too narrow ({width} x {height}): crop it around the face.")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 10**6
        raise BadImage(f"The picture is too large ({width} x {height}): use one of at most {limit} megapixels.")


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    """The size in proportion that keeps within `MAX_SIDE` and `KEPT_PIXELS`."""
    ratio = min(1.0, MAX_SIDE / max(size), math.sqrt(KEPT_PIXELS / (size[0] * size[1])))
    return round(size[0] * ratio), round(size[1] * ratio)


def _turn_upright(image: Image.Image) -> None:
    with contextlib.suppress(Exception):  # without a readable EXIF block the picture is taken as upright
        ImageOps.exif_transpose(image, in_place=True)


def _to_mask(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return image.convert("RGBA").getchannel("A")
    deep = image.mode == "F" or image.mode.startswith("I")
    return _to_8_bit(image) if deep else image.convert("L")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode -> RGB: depth, alpha, size, then colour profile (each step on as few pixels as possible)."""
    profile = image.info.get("icc_profile")
    alpha = None
    if image.mode == "F" or image.mode.startswith("I"):
        image = _to_8_bit(image)
    elif image.mode == "La":  # which Pillow converts to nothing else
        image = image.convert("LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha, image = rgba.getchannel("A"), rgba.convert("RGB")
    elif image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("RGB")

    if image.size != _reduced(image.size):
        image = image.resize(_reduced(image.size), Image.Resampling.LANCZOS)
        alpha = None if alpha is None else alpha.resize(image.size, Image.Resampling.BOX)
    image = _to_srgb(image, profile)
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return Image.frombytes("RGB", image.size, image.tobytes())  # drops metadata and any tie to the source


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits (modes I;16*, I, F) -> L. White is 65535; for I and F it is guessed from the values."""
    values = np.array(image, dtype=np.float32)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    peak = 65535 if image.mode.startswith("I;16") else float(values.max())
    scale = next((full for full in (1, 255, 65535) if peak <= full), peak)
    if image.mode == "I" and scale == 1:
        scale = 255
    values *= 255 / scale  # in place: 120 megapixels of floats are half a gigabyte
    values += 0.5
    return Image.fromarray(np.clip(values, 0, 255, out=values).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert by the embedded colour profile if there is a valid one, else by Pillow's plain conversion."""
    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":  # Pillow knows no plain conversion
        return _through_profiles(image, ImageCms.createProfile("LAB"), srgb)
    if profile:
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return _through_profiles(image, embedded, srgb)
        except Exception:  # a damaged profile, or one for another colour space: ignore it
            pass
    return image.convert("RGB")


def _through_profiles(image: Image.Image, source: Any, target: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    assert converted is not None, "only a conversion in place returns None"
    return converted
