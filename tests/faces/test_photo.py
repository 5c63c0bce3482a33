"""load_photo on every kind of picture: modes, formats, depths, turns, profiles, sizes."""

import io
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms

from styleclip_core.errors import BadImage
from styleclip_core.faces.photo import MAX_SIDE, _reads_heic, load_photo
from support.pictures import MODES, SAVED, encoded, gradient, in_mode, is_rgb, pixel


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


def test_photos_of_iphones_are_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side; HEIF turns it by itself, the tag stays behind
    sideways = gradient(90, 60).transpose(Image.Transpose.ROTATE_90)
    heif = pillow_heif.from_pillow(sideways)
    heif.info["exif"] = exif.tobytes()
    heif.save(tmp_path / "photo.heic", quality=95)
    data = (tmp_path / "photo.heic").read_bytes()
    loaded = load_photo(data)
    assert is_rgb(loaded) and loaded.size == (90, 60)
    assert np.abs(np.asarray(loaded, int) - np.asarray(gradient(90, 60), int)).mean() < 6
    for broken in (data[:200], data[: len(data) // 2], data[:64] + bytes(64) + data[128:]):
        with pytest.raises(BadImage):
            load_photo(broken)


def test_without_pillow_heif_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    _reads_heic.cache_clear()
    with pytest.raises(BadImage, match=r"HEIC.*styleclip-studio\[heic\]"):
        load_photo(b"\0\0\0\x18ftypheic" + bytes(64))
    _reads_heic.cache_clear()


def test_animations_give_their_first_frame():
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    for form in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        loaded = load_photo(encoded(frames[0], form, save_all=True, append_images=frames[1:]))
        assert np.abs(pixel(loaded) - (255, 0, 0)).max() < 12


def test_large_photos_keep_their_size():
    for size in ((7000, 5250), (9504, 6336), (15_000, 4000)):
        assert load_photo(encoded(Image.new("L", size, 77), "JPEG", quality=30)).size == size


def test_larger_pictures_are_reduced():
    for form in ("JPEG", "PNG"):
        loaded = load_photo(encoded(gradient(3 * MAX_SIDE // 2, 600), form))
        assert loaded.size == (MAX_SIDE, 400)
        assert np.abs(pixel(loaded) - pixel(gradient())).max() < 6


def test_a_hundred_megapixels_are_within_the_limit():
    data = encoded(Image.new("L", (12_500, 8000), 77), "JPEG", quality=30)
    loaded = load_photo(data)
    assert loaded.size == (10_000, 6400) and np.abs(pixel(loaded) - 77).max() <= 2


def test_extreme_shapes():
    assert load_photo(encoded(Image.new("RGB", (5000, 16)))).size == (5000, 16)
