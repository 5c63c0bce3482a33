"""Sharp, alias-free resampling of a rotated square.

Matrices are float64 [3,3] on homogeneous continuous pixel coordinates (the top left pixel covers [0, 1] x [0, 1], as in
Pillow) and always map the output to the input.
"""

import math

import numpy as np
from PIL import Image
from PIL.Image import Resampling, Transform


def square_matrix(center: np.ndarray, axis: np.ndarray, size: int) -> np.ndarray:
    """Output square of `size` px -> the square around `center` [2] whose right side's middle is at `center + axis`."""
    (cx, cy), (ax, ay) = center, axis
    step = 2 / size
    return np.array([[ax * step, -ay * step, cx - ax + ay], [ay * step, ax * step, cy - ay - ax], [0, 0, 1]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points float [N,2] through an affine matrix [3,3] -> float64 [N,2]."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def scale_of(matrix: np.ndarray) -> float:
    """Input pixels per output pixel."""
    return math.sqrt(abs(np.linalg.det(matrix[:2, :2])))


def corners(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Corners in the input of an output of `size` (width, height): float64 [4,2], counterclockwise from top left."""
    width, height = size
    return apply(matrix, np.array([[0, 0], [0, height], [width, height], [width, 0]], dtype=np.float64))


def window(image: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> tuple[Image.Image, np.ndarray]:
    """The part of `image` that the output needs, reduced to at most 2 input pixels per output pixel, and its matrix."""
    scale = scale_of(matrix)
    points = corners(matrix, size)
    margin = 4 * max(scale, 1) + 2
    low = np.clip(np.floor(points.min(0) - margin), 0, image.size).astype(int)
    high = np.clip(np.ceil(points.max(0) + margin), 0, image.size).astype(int)
    if (high <= low).any():  # wholly outside: one pixel is as good as any
        low = np.clip(low, 0, np.array(image.size) - 1)
        high = low + 1
    shrink = min(1.0, 2 / scale)
    reduced = np.maximum(1, np.round((high - low) * shrink)).astype(int)
    factor = reduced / (high - low)
    if shrink < 1:
        image = image.resize(tuple(reduced), _reducer(image), box=(*low, *high))
    elif (high - low < image.size).any():
        image = image.crop((*low, *high))
    to_part = np.array([[factor[0], 0, -low[0] * factor[0]], [0, factor[1], -low[1] * factor[1]], [0, 0, 1]])
    return image, to_part @ matrix


def warp(image: Image.Image, matrix: np.ndarray, size: tuple[int, int], draft: bool = False) -> Image.Image:
    """Resample `image` (RGB or F, or a mask in L) to `size` (width, height); black where the input has no pixels.

    Pictures are interpolated with bicubic and Lanczos kernels, masks with kernels that never overshoot. `draft` is four
    times faster and accurate enough for detection.
    """
    image, matrix = window(image, matrix, size)
    # When shrinking, at twice the resolution and then reduced: the bicubic kernel alone would alias (41 dB, not 51).
    finer = 2 if scale_of(matrix) > 1.1 and not draft else 1
    rows = (matrix @ np.diag([1 / finer, 1 / finer, 1]))[:2].ravel()
    kernel = Resampling.BILINEAR if image.mode == "L" else Resampling.BICUBIC
    output = image.transform((size[0] * finer, size[1] * finer), Transform.AFFINE, tuple(rows), kernel)
    return output.resize(size, _reducer(image)) if finer > 1 else output


def _reducer(image: Image.Image) -> Resampling:
    return Resampling.BOX if image.mode == "L" else Resampling.LANCZOS
