"""Face detection by MediaPipe's FaceLandmarker (478 points), with a search for small, cropped and sideways faces."""

import functools
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from styleclip_core import weights
from styleclip_core.errors import NoFaceFound
from styleclip_core.faces.warp import apply, square_matrix, warp

MIN_FACE_SIZE = 24  # px of the photo; a smaller face has too little detail to edit
VIEW_SIZE = 512  # px: side of the squares that the landmarker gets; it works on 128 and 256 px internally

# The search, round by round until one finds a face: (zoom, quarter turns). Zoom 1 covers the whole photo by one view,
# zoom 2 each side by two overlapping views, and so on: the detector needs a face to fill a tenth of the view. Zoom 0.5
# adds a margin.
SEARCH_ROUNDS = (
    ((1, 0), (2, 0)),
    ((0.5, 0), (4, 0)),
    ((1, 1), (1, 3), (1, 2), (2, 1), (2, 3)),
    ((8, 0),),
)

# The six points round each eye that match those of dlib's 68-point model, from the outer corner over the upper lid.
RIGHT_EYE = (33, 160, 158, 133, 153, 144)
LEFT_EYE = (263, 387, 385, 362, 380, 373)
MOUTH_CORNERS = (61, 291)
EYE_OUTWARD = 0.02  # of an eye's width: dlib's eye centres are that much further out; else crops are 1.4 % too tight

_lock = threading.Lock()  # MediaPipe objects are not thread-safe


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """One face. Coordinates are photo pixels with the top left corner of the photo at (0, 0).

    Attributes:
        landmarks: float32 [478,2], MediaPipe's face mesh and irises.
        box: (left, top, right, bottom) around them.
        blendshapes: the 52 expression scores in [0,1], by name.
        pose: float32 [4,4], head to camera, x right, y up, z to the viewer; its rotation is valid for the photo, its
            translation (cm) is not.
    """

    landmarks: np.ndarray
    box: tuple[float, float, float, float]
    blendshapes: dict[str, float]
    pose: np.ndarray

    @property
    def size(self) -> float:
        """The side, in photo pixels, of a square as large as the box."""
        left, top, right, bottom = self.box
        return math.sqrt((right - left) * (bottom - top))

    @property
    def eyes(self) -> np.ndarray:
        """float64 [2,2]: the eye centres as FFHQ's alignment means them, first the person's right, then the left."""
        contours = self.landmarks[[RIGHT_EYE, LEFT_EYE]].astype(np.float64)  # [2,6,2]
        return contours.mean(1) + EYE_OUTWARD * (contours[:, 0] - contours[:, 3])

    @property
    def mouth(self) -> np.ndarray:
        """float64 [2,2]: the mouth corners, in the order of `eyes`."""
        return self.landmarks[list(MOUTH_CORNERS)].astype(np.float64)


def detect_faces(photo: Image.Image, max_faces: int = 10, thorough: bool = True) -> list[DetectedFace]:
    """The faces of an RGB photo, the largest first, at most `max_faces`. Raises `NoFaceFound` if there is none.

    The photo is searched as a whole and in overlapping tiles; each face is detected again in an upright close-up, so
    that landmarks are equally exact for every size and tilt. Finer and sideways searches follow only if these find no
    face, so a tiny face next to a large one may be missed. Faces that are upside down cannot be told from upright ones
    by the detector.

    Args:
        thorough: make the finer and sideways searches too, which take seconds where there is no face.
    """
    for views in SEARCH_ROUNDS if thorough else SEARCH_ROUNDS[:1]:
        candidates = [face for zoom, turns in views for face in _search(photo, zoom, turns)]
        close_ups = [close for face in _distinct(candidates) for close in _close_up(photo, face)]
        faces = [face for face in _distinct(close_ups) if face.size >= MIN_FACE_SIZE]
        if faces:
            return faces[:max_faces]
    raise NoFaceFound(
        "No face was found: use a photo in which a face is seen from the front or half from the side, "
        f"well lit and at least {MIN_FACE_SIZE} pixels wide."
    )


def follow_face(photo: Image.Image, last: DetectedFace) -> DetectedFace | None:
    """The face in the next picture of a film, near where it was in the last one; None if it is not there any more."""
    found = [face for face in _close_up(photo, last) if face.size >= MIN_FACE_SIZE]
    return max(found, key=lambda face: _overlap(face, last), default=None)


def _search(photo: Image.Image, zoom: float, turns: int) -> Iterator[DetectedFace]:
    """Detect faces in square views of the photo, at `zoom` and after `turns` counterclockwise quarter turns."""
    scale = VIEW_SIZE * zoom / max(photo.size)
    if zoom > 1 and VIEW_SIZE / scale < 3 * MIN_FACE_SIZE:  # views this small only hold faces that are too small
        return
    width, height = (max(1, round(side * scale)) for side in photo.size)
    level = photo.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    x_axis = np.array([[1, 0], [0, -1], [-1, 0], [0, 1]][turns]) * VIEW_SIZE / 2  # of the turned view, in the level
    for top in _starts(height):
        for left in _starts(width):
            tile = np.asarray(level.crop((left, top, left + VIEW_SIZE, top + VIEW_SIZE)))
            matrix = square_matrix(np.array([left, top]) + VIEW_SIZE / 2, x_axis, VIEW_SIZE)
            to_photo = np.diag([photo.width / width, photo.height / height, 1]) @ matrix
            yield from _detect_in_view(np.rot90(tile, turns), to_photo)


def _starts(length: int) -> list[int]:
    """Where views begin along a side of `length` px: they overlap by half or more, or one view is centred on it."""
    if length <= VIEW_SIZE:
        return [(length - VIEW_SIZE) // 2]
    last = length - VIEW_SIZE
    return np.linspace(0, last, math.ceil(last / (VIEW_SIZE / 2)) + 1).round().astype(int).tolist()


def _close_up(photo: Image.Image, face: DetectedFace) -> list[DetectedFace]:
    """Detect a face again, upright and filling half of a view. Empty if it is not confirmed."""
    left, top, right, bottom = face.box
    center = np.array([left + right, top + bottom]) / 2
    axis = face.eyes[1] - face.eyes[0]
    axis *= face.size / max(np.linalg.norm(axis), 1e-6)
    matrix = square_matrix(center, axis, VIEW_SIZE)
    view = np.asarray(warp(photo, matrix, (VIEW_SIZE, VIEW_SIZE), draft=True))
    return [close for close in _detect_in_view(view, matrix) if _overlap(close, face) > 0.3]


def _detect_in_view(view: np.ndarray, to_photo: np.ndarray) -> list[DetectedFace]:
    """Run the landmarker on a view uint8 [512,512,3]; `to_photo` [3,3] maps its pixels to the photo's."""
    turn = np.eye(4)  # the view may be turned against the photo; image y points down, the pose's y up
    x, y = to_photo[:2, 0] / np.linalg.norm(to_photo[:2, 0])
    turn[:2, :2] = [[x, y], [-y, x]]
    faces = []
    for mesh, scores, pose in face_meshes(view):
        points = apply(to_photo, mesh * VIEW_SIZE)
        box = (*points.min(0).tolist(), *points.max(0).tolist())
        faces.append(DetectedFace(points.astype(np.float32), box, scores, (turn @ pose).astype(np.float32)))
    return faces


def face_meshes(square: np.ndarray) -> list[tuple[np.ndarray, dict[str, float], np.ndarray]]:
    """Run the landmarker on a square RGB picture uint8 [S,S,3] in which faces are upright, without a search.

    Returns:
        for each face: MediaPipe's mesh, float64 [478,2], right and down, in shares of the side; the 52 blendshapes in
        [0,1] by name; the pose, [4,4], head to camera as in `DetectedFace.pose`.
    """
    import mediapipe

    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(square))
    with _lock:
        result = _landmarker().detect(image)
    meshes = [np.array([[point.x, point.y] for point in mesh]) for mesh in result.face_landmarks]
    scores = [{shape.category_name: shape.score for shape in shapes} for shapes in result.face_blendshapes]
    return list(zip(meshes, scores, map(np.asarray, result.facial_transformation_matrixes), strict=True))


def _distinct(faces: list[DetectedFace]) -> list[DetectedFace]:
    """Non-maximum suppression by size: the faces, the largest first, without those that overlap a larger one."""
    distinct: list[DetectedFace] = []
    for face in sorted(faces, key=lambda face: -face.size):
        if all(_overlap(face, other) < 0.3 for other in distinct):
            distinct.append(face)
    return distinct


def _overlap(a: DetectedFace, b: DetectedFace) -> float:
    """Intersection over union of the two boxes."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a.size**2 + b.size**2 - shared)


@functools.cache
def _landmarker():
    """The one landmarker of this process. Called under `_lock`."""
    from mediapipe.tasks.python import BaseOptions, vision

    class FaceLandmarker(vision.FaceLandmarker):
        def __del__(self) -> None:
            """Do nothing: it lives as long as the process, at whose end MediaPipe's own finaliser fails."""

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(weights.path("face_landmarker.task"))),
        num_faces=10,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    with _quiet():
        return FaceLandmarker.create_from_options(options)


@contextmanager
def _quiet() -> Iterator[None]:
    """Discard what MediaPipe's native code writes to stderr as it starts, whatever its log level."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
