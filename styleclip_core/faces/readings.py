"""Measurements of an aligned face: expression, pose, hair, skin and shape, as numbers that no edit's loss ever sees.

They come from MediaPipe's face mesh and blendshapes, from pixel statistics inside polygons of that mesh, and from a
mask of the hair. `read` takes the few that people have a name for, with what a plain installation has at hand;
`evaluation.measure` takes all of them, with a hair segmenter and an age model that are not shipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from styleclip_core.faces.detect import face_meshes
from styleclip_core.images import to_tensor
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.packs.base import FaceParser

Measurements = Mapping[str, float]
Readings = dict[str, float]  # of one face: name of an instrument (`instruments.INSTRUMENTS`) -> what it reads

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


def angles(matrix: np.ndarray) -> dict[str, float]:
    """How the head is turned, in degrees, from its pose ``[4,4]``: to the right of the picture, down, and aside."""
    r = matrix[:3, :3]
    yaw, pitch = np.arctan2(r[0, 2], r[2, 2]), np.arcsin(np.clip(-r[1, 2], -1, 1))
    roll = np.arctan2(r[1, 0], r[1, 1])
    return {"yaw": float(np.degrees(yaw)), "pitch": float(np.degrees(pitch)), "roll": float(np.degrees(roll))}


def hair_statistics(lab: np.ndarray, hair: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """Colour, amount, length and place of hair: ``lab float32 [256,256,3]``, ``hair bool [256,256]``, mesh
    ``[478,2]``."""
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


def color_statistics(lab: np.ndarray, points: np.ndarray, hair: np.ndarray) -> dict[str, float]:
    """Colours of parts of the face and of the background, CIE Lab, and textures; arguments as of `hair_statistics`."""
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
    out["bridge_edges"] = float(np.percentile(_level_edges(lab)[polygon_mask(points, BRIDGE)], 90))
    out["skin_texture"] = float(np.abs(cv2.Laplacian(lab[..., 0], cv2.CV_32F))[cheeks].mean()) if cheeks.any() else 0.0
    border = np.concatenate([lab[:40, :24].reshape(-1, 3), lab[:40, -24:].reshape(-1, 3)])
    out |= {f"background_{c}": v for c, v in zip("Lab", np.median(border, axis=0).tolist(), strict=True)}
    out["brightness"] = float(lab[..., 0].mean())
    return out


def rim_edges(lab: np.ndarray, points: np.ndarray) -> float:
    """How strong the strongest level edges across the nose's bridge are: the rims of glasses; arguments as above.

    ``bridge_edges`` of `color_statistics` is the same with a lower percentile, which thin rims do not reach.
    """
    return float(np.percentile(_level_edges(lab)[polygon_mask(points, BRIDGE)], 97))


def _level_edges(lab: np.ndarray) -> np.ndarray:
    return np.abs(cv2.Sobel(lab[..., 0], cv2.CV_32F, 0, 1, ksize=3))


def shape_statistics(points: np.ndarray) -> dict[str, float]:
    """Lengths between points of the mesh ``[478,2]``, as shares of the face's height or width."""

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


def mean_of_sides(name: str) -> Callable[[Measurements], float]:
    """A function that gives the mean of a blendshape's two sides."""
    return lambda m: (m[f"bs_{name}Left"] + m[f"bs_{name}Right"]) / 2


smile = mean_of_sides("mouthSmile")


def hair_chroma(m: Mapping[str, Any]) -> Any:
    """How colourful hair is, in CIE a and b: of one picture, or of arrays ``[N]``."""
    return np.hypot(m["hair_a"], m["hair_b"])


def blond_hair(m: Measurements) -> float:
    """Light and yellow, CIE."""
    return m["hair_L"] + m["hair_b"]


def grey_hair(m: Measurements) -> float:
    """Light, and of no colour, CIE."""
    return 0.5 * m["hair_L"] - hair_chroma(m)


def brown_hair(m: Measurements) -> float:
    """Near to the usual brown, CIE; 0 is there."""
    return -abs(m["hair_L"] - 27) - abs(hair_chroma(m) - 16)


def lip_redness(m: Mapping[str, Any]) -> Any:
    """How much redder and darker lips are than the skin, CIE: of one picture, or of arrays ``[N]``."""
    return m["lips_a"] - m["skin_a"] - 0.3 * (m["lips_L"] - m["skin_L"])


def read_mesh(image: Image.Image) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, float]] | None:
    """What all measurements of an aligned face begin with, or None where no face is found.

    Returns:
        pixels from `square_pixels`, the mesh's points, the pixels in CIE Lab, and blendshapes (``bs_*``) and angles.
    """
    rgb = square_pixels(image)
    mesh = find_mesh(rgb)
    if mesh is None:
        return None
    points, blendshapes, pose = mesh
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return rgb, points, lab, {f"bs_{name}": float(score) for name, score in blendshapes.items()} | angles(pose)


@torch.no_grad()
def hair_mask(pixels: np.ndarray, parser: FaceParser, device: torch.device | str = "cpu") -> np.ndarray:
    """Where a pack's parser sees hair, ``bool [256,256]``, in a picture from `square_pixels`."""
    probabilities = parser.parse(to_tensor(Image.fromarray(pixels), torch.device(device)))
    return (probabilities[0, CLASSES.index("hair")] > 0.5).cpu().numpy()


def read(image: Image.Image, parser: FaceParser | None, device: torch.device | str = "cpu") -> Readings | None:
    """What the instruments of a plain installation read off an aligned face, or None where no face is found.

    Args:
        image: aligned face, RGB, any size (read at 256 px).
        parser: for the hair's mask; without one there are no readings of hair.
        device: the parser's.
    Returns:
        name -> value, without what cannot be told (the colour of hair that is not there);
            for units see `instruments.INSTRUMENTS`.
    """
    if (mesh := read_mesh(image)) is None:
        return None
    rgb, points, lab, m = mesh
    hair = np.zeros((SIZE, SIZE), bool) if parser is None else hair_mask(rgb, parser, device)
    m |= color_statistics(lab, points, hair) | shape_statistics(points)
    m["rim_edges"] = rim_edges(lab, points)
    readings = {name: m[name] for name in _PLAIN} | {name: float(derive(m)) for name, derive in _DERIVED.items()}
    if parser is not None:
        m |= hair_statistics(lab, hair, points)
        readings |= {name: m[name] for name in _OF_HAIR} | {
            name: float(derive(m)) for name, derive in _HAIR_COLORS.items()
        }
    return {name: value for name, value in readings.items() if math.isfinite(value)}


# Readings that are measurements as they are, and those that are computed from several.
_PLAIN = (
    *"mouth_open corners_up eye_open brow_height brow_thickness lips_height nose_width face_aspect".split(),
    *"yaw pitch roll rim_edges skin_L skin_a skin_b iris_L iris_b brightness".split(),
    *"background_L background_a background_b".split(),
)
_OF_HAIR = "hair_L hair_a hair_b hair_area hair_top hair_length hair_below_chin hair_texture forehead_hair".split()
_DERIVED: dict[str, Callable[[Measurements], float]] = {
    "smile": smile,
    "jaw_open": lambda m: m["bs_jawOpen"],
    "pucker": lambda m: m["bs_mouthPucker"],
    "blink": mean_of_sides("eyeBlink"),
    "squint": mean_of_sides("eyeSquint"),
    "brow_down": mean_of_sides("browDown"),
    "brow_up": mean_of_sides("browOuterUp"),
    "lip_redness": lip_redness,
    "jaw_dark": lambda m: m["skin_L"] - m["jaw_L"],
    "moustache_dark": lambda m: m["skin_L"] - m["moustache_L"],
    "brow_dark": lambda m: m["skin_L"] - m["brows_L"],
}
_HAIR_COLORS: dict[str, Callable[[Measurements], float]] = {
    "hair_blond": blond_hair,
    "hair_grey": grey_hair,
    "hair_brown": brown_hair,
}
