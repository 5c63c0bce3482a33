"""Label faces pixel by pixel, to train the compact pack's parser with: from face mesh, hair mask and GrabCut.

The mesh gives brows, eyes, nose, lips, mouth and the oval of the face; the hair segmenter, which counts beards as
hair, gives hair; GrabCut, started from both, tells the person from the background, and colour tells skin (neck, ears,
a bald head) from cloth. Pixels that the sources are at odds about are left out. Glasses, earrings, necklaces and hats
have no source: they are labelled as what is around them.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from styleclip_core.evaluation import measure
from styleclip_core.faces import readings
from styleclip_core.faces.readings import SIZE, polygon_mask
from styleclip_core.networks.bisenet import CLASSES

IGNORED = 255
ID = {name: i for i, name in enumerate(CLASSES)}

# Face-mesh polygons (MediaPipe's 478-point topology). Left is the picture's left, the person's right.
OVAL = [
    int(index)
    for index in """
    10 338 297 332 284 251 389 356 454 323 361 288 397 365 379 378 400 377
    152 148 176 149 150 136 172 58 132 93 234 127 162 21 54 103 67 109
    """.split()
]
EYES = {
    "left eye": [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    "right eye": [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
}
BROWS = {"left brow": readings.BROWS[1], "right brow": readings.BROWS[0]}
NOSE = [168, 193, 188, 174, 198, 209, 49, 129, 98, 97, 2, 326, 327, 358, 279, 429, 420, 399, 412, 417]
UPPER = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78]
LOWER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78]
CHIN = [149, 148, 152, 377, 378, 405, 17, 181]
GRABCUT_SIZE = 128  # px at which GrabCut works


def label(image: np.ndarray, hair_model: str) -> np.ndarray | None:
    """Class ids ``uint8 [256,256]`` (255: left out) of an aligned face ``uint8 [256,256,3]``; None if none is found."""
    mesh = readings.find_mesh(image)
    if mesh is None:
        return None
    points = mesh[0]
    oval = polygon_mask(points, OVAL)
    hair = _hair(measure.hair_probability(image, hair_model), points, oval)
    person = _person(image, points, oval, hair > 0.5)
    out = _outside(image, points, oval, hair, person)
    out[oval & (hair <= 0.5)] = ID["skin"]
    for name, polygon in {**BROWS, **EYES, "nose": NOSE, "upper lip": UPPER, "lower lip": LOWER}.items():
        part = polygon_mask(points, polygon)
        out[part & (hair <= 0.5) if name in BROWS else part] = ID[name]
    out[polygon_mask(points, readings.MOUTH)] = ID["mouth"]
    return out


def _hair(probability: np.ndarray, points: np.ndarray, oval: np.ndarray) -> np.ndarray:
    """Probability of hair without beards: of a bearded face none is below the eyes, in the oval and under the chin."""
    chin, nose = points[152], points[2]
    bearded = max(_share(probability, points, readings.MOUSTACHE), _share(probability, points, CHIN)) > 0.3
    rows, columns = np.mgrid[:SIZE, :SIZE]
    height, width = chin[1] - points[10, 1], points[454, 0] - points[234, 0]
    face = cv2.erode(oval.astype(np.uint8), np.ones((9, 9))) > 0
    if bearded:  # sideburns down to the level of the nose stay hair
        below = (rows > chin[1] - 0.25 * height) & (rows < chin[1] + 0.35 * height)
        beard = (oval & (rows > nose[1])) | (below & (abs(columns - chin[0]) < 0.42 * width))
    else:
        beard = face & (rows > nose[1]) & (abs(columns - nose[0]) < 0.25 * width)
    return np.where(beard, 0, probability)


def _share(probability: np.ndarray, points: np.ndarray, polygon: list[int]) -> float:
    inside = polygon_mask(points, polygon)
    return float((probability[inside] > 0.5).mean()) if inside.any() else 0.0


def _person(image: np.ndarray, points: np.ndarray, oval: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Probability-like ``[256,256]`` in [0,1] of belonging to the person, by GrabCut."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    chin, width = points[152], points[454, 0] - points[234, 0]
    top = min(points[10, 1], np.flatnonzero((hair | oval).any(1))[0])
    seeds = np.full((SIZE, SIZE), cv2.GC_PR_BGD, np.uint8)
    # Shoulders widen downwards; background that is taken for them is told by its colour, which is above them too.
    lips = points[[61, 291], 1].mean()
    seeds[(rows > lips) & (abs(columns - chin[0]) < 0.5 * width + 3 * (rows - lips - 0.2 * width))] = cv2.GC_PR_FGD
    seeds[cv2.dilate((oval | hair).astype(np.uint8), np.ones((15, 15))) > 0] = cv2.GC_PR_FGD
    seeds[rows < top - 6] = cv2.GC_BGD
    far = cv2.dilate((oval | hair).astype(np.uint8), np.ones((61, 61))) == 0
    seeds[far & (rows < lips)] = cv2.GC_BGD
    seeds[oval | (cv2.erode(hair.astype(np.uint8), np.ones((5, 5))) > 0)] = cv2.GC_FGD
    shoulders = 0.25 * width + 0.9 * np.maximum(rows - chin[1] - 0.1 * width, 0)
    seeds[(rows > chin[1]) & (abs(columns - chin[0]) < shoulders)] = cv2.GC_FGD
    small = cv2.resize(cv2.bilateralFilter(image, 5, 30, 5), (GRABCUT_SIZE, GRABCUT_SIZE), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(seeds, (GRABCUT_SIZE, GRABCUT_SIZE), interpolation=cv2.INTER_NEAREST)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, mask, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5)))
    person = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((7, 7)))
    _, parts = cv2.connectedComponents(person)
    main = parts[int(points[1, 1] * GRABCUT_SIZE / SIZE), int(points[1, 0] * GRABCUT_SIZE / SIZE)]
    return cv2.resize((parts == main).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def _outside(image: np.ndarray, points: np.ndarray, oval: np.ndarray, hair: np.ndarray, person: np.ndarray):
    """Classes outside the oval: background, hair, the skin above the mesh, ears, neck and cloth."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    chin, brow, nose = points[152], points[[105, 334]].mean(0), points[2]
    height, width = chin[1] - points[10, 1], points[454, 0] - points[234, 0]
    hue = _hue(image, points, hair)
    inside, skin = person > 0.5, hue < 10
    out = np.where(inside, ID["cloth"], ID["background"]).astype(np.uint8)
    out[abs(person - 0.5) < 0.35] = IGNORED  # the outline of GrabCut is rough
    out[~inside & (rows > chin[1] - 0.1 * height)] = IGNORED  # a shoulder, more often than not
    above = inside & (rows < points[[172, 397], 1].mean())
    out[above] = IGNORED  # next to the face and neither hair nor skin: who knows
    near = (columns > points[234, 0] - 0.13 * width) & (columns < points[454, 0] + 0.13 * width)
    level = (rows > points[[33, 263], 1].mean() - 0.08 * height) & (rows < nose[1] + 0.12 * height)
    ear = above & skin & near & level & ~oval
    out[ear & (columns < nose[0])], out[ear & (columns > nose[0])] = ID["left ear"], ID["right ear"]
    under = np.maximum.accumulate(hair > 0.5, 0)  # has hair above it
    bald = skin & ~np.maximum.accumulate((hair > 0.5)[::-1], 0)[::-1]
    over = (columns > points[127, 0]) & (columns < points[356, 0])
    out[above & (bald | (under & over)) & (rows < brow[1])] = ID["skin"]
    aside = abs(columns - chin[0])
    throat = inside & (rows > chin[1] - 0.15 * height) & (aside < 0.8 * width)
    doubtful = np.where((aside < 0.5 * width) & (rows < chin[1] + 0.4 * height), 40, 22)  # the chin casts its shadow
    out[throat & (hue < doubtful)] = IGNORED
    neck = throat & (hue < np.where(doubtful > 30, 18, 10))
    neck = cv2.morphologyEx(neck.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    out[cv2.morphologyEx(neck, cv2.MORPH_CLOSE, np.ones((9, 9))) > 0] = ID["neck"]
    cloth = cv2.morphologyEx((out == ID["cloth"]).astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7))) > 0
    out[(out == ID["cloth"]) & ~cloth] = IGNORED
    out[hair > 0.5] = ID["hair"]
    out[(abs(hair - 0.5) < 0.25) & ~oval] = IGNORED
    return out


def _hue(image: np.ndarray, points: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """How far colours are from those of cheeks and forehead, whatever the shade: ``[256,256]``, CIE a and b."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    known = np.zeros((SIZE, SIZE), bool)
    for polygon in (*readings.CHEEKS, readings.FOREHEAD):
        known |= polygon_mask(points, polygon) & (hair < 0.3)
    if known.sum() < 20:
        return np.full((SIZE, SIZE), np.inf, np.float32)
    center = np.median(lab[known], axis=0)
    # A shade scales all of L, a and b: compare a and b as they would be at the cheeks' lightness.
    scale = np.clip(center[0] / np.maximum(lab[..., 0], 1), 0.7, 2)
    hue = np.linalg.norm(lab[..., 1:] * scale[..., None] - center[1:], axis=2)
    hue[(lab[..., 0] < 0.3 * center[0]) | (lab[..., 0] > center[0] + 25)] = np.inf
    return hue


def read(file: Path) -> np.ndarray:
    """A picture as RGB ``uint8 [256,256,3]``."""
    with Image.open(file) as image:
        return readings.square_pixels(image)


def label_files(files: list[Path], hair_model: str) -> np.ndarray:
    """Label pictures: ``uint8 [N,256,256]``; all of a picture without a face is left out."""
    from tqdm import tqdm

    cv2.setNumThreads(1)  # small pictures: threads would only wait for each other
    out = np.full((len(files), SIZE, SIZE), IGNORED, np.uint8)
    for i, file in enumerate(tqdm(files, mininterval=10)):
        if (classes := label(read(file), hair_model)) is not None:
            out[i] = classes
    return out
