"""load_photo on every kind of picture, and on broken ones: an RGB picture or a StudioError, never anything else."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from styleclip_core.errors import BadImage, StudioError
from styleclip_core.faces import photo as photo_module
from styleclip_core.faces.photo import MAX_BYTES, MAX_SIDE, load_photo

MODES = (
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "LA",
    "PA",
    "RGBX",
    "RGBa",
    "La",
    "I;16",
)
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


@pytest.mark.parametrize("mode", MODES)
def test_pil_images_of_every_mode(mode):
    image = in_mode(mode)
    loaded = load_photo(image)
    assert is_rgb(loaded) and loaded.size == (64, 48) and loaded is not image and image.mode == mode
    if mode != "1":
        grey = np.asarray(loaded.convert("L"), dtype=int)
        assert np.abs(grey - np.asarray(gradient().convert("L"), dtype=int)).mean() < 12


@pytest.mark.parametrize(("form", "mode"), SAVED)
def test_files_of_every_format(form, mode, tmp_path):
    path = tmp_path / "photo"  # told by its content, not by its name
    path.write_bytes(encoded(in_mode(mode), form))
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), file):
            loaded = load_photo(source)
            assert is_rgb(loaded) and loaded.size == (64, 48)
    if mode != "1":
        assert abs(pixel(loaded.convert("L")) - pixel(gradient().convert("L"))) < 12


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64)
    wanted = np.round(ramp / 257)
    deep = Image.fromarray(ramp.astype(np.uint16))
    for source in (encoded(deep), encoded(deep, "TIFF"), deep, Image.fromarray(ramp.astype(np.int32))):
        assert np.abs(np.asarray(load_photo(source))[..., 1] - wanted).max() <= 1
    dark = Image.fromarray(np.full((48, 64), 200, dtype=np.uint16))
    assert np.asarray(load_photo(dark)).max() <= 1  # by the depth of the file, not by its brightest pixel
    unit = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(48, 64)
    unit[0, 0] = np.nan
    assert np.asarray(load_photo(Image.fromarray(unit))).max() == 255


def test_transparency_is_laid_on_white():
    image = gradient().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    image.paste((10, 20, 30, 255), (0, 0, 20, 48))
    palette = image.convert("RGB").quantize(8)
    palette.info["transparency"] = palette.getpixel((40, 24))
    keyed = encoded(Image.new("RGB", (32, 32), (1, 2, 3)), transparency=(1, 2, 3))
    assert (pixel(load_photo(encoded(image)), 0.8) == 255).all()
    assert np.abs(pixel(load_photo(encoded(image)), 0.1) - (10, 20, 30)).max() <= 1
    assert (
        pixel(load_photo(encoded(palette, transparency=palette.info["transparency"])), 40 / 64, 24 / 48) == 255
    ).all()
    assert (pixel(load_photo(keyed)) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation, form):
    upright = gradient(90, 60)
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that the camera's turn amounts to
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, form, exif=exif)
    for source in (data, Image.open(io.BytesIO(data))):
        loaded = load_photo(source)
        assert loaded.size == (90, 60)
        assert np.abs(np.asarray(loaded, dtype=int) - np.asarray(upright, dtype=int)).mean() < 6


def test_broken_exif_is_ignored():
    assert load_photo(encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 40)).size == (
        64,
        48,
    )


def test_colour_profiles():
    lab_image = in_mode("LAB")
    lab_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert np.abs(pixel(load_photo(lab_image)) - pixel(gradient())).max() < 5
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = _swap_red_and_green(srgb)  # a profile that visibly does something
    plain = pixel(gradient(), 0.9, 0.1)
    assert np.abs(pixel(load_photo(encoded(gradient(), icc_profile=srgb)), 0.9, 0.1) - plain).max() <= 2
    changed = pixel(load_photo(encoded(gradient(), icc_profile=swapped)), 0.9, 0.1)
    assert np.abs(changed - plain[[1, 0, 2]]).max() <= 2
    for useless in (b"no profile", srgb[:200], lab_profile):  # broken, or of another colour space
        assert (pixel(load_photo(encoded(gradient(), icc_profile=useless)), 0.9, 0.1) == plain).all()


def _swap_red_and_green(profile: bytes) -> bytes:
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def test_animations_give_their_first_frame():
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    for form in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        loaded = load_photo(encoded(frames[0], form, save_all=True, append_images=frames[1:]))
        assert np.abs(pixel(loaded) - (255, 0, 0)).max() < 12


def test_large_pictures_are_reduced():
    for form in ("JPEG", "PNG"):
        loaded = load_photo(encoded(gradient(3 * MAX_SIDE // 2, 600), form))
        assert loaded.size == (MAX_SIDE, 400)
        assert np.abs(pixel(loaded) - pixel(gradient())).max() < 6


def _header_only_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("size", [(12_000, 11_000), (15_000, 15_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_unread(size):
    with pytest.raises(BadImage, match="too large"):
        load_photo(_header_only_png(*size))


def test_a_hundred_megapixels_are_within_the_limit():
    data = encoded(Image.new("L", (12_500, 8000), 77), "JPEG", quality=30)
    loaded = load_photo(data)
    assert loaded.size == (6000, 3840) and np.abs(pixel(loaded) - 77).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (15, 15), (90_000, 20)])
def test_too_small_or_narrow(size):
    for source in (Image.new("RGB", size), encoded(Image.new("L", size))):
        with pytest.raises(BadImage, match="pixels|narrow"):
            load_photo(source)


def test_extreme_shapes():
    assert load_photo(encoded(Image.new("RGB", (5000, 16)))).size == (5000, 16)


def test_decoders_that_run_programs_are_not_tried(monkeypatch):
    ran = []
    monkeypatch.setattr("subprocess.check_call", lambda *args, **kwargs: ran.append(args))
    with pytest.raises(BadImage, match="not a picture"):
        load_photo(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n")
    assert not ran


def test_what_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    missing = [tmp_path / "missing.png", "nul\0byte.png", "x" * 5000]
    for source in (
        tmp_path,
        tmp_path / "pipe",
        *missing,
        None,
        7,
        [],
        b"",
        io.BytesIO(),
        io.StringIO("text"),
        io.StringIO(),
    ):
        with pytest.raises(BadImage) as raised:
            load_photo(source)
        assert ":" in str(raised.value) and str(raised.value).endswith(".")


def test_too_many_bytes(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for source in (path, io.BytesIO(bytes(MAX_BYTES + 1))):
        with pytest.raises(BadImage, match="at most 50 MB"):
            load_photo(source)


def test_heic_is_named():
    with pytest.raises(BadImage, match="HEIC"):
        load_photo(b"\0\0\0\x18ftypheic" + bytes(64))


def test_closed_or_truncated_pil_images():
    image = Image.open(io.BytesIO(encoded(gradient(200, 150), "JPEG")[:-900]))
    with pytest.raises(BadImage, match="damaged"):
        load_photo(image)
    image.close()
    with pytest.raises(BadImage, match="damaged"):
        load_photo(image)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM"])
def test_truncated_files(form):
    data = encoded(gradient(200, 150), form)
    with pytest.raises(BadImage):
        load_photo(data[: len(data) // 2])


def _broken(seed: int) -> bytes:
    """A seeded picture file with flipped, cut, repeated or misplaced bytes."""
    rng = np.random.default_rng(seed)
    form, mode = SAVED[rng.integers(len(SAVED))]
    image = in_mode(mode).resize((int(rng.integers(1, 300)), int(rng.integers(1, 300))), Image.Resampling.NEAREST)
    data = bytearray(encoded(image, form))
    kind = rng.integers(5)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    if kind == 1:  # anywhere
        places = rng.integers(len(data), size=rng.integers(1, 30))
    elif kind == 2:  # in the header
        places = rng.integers(min(64, len(data)), size=rng.integers(1, 6))
    elif kind == 3:
        start, stop = sorted(rng.integers(len(data), size=2))
        return bytes(data[:stop] + data[start:])
    else:
        return rng.bytes(int(rng.integers(1, 3000)))
    for place in places:
        data[place] = rng.integers(256)
    return bytes(data)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_broken_bytes_never_surprise(first):
    outcomes = set()
    for seed in range(first, first + 50):
        try:
            outcomes.add(is_rgb(load_photo(_broken(seed))))
        except StudioError as error:
            assert str(error).endswith(".") and len(str(error)) < 200
            outcomes.add("refused")
    assert outcomes == {True, "refused"}  # some damage can be lived with, some cannot; nothing else comes out


def test_limits_are_what_the_sentences_say():
    assert photo_module.MAX_PIXELS == 120_000_000 and photo_module.MAX_BYTES == 50 * 2**20
