"""Alignment of faces as in FFHQ: photo -> upright 1024 x 1024 crop, and an edited crop back into the photo.

Coordinates are continuous: the top left pixel covers [0, 1] x [0, 1] and has its centre at (0.5, 0.5), as in Pillow.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageFilter

from styleclip_core.errors import BadSetting
from styleclip_core.faces.detect import DetectedFace
from styleclip_core.faces.warp import apply, corners, scale_of, square_matrix, warp, window
from styleclip_core.images import largest_channel

ALIGNED_SIZE = 1024  # px: side of the aligned square of a face, and of masks on it
BORDER_FEATHER = 64  # aligned px: width of the ramp inside the square's border where an edit is pasted back
BAND_ROWS = 1536  # pasted at a time, so that float pictures stay small; only enlarged squares need more than one band
CHANGE_SCALE = 12 / 255  # change of colour by an edit at which the photo's own detail has faded to 1/e in the result


@dataclass(frozen=True, eq=False)
class Alignment:
    """The position of an aligned square in its photo.

    Attributes:
        quad: float64 [4,2], in photo pixels: the corners that become top left, bottom left, bottom right and top right
            of the aligned picture. They may lie outside the photo.
        photo_size: (width, height) in px.
        size: side of the aligned picture in px.
    """

    quad: np.ndarray
    photo_size: tuple[int, int]
    size: int = ALIGNED_SIZE

    @property
    def side(self) -> float:
        """Side of the square in the photo, in photo pixels."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))

    @property
    def to_photo(self) -> np.ndarray:
        """float64 [3,3]: homogeneous aligned pixels -> photo pixels."""
        origin, down, _, right = self.quad
        x_step, y_step = (right - origin) / self.size, (down - origin) / self.size
        return np.array([[x_step[0], y_step[0], origin[0]], [x_step[1], y_step[1], origin[1]], [0, 0, 1]])

    @property
    def to_aligned(self) -> np.ndarray:
        """float64 [3,3]: homogeneous photo pixels -> aligned pixels."""
        return np.linalg.inv(self.to_photo)

    @property
    def scale(self) -> float:
        """Photo pixels per aligned pixel; above 1 the face is larger in the photo than in the aligned square."""
        return scale_of(self.to_photo)


def align(photo: Image.Image, face: DetectedFace) -> tuple[Image.Image, Alignment]:
    """Cut the face out of an RGB photo as FFHQ was made: RGB 1024 x 1024, eyes and mouth at their usual positions.

    Beyond the photo's border the photo is mirrored and fades, with distance, into a blur and then a plain colour.
    Unlike FFHQ's own script this never changes pixels that the photo does have.
    """
    alignment = Alignment(_ffhq_quad(face), photo.size)
    return cut(photo, alignment), alignment


def paste_back(
    photo: Image.Image,
    edited: Image.Image,
    alignment: Alignment,
    mask: Image.Image | None = None,
    base: Image.Image | None = None,
    feather: float = BORDER_FEATHER,
    kept: Image.Image | None = None,
) -> Image.Image:
    """Paste the edited square back into its RGB photo; pixels outside the mask keep every bit.

    The pasted picture is `edited + share * (photo - base)`: detail of the photo that the aligned square cannot hold
    stays (share 1), and fades out (share -> 0) where the edit changes the picture. So an unedited square leaves every
    bit of the photo as it was.

    Args:
        edited: picture of the aligned square.
        mask: "L", of the same square, 255 where the edit applies; hard edges are softened inwards. None: everywhere.
        base: the square before the edit. Pass the generator's unedited reconstruction to change the photo only where
            the *edit* changed something, not where the reconstruction differs from the photo. None: the photo's own
            aligned square.
        feather: width in aligned pixels, 0 to half the side, of the ramp inside the square's border.
    Raises:
        BadSetting: the photo is not the aligned one, or ``feather`` is out of range.
    """
    if photo.size != alignment.photo_size:
        sizes = f"{photo.width} x {photo.height}, not {alignment.photo_size[0]} x {alignment.photo_size[1]}"
        raise BadSetting(f"The photo is not the one that the face was aligned in ({sizes}): pass the same photo.")
    if not 0 <= feather <= alignment.size / 2:
        raise BadSetting(f"The feather is {feather}: choose a width from 0 to {alignment.size // 2} pixels.")
    result = photo.convert("RGB")
    square = (alignment.size, alignment.size)
    weight = _paste_mask(None if mask is None else _fit(mask, "L", square), alignment.size, feather)
    if kept is not None:
        weight = ImageChops.multiply(weight, ImageChops.invert(_fit(kept, "L", square)))
    low, high = _photo_box(weight, alignment)
    if (high <= low).any():
        return result

    new = np.asarray(_fit(edited, "RGB", square), dtype=np.float32)
    old = np.asarray(cut(result, alignment) if base is None else _fit(base, "RGB", square), dtype=np.float32)
    changed = _change(new, old)
    added = new - (1 - changed[..., None]) * old
    removed = Image.fromarray((np.asarray(weight) * changed + 0.5).astype(np.uint8))
    layers = [weight, removed, *(Image.fromarray(np.ascontiguousarray(added[..., channel])) for channel in range(3))]
    for top in range(low[1], high[1], BAND_ROWS):
        _paste_band(result, layers, alignment, (low[0], top, high[0], min(top + BAND_ROWS, high[1])))
    return result


def _paste_band(
    photo: Image.Image, layers: list[Image.Image], alignment: Alignment, band: tuple[int, int, int, int]
) -> None:
    """Change the photo within `band`: scale its pixels by `1 - removed`, then add `weight * added`."""
    matrix = alignment.to_aligned @ np.array([[1, 0, band[0]], [0, 1, band[1]], [0, 0, 1]], dtype=np.float64)
    size = (band[2] - band[0], band[3] - band[1])
    weight, removed, *added = (np.asarray(warp(layer, matrix, size), dtype=np.float32) for layer in layers)
    pixels = np.array(photo.crop(band), dtype=np.float32)
    pixels *= (1 - removed / 255)[..., None]
    for channel, values in enumerate(added):
        pixels[..., channel] += weight * values / 255
    photo.paste(Image.fromarray(np.clip(pixels + 0.5, 0, 255, out=pixels).astype(np.uint8)), band[:2])


def _ffhq_quad(face: DetectedFace) -> np.ndarray:
    """The corners of FFHQ's square for a face, float64 [4,2]."""
    return quad_of(*ffhq_square(face))


def quad_of(center: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The corners, float64 [4,2] as in `Alignment`, of the square whose right side's middle is at ``center + axis``."""
    return corners(square_matrix(center, axis, ALIGNED_SIZE), (ALIGNED_SIZE, ALIGNED_SIZE))


def ffhq_square(face: DetectedFace) -> tuple[np.ndarray, np.ndarray]:
    """FFHQ's square for a face, its centre and its axis to the right, both float64 [2].

    It is level with the eyes and sized by eye distance or eye-mouth distance.
    """
    eyes, mouth = face.eyes.mean(0), face.mouth.mean(0)
    across, down = face.eyes[1] - face.eyes[0], mouth - eyes
    axis = across + [down[1], -down[0]]  # two estimates of "right"; their sum is steadier when the head is turned
    axis *= max(2.0 * np.linalg.norm(across), 1.8 * np.linalg.norm(down)) / max(np.linalg.norm(axis), 1e-6)
    return eyes + 0.1 * down, axis


def cut(photo: Image.Image, alignment: Alignment) -> Image.Image:
    """The aligned square of a photo."""
    size = (alignment.size, alignment.size)
    image, matrix = window(photo, alignment.to_photo, size)
    image, matrix = _pad(image, matrix, size)
    return warp(image, matrix, size)


def _pad(image: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> tuple[Image.Image, np.ndarray]:
    """Extend the image where necessary, so that the whole output lies in it; returns it and the adapted matrix."""
    points = corners(matrix, size)
    before = np.ceil(np.maximum(2 - points.min(0), 0)).astype(int)
    after = np.ceil(np.maximum(points.max(0) + 2 - image.size, 0)).astype(int)
    if not (before.any() or after.any()):
        return image, matrix
    widths = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    padded = np.pad(np.asarray(image), widths, mode="reflect")
    plain = Image.new("RGB", padded.shape[1::-1], tuple(np.median(padded[::8, ::8], axis=(0, 1)).astype(int).tolist()))
    mirrored = Image.fromarray(padded)

    side = scale_of(matrix) * size[0]
    columns, rows = (np.arange(length) + 0.5 - start for length, start in zip(mirrored.size, before, strict=True))
    beyond_x, beyond_y = np.maximum(-columns, columns - image.width), np.maximum(-rows, rows - image.height)
    depth = np.maximum(np.maximum(beyond_x[None], beyond_y[:, None]), 0) / side  # of the padding, 0 within the photo
    blurred = mirrored.filter(ImageFilter.GaussianBlur(0.02 * side))
    for layer, reach in ((blurred, 0.1), (plain, 0.5)):
        share = Image.fromarray((np.clip(depth / reach, 0, 1) * 255).astype(np.uint8))
        mirrored = Image.composite(layer, mirrored, share)
    shift = np.array([[1, 0, before[0]], [0, 1, before[1]], [0, 0, 1]], dtype=np.float64)
    return mirrored, shift @ matrix


def _fit(image: Image.Image, mode: str, size: tuple[int, int]) -> Image.Image:
    image = image.convert(mode)
    kernel = Image.Resampling.BILINEAR if mode == "L" else Image.Resampling.BICUBIC
    return image if image.size == size else image.resize(size, kernel)


def _paste_mask(mask: Image.Image | None, size: int, feather: float) -> Image.Image:
    """Weight of the edit, "L" [size,size]: 0 at the square's border, and nowhere more than `mask`."""
    distance = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5)
    ramp = np.clip(distance / max(feather, 1e-6), 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    share = ramp[None] * ramp[:, None]
    if mask is not None:
        inner = Image.fromarray(cv2.erode(np.asarray(mask), np.ones((9, 9), np.uint8))).filter(ImageFilter.BoxBlur(4))
        share = share * np.minimum(np.asarray(mask), np.asarray(inner)) / 255
    return Image.fromarray((share * 255 + 0.5).astype(np.uint8))


def _photo_box(weight: Image.Image, alignment: Alignment) -> tuple[np.ndarray, np.ndarray]:
    """The box of the photo that the mask `weight` reaches: int [2] left and top, int [2] right and bottom."""
    left, top, right, bottom = weight.getbbox() or (0, 0, 0, 0)
    points = apply(alignment.to_photo, np.array([[left, top], [left, bottom], [right, bottom], [right, top]]))
    margin = max(alignment.scale, 1)  # interpolation carries the mask that far
    low, high = np.floor(points.min(0) - margin), np.ceil(points.max(0) + margin)
    if left == right:
        high = low
    return np.clip(low, 0, alignment.photo_size).astype(int), np.clip(high, 0, alignment.photo_size).astype(int)


def _change(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """How visibly two pictures float32 [H,W,3] in [0,255] differ: float32 [H,W], 0 not at all, 1 clearly."""
    difference = largest_channel(np.abs(new - old))
    blurred = Image.fromarray(np.minimum(difference * 4, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(6))
    strength = np.asarray(blurred, dtype=np.float32) / (4 * 255 * CHANGE_SCALE)
    return 1 - np.exp(-(strength**2))
