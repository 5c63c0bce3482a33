"""load_photo on pictures that are broken, too large or none: an RGB picture or a StudioError, never anything else."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from styleclip_core.errors import BadImage, StudioError
from styleclip_core.faces import photo as photo_module
from styleclip_core.faces.photo import MAX_BYTES, load_photo
from support.pictures import SAVED, encoded, gradient, in_mode, is_rgb


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


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (15, 15), (90_000, 20)])
def test_too_small_or_narrow(size):
    for source in (Image.new("RGB", size), encoded(Image.new("L", size))):
        with pytest.raises(BadImage, match="pixels|narrow"):
            load_photo(source)


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


def test_broken_heic():
    with pytest.raises(BadImage, match="HEIC|damaged"):
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
