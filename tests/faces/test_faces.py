"""Detection, alignment and paste-back on synthetic faces (examples/) in canvases: small, turned, several, cut off."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps

from styleclip_core.errors import BadSetting, NoFaceFound
from styleclip_core.faces import Alignment, align, detect_faces, load_photo, paste_back

EXAMPLES = Path(__file__).parents[2] / "examples"
SQUARE = np.array([[0, 0], [0, 1024], [1024, 1024], [1024, 0]])


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    """Aligned synthetic faces, 1024 px."""
    pictures = [load_photo(path) for path in sorted(EXAMPLES.glob("*")) if path.suffix in (".jpg", ".png", ".webp")]
    pictures = [picture for picture in pictures if picture.size == (1024, 1024)]
    if not pictures:
        pytest.fail("examples/ holds no faces")
    return pictures


def canvas(width: int, height: int) -> Image.Image:
    """A smooth coloured backdrop without a face."""
    colours = np.random.default_rng(3).integers(40, 200, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC)


def with_face(face: Image.Image, side: int, angle: float = 0, size: tuple[int, int] | None = None) -> Image.Image:
    """The face, `side` px wide and turned counterclockwise, in the middle of a canvas."""
    photo = canvas(*(size or (2 * side, int(1.7 * side))))
    small = face.resize((side, side), Image.Resampling.LANCZOS)
    shape = Image.new("L", small.size, 255).rotate(angle, expand=True)
    corner = ((photo.width - shape.width) // 2, (photo.height - shape.height) // 2)
    photo.paste(small.rotate(angle, Image.Resampling.BICUBIC, expand=True), corner, shape)
    return photo


def difference(a: Image.Image, b: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int))


def cut(photo: Image.Image, alignment: Alignment) -> Image.Image:
    """The aligned square of another photo of the same size."""
    rows = tuple(alignment.to_photo[:2].ravel())
    return photo.transform((alignment.size, alignment.size), Image.Transform.AFFINE, rows, Image.Resampling.BICUBIC)


def test_aligned_faces_stay_where_they_are(faces):
    quads = np.array([align(face, detect_faces(face)[0])[1].quad for face in faces])
    scales = np.linalg.norm(quads[:, 2] - quads[:, 0], axis=1) / np.linalg.norm(SQUARE[2])
    spread = 3 / np.sqrt(len(faces))  # three standard errors: single faces scatter by 2.5 px and 1.8 %
    assert np.abs((quads - SQUARE).mean((0, 1))).max() < 1 + 2.5 * spread
    assert abs(scales.mean() - 1) < 0.005 + 0.018 * spread


def test_what_a_detected_face_knows(faces):
    face = detect_faces(faces[0])[0]
    assert face.landmarks.shape == (478, 2) and face.landmarks.dtype == np.float32
    left, top, right, bottom = face.box
    assert 0 < left < right < 1024 and 0 < top < bottom < 1024 and 300 < face.size < 800
    assert len(face.blendshapes) == 52 and all(0 <= score <= 1 for score in face.blendshapes.values())
    assert face.eyes[0, 0] < face.eyes[1, 0] and face.mouth[0, 0] < face.mouth[1, 0]
    assert face.eyes[:, 1].max() < face.mouth[:, 1].min()
    assert np.allclose(np.linalg.det(face.pose[:3, :3]), 1, atol=0.01)


@pytest.mark.parametrize("side", [70, 130, 400])
def test_small_faces_in_large_photos(faces, side):
    photo = with_face(faces[0], side, size=(1500, 1100))
    found = detect_faces(photo)
    assert len(found) == 1
    _, alignment = align(photo, found[0])
    assert alignment.scale == pytest.approx(side / 1024, rel=0.08)
    assert np.abs(alignment.quad.mean(0) - [750, 550]).max() < 0.03 * side


@pytest.mark.parametrize("angle", [25, -60, 90, -90])
def test_turned_faces_come_out_upright(faces, angle):
    upright, _ = align(faces[0], detect_faces(faces[0])[0])
    photo = with_face(faces[0], 500, angle, size=(1000, 1000))
    face = detect_faces(photo)[0]
    turned, alignment = align(photo, face)
    assert difference(turned, upright)[150:-150, 150:-150].mean() < 8  # another face, or this one askew: over 20
    x, y = alignment.quad[3] - alignment.quad[0]
    assert np.degrees(np.arctan2(-y, x)) == pytest.approx(angle, abs=4)
    assert np.degrees(np.arctan2(face.pose[1, 0], face.pose[0, 0])) == pytest.approx(angle, abs=10)


def test_several_faces_largest_first(faces):
    photo = canvas(1600, 700)
    for number, side in enumerate((260, 600, 380)):
        photo.paste(faces[number % len(faces)].resize((side, side)), (20 + 500 * number, 40))
    found = detect_faces(photo)
    centers = [(face.box[0] + face.box[2]) / 2 for face in found]
    assert [int(center // 500) for center in centers] == [1, 2, 0]
    assert found[0].size > found[1].size > found[2].size
    assert len(detect_faces(photo, max_faces=2)) == 2


def test_no_face():
    for photo in (canvas(640, 480), canvas(16, 16), canvas(3000, 20)):
        with pytest.raises(NoFaceFound, match="photo"):
            detect_faces(photo)


def test_threads_share_the_detector(faces):
    photos = [with_face(face, side) for face in faces[:2] for side in (200, 300)]
    alone = [detect_faces(photo)[0].landmarks for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda photo: detect_faces(photo)[0].landmarks, photos))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_large_photos_keep_their_size_and_detail(faces, tmp_path):
    photo = canvas(7000, 4700)
    photo.paste(faces[0].resize((3000, 3000)), (2400, 900))
    photo.save(tmp_path / "large.jpg", quality=90)
    photo = load_photo(tmp_path / "large.jpg")
    aligned, alignment = align(photo, detect_faces(photo)[0])
    edited = ImageOps.invert(aligned)
    pasted = paste_back(photo, edited, alignment, base=aligned)
    assert pasted.size == (7000, 4700)
    changed = np.asarray(ImageChops.difference(pasted, photo)).max(-1) > 0
    rows, columns = np.nonzero(changed)
    low, high = alignment.quad.min(0), alignment.quad.max(0)
    assert changed.sum() > 2_000_000
    assert columns.min() >= low[0] - 2 and rows.min() >= low[1] - 2
    assert columns.max() <= high[0] + 2 and rows.max() <= high[1] + 2


def test_detector_is_silent(faces, tmp_path):
    faces[0].resize((256, 256)).save(tmp_path / "face.png")
    code = "import sys; from styleclip_core.faces import *; print(len(detect_faces(load_photo(sys.argv[1]))))"
    command = [sys.executable, "-c", code, str(tmp_path / "face.png")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES.parent, timeout=120)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "1", "")


@pytest.mark.parametrize(("side", "angle"), [(120, 0), (500, 20), (1024, 5), (1700, -12)])
def test_round_trip_is_exact(faces, side, angle):
    photo = with_face(faces[0], side, angle)
    square, alignment = align(photo, detect_faces(photo)[0])
    assert square.size == (1024, 1024) and square.mode == "RGB"
    assert difference(paste_back(photo, square, alignment), photo).max() == 0
    # The resampling alone, into an empty photo: nothing of the original is there to help.
    empty = Image.new("RGB", photo.size)
    white, lime = (Image.new("RGB", square.size, colour) for colour in ("white", "lime"))
    inside = np.asarray(paste_back(empty, white, alignment, base=lime))[..., 0] > 250
    assert inside.mean() > 0.15
    assert difference(paste_back(empty, square, alignment, base=lime), photo)[inside].mean() < 2


def changed_points(before: Image.Image, after: Image.Image, alignment: Alignment) -> np.ndarray:
    """The centres of the pixels that differ, in aligned coordinates: [N,2]."""
    ys, xs = np.nonzero(difference(before, after).any(-1))
    return (np.stack([xs + 0.5, ys + 0.5, np.ones(len(xs))], axis=1) @ alignment.to_aligned.T)[:, :2]


def test_pixels_outside_the_mask_keep_every_bit(faces):
    photo = with_face(faces[0], 700, 15)
    square, alignment = align(photo, detect_faces(photo)[0])
    mask = Image.new("L", (1024, 1024))
    ImageDraw.Draw(mask).ellipse((300, 600, 720, 900), fill=255)
    inverted = Image.fromarray(255 - np.asarray(square))
    there = changed_points(photo, paste_back(photo, inverted, alignment, mask=mask), alignment)
    from_center = ((there - [510, 750]) / [213, 153]) ** 2  # half axes of the ellipse and one photo pixel
    assert from_center.sum(1).max() <= 1 and len(there) > 0.9 * np.pi * 210 * 150 * alignment.scale**2
    there = changed_points(photo, paste_back(photo, inverted, alignment), alignment)
    assert there.min() > -2 and there.max() < 1026 and len(there) > 0.9 * (1024 * alignment.scale) ** 2
    assert paste_back(photo, inverted, alignment, mask=Image.new("L", (64, 64))).tobytes() == photo.tobytes()


def test_base_confines_the_change_to_the_edit(faces):
    photo = with_face(faces[0], 900)
    square, alignment = align(photo, detect_faces(photo)[0])
    rebuilt = Image.fromarray((np.asarray(square) * 0.9).astype(np.uint8))  # a reconstruction that is off everywhere
    edited = rebuilt.copy()
    edited.paste((200, 40, 40), (400, 700, 620, 800))
    result = paste_back(photo, edited, alignment, base=rebuilt)
    before, after = np.asarray(square, dtype=int), np.asarray(cut(result, alignment), dtype=int)
    assert np.abs(after - before)[:600].max() <= 3  # the photo, not the darker reconstruction
    assert np.abs(after - (200, 40, 40))[740:760, 450:570].max() < 4


@pytest.mark.parametrize("corner", [(-130, -100), (330, 150), (120, -90)])
def test_faces_at_the_border(faces, corner):
    photo = Image.new("RGB", (700, 500), (120, 140, 160))
    photo.paste(faces[0].resize((480, 480), Image.Resampling.LANCZOS), corner)
    square, alignment = align(photo, detect_faces(photo)[0])
    assert alignment.quad.min() < 0 or (alignment.quad.max(0) > photo.size).any()
    assert np.asarray(square).any(-1).mean() > 0.99  # mirrored, not black, beyond the photo
    seen = np.asarray(cut(Image.new("L", photo.size, 255), alignment)) == 255
    assert difference(square, cut(photo, alignment))[seen].mean() < 2  # what the photo has is not blurred
    assert difference(paste_back(photo, square, alignment), photo).max() == 0
    assert difference(paste_back(photo, Image.new("RGB", (1024, 1024)), alignment), photo).max() > 50


def test_alignment_leads_there_and_back(faces):
    photo = with_face(faces[0], 300, 33)
    _, alignment = align(photo, detect_faces(photo)[0])
    assert np.allclose(alignment.to_photo @ [1024, 0, 1], [*alignment.quad[3], 1])
    assert np.allclose(alignment.to_aligned @ alignment.to_photo, np.eye(3))
    sides = np.linalg.norm(np.roll(alignment.quad, -1, axis=0) - alignment.quad, axis=1)
    assert np.allclose(sides, sides[0]) and sides[0] == pytest.approx(1024 * alignment.scale)


def test_paste_back_refuses_what_cannot_be_meant(faces):
    square = faces[0]
    alignment = Alignment(SQUARE.astype(float), (1024, 1024))
    with pytest.raises(BadSetting, match="same photo"):
        paste_back(canvas(640, 480), square, alignment)
    for feather in (-1, 513, float("nan")):
        with pytest.raises(BadSetting, match="feather"):
            paste_back(square, square, alignment, feather=feather)
    elsewhere = Alignment(SQUARE + 5000.0, (1024, 1024))
    assert paste_back(square, canvas(1024, 1024), elsewhere).tobytes() == square.tobytes()
