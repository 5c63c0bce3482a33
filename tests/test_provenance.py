"""Saved pictures say that AI made or edited them, in their format, in sRGB, and carry nothing else."""

import io
import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from styleclip_core import BadSetting, Edit, Face, Source, __version__, save_picture
from styleclip_core.faces import load_photo
from styleclip_core.provenance import srgb_profile
from styleclip_core.results import DrawnState
from support.pictures import gradient

FORMATS = {"photo.png": "PNG", "photo.jpg": "JPEG", "photo.JPEG": "JPEG", "photo.webp": "WEBP"}


def described(picture: Image.Image) -> dict[str, str]:
    """The attributes of a picture's XMP packet, as Pillow reads them."""
    return picture.getxmp()["xmpmeta"]["RDF"]["Description"]


def exiftool(path: Path) -> dict[str, str]:
    """All that exiftool finds in a file, by names with their groups."""
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed: apt-get install libimage-exiftool-perl")
    found = subprocess.run(["exiftool", "-json", "-G1", "-n", str(path)], capture_output=True, text=True, check=True)
    return json.loads(found.stdout)[0]


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("name", FORMATS)
def test_files_say_what_made_them(name: str, source: Source, tmp_path: Path) -> None:
    save_picture(gradient(), tmp_path / name, source)
    picture = Image.open(tmp_path / name)
    said = described(picture)
    assert picture.format == FORMATS[name] and picture.size == (64, 48)
    assert said["DigitalSourceType"] == source
    assert said["CreatorTool"] == f"StyleCLIP Studio {__version__}"
    assert said["CreateDate"] == said["ModifyDate"] == said["MetadataDate"]
    age = datetime.now(UTC) - datetime.fromisoformat(said["CreateDate"])
    assert timedelta(0) <= age < timedelta(minutes=1)


@pytest.mark.parametrize("name", FORMATS)
def test_other_programs_read_it(name: str, tmp_path: Path) -> None:
    save_picture(gradient(), tmp_path / name)
    found = exiftool(tmp_path / name)
    assert found["XMP-iptcExt:DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert found["XMP-xmp:CreatorTool"].startswith("StyleCLIP Studio") and found["XMP-xmp:CreateDate"].endswith(
        "+00:00"
    )
    assert "ExifTool:Warning" not in found
    assert not [key for key in found if key.startswith(("IFD0", "ExifIFD", "GPS", "IPTC"))]


@pytest.mark.parametrize("name", FORMATS)
def test_pixels_and_colours_stay(name: str, tmp_path: Path) -> None:
    save_picture(gradient(640, 480), tmp_path / name)
    picture = Image.open(tmp_path / name)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    for read in (picture.convert("RGB"), load_photo(tmp_path / name)):
        differences = np.abs(np.asarray(read, int) - np.asarray(gradient(640, 480), int))
        assert differences.max() <= (0 if name == "photo.png" else 12) and differences.mean() < 1.5


def test_colours_look_as_in_the_photo(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    gradient().save(tmp_path / "photo.png", icc_profile=swapped)  # whose red is sRGB's green
    save_picture(load_photo(tmp_path / "photo.png"), tmp_path / "saved.png")
    seen = []
    for name in ("photo.png", "saved.png"):
        picture = Image.open(tmp_path / name)
        profile, lab = io.BytesIO(picture.info["icc_profile"]), ImageCms.createProfile("LAB")
        seen.append(np.asarray(ImageCms.profileToProfile(picture, profile, lab, outputMode="LAB"), int))
    assert np.abs(seen[0] - seen[1]).max() <= 3 and np.abs(seen[0][..., 1] - 128).max() > 60


def test_what_the_picture_carried_is_left_behind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)  # latitude
    gradient().save(tmp_path / "camera.jpg", exif=exif, comment=b"at home")
    for name in FORMATS:
        save_picture(Image.open(tmp_path / "camera.jpg"), tmp_path / name)
        assert dict(Image.open(tmp_path / name).getexif()) == {} and b"at home" not in (tmp_path / name).read_bytes()


def test_faces_of_the_generator_are_made_and_photos_edited(tmp_path: Path) -> None:
    drawn, photo = Face(torch.zeros(18, 512), gradient()), gradient(90, 60)
    found = Face(torch.zeros(18, 512), gradient(), photo)
    drawn.save(tmp_path / "drawn.png")
    assert described(Image.open(tmp_path / "drawn.png"))["DigitalSourceType"] == Source.GENERATED
    for face, source in ((drawn, Source.GENERATED), (found, Source.EDITED), (None, Source.EDITED)):
        edit = Edit(gradient(), photo, DrawnState(torch.zeros(18, 512)), face=face)
        for aligned, size in ((False, (90, 60)), (True, (64, 48))):
            edit.save(tmp_path / "edit.png", aligned)
            saved = Image.open(tmp_path / "edit.png")
            assert saved.size == size and described(saved)["DigitalSourceType"] == source


def test_a_badge_is_drawn_on_request_only(tmp_path: Path) -> None:
    plain = Image.new("RGB", (640, 480), "teal")
    for badge in (False, True):
        save_picture(plain, tmp_path / "badge.png", badge=badge)
        changed = np.asarray(Image.open(tmp_path / "badge.png"), int) != np.asarray(plain, int)
        rows, columns = np.nonzero(changed.any(-1))
        assert (len(rows) > 500) == badge
    assert rows.min() > 430 and columns.min() > 480 and plain.getcolors() == [(640 * 480, (0, 128, 128))]


def test_what_cannot_be_saved_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"\.png or \.jpg"):
        save_picture(gradient(), tmp_path / "photo.gif")
    with pytest.raises(BadSetting, match="too large for WEBP"):
        save_picture(Image.new("RGB", (17_000, 16)), tmp_path / "wide.webp")
    with pytest.raises(OSError):
        save_picture(gradient(), tmp_path / "nowhere" / "photo.png")


def test_equal_pictures_without_a_date_give_equal_files(tmp_path: Path) -> None:
    files = []
    for name in ("first.png", "second.png"):
        save_picture(gradient(), tmp_path / name, dated=False)
        files.append((tmp_path / name).read_bytes())
        srgb_profile.cache_clear()
        time.sleep(1.1)  # profiles hold the second in which they are made
    assert files[0] == files[1]
