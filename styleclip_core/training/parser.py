"""Train the compact pack's face parser on synthetic faces, with the labels of `training/parsing_labels.py`.

python -m styleclip_core train-parser FACES_DIR --hair hair_segmentation.tflite
"""

from __future__ import annotations

import copy
import io
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from styleclip_core import weights
from styleclip_core.evaluation.reports import markdown_table
from styleclip_core.faces.readings import SIZE
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.networks.parser import FaceParser
from styleclip_core.packs.compact import PARSER, perceptual_network
from styleclip_core.training.common import (
    HELD_OUT,
    first_blocks,
    freeze,
    growing_decay,
    image_files,
    save_trained,
    trunk_and_rest,
    update_running_mean,
)
from styleclip_core.training.parsing_labels import ID, IGNORED, label_files, read

FROZEN = 3  # first blocks that keep their ImageNet weights: costly at full size, and generic
HANDICAP = 0.75  # of the advantage that small classes have in training is taken back; fitted on 120 training faces
TESTED = 300  # held-out faces that `report` looks at
# The classes that the mean is taken over: those with labels, less the ears.
MAIN = tuple(
    "background;skin;left brow;right brow;left eye;right eye;nose;mouth;upper lip;lower lip;neck;cloth;hair".split(";")
)
MIRRORED = np.arange(256, dtype=np.uint8)  # class ids of the mirrored picture
for _part in ("brow", "eye", "ear"):
    _left, _right = ID[f"left {_part}"], ID[f"right {_part}"]
    MIRRORED[[_left, _right]] = _right, _left


def spoil(
    image: np.ndarray, classes: np.ndarray, backdrop: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Make a render look like some photo, taken less carefully aligned, perhaps before another background.

    Args:
        image, backdrop: RGB ``uint8 [256,256,3]``; classes: ids ``uint8 [256,256]``, 255 where left out.
        size: side of the results in px.
    Returns:
        RGB ``uint8 [size,size,3]`` and class ids ``uint8 [size/2,size/2]``, as large as the network's output.
    """
    if rng.random() < 0.3:
        image = _before(image, classes, backdrop, rng)
    angle, scale = rng.normal(0, 5), rng.uniform(0.85, 1.2) * size / SIZE
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, scale)
    matrix[:, 2] += size / 2 - SIZE / 2 + rng.uniform(-0.06, 0.06, 2) * size
    if rng.random() < 0.5:
        image, classes = image[:, ::-1], MIRRORED[classes[:, ::-1]]
    image = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    half = matrix / 2 - [[0, 0, 0.25], [0, 0, 0.25]]  # a pixel's centre is at whole numbers
    classes = cv2.warpAffine(classes, half, (size // 2, size // 2), flags=cv2.INTER_NEAREST, borderValue=IGNORED)
    return _photographed(image, rng), classes


def _before(image: np.ndarray, classes: np.ndarray, backdrop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The face before a plain colour or another picture, blurred until no face is seen in it."""
    if rng.random() < 0.4:
        backdrop = np.full_like(image, rng.integers(0, 256, 3, dtype=np.uint8))
    else:
        backdrop = cv2.GaussianBlur(cv2.flip(backdrop, 0), (0, 0), rng.uniform(2, 12))
    share = (classes == ID["background"]).astype(np.float32)
    share = cv2.GaussianBlur(cv2.dilate(share, np.ones((3, 3))), (0, 0), 1)[..., None]
    return (image * (1 - share) + backdrop * share).astype(np.uint8)


def _photographed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side, contrast, colour cast, less colour, blur, noise, JPEG; ``uint8`` -> the same shape."""
    size = len(image)
    x = image.astype(np.float32) / 255
    x = x ** np.exp(rng.normal(0, 0.25))
    down, right = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    light = rng.normal(0, 0.12, 2)
    x *= (1 + light[0] * down + light[1] * right)[..., None]
    x = x * rng.uniform(0.8, 1.15, 3) if rng.random() < 0.5 else x * rng.uniform(0.85, 1.15)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * (0 if rng.random() < 0.05 else rng.uniform(0.5, 1.3))
    if rng.random() < 0.4:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.8))
    if rng.random() < 0.4:
        x = x + rng.normal(0, rng.uniform(0, 0.05), x.shape)
    x = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        Image.fromarray(x).save(buffer, "JPEG", quality=int(rng.uniform(25, 90)))
        with Image.open(buffer) as decoded:
            x = np.array(decoded)
    return x


def new_parser() -> FaceParser:
    """A parser whose trunk is the published EfficientNet-Lite0's."""
    parser = FaceParser()
    published = perceptual_network().state_dict()
    parser.trunk.load_state_dict({name: published[name] for name in parser.trunk.state_dict()})
    freeze(first_blocks(parser.trunk, FROZEN))
    return parser


def class_weights(labels: np.ndarray) -> Tensor:
    """Weights ``[19]`` that let small parts count, by the root of their share; 0 for classes without labels."""
    counts = np.bincount(labels.reshape(-1), minlength=256)[: len(CLASSES)]
    share = counts / counts.sum()
    weight = np.where(counts > 0, np.sqrt(0.05 / np.maximum(share, 1e-9)), 0).clip(0, 4)
    return torch.from_numpy(weight.astype(np.float32))


def train(images: np.ndarray, labels: np.ndarray, steps: int = 800, batch: int = 12, seed: int = 0, log=print):
    """Train on pictures ``uint8 [N,256,256,3]`` and class ids. Returns a FaceParser, the weights' running mean."""
    torch.manual_seed(seed)
    cv2.setNumThreads(1)
    rng, parser = np.random.default_rng(seed), new_parser().to(memory_format=torch.channels_last)
    average, balance = copy.deepcopy(parser).eval(), class_weights(labels)
    optimizer = torch.optim.AdamW(trunk_and_rest(parser), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-3, 4e-3], steps, pct_start=0.1)
    start = time.time()
    for step in range(steps):
        rows, others = rng.integers(0, len(images), (2, batch))
        pairs = [spoil(images[i], labels[i], images[j], parser.size, rng) for i, j in zip(rows, others, strict=True)]
        x = torch.from_numpy(np.stack([picture for picture, _ in pairs])).permute(0, 3, 1, 2)  # is channels last
        y = torch.from_numpy(np.stack([classes for _, classes in pairs])).long()
        parser.train()
        freeze(first_blocks(parser.trunk, FROZEN))
        logits = parser(x.float() / 127.5 - 1)
        loss = F.cross_entropy(logits, y, balance, ignore_index=IGNORED) + 0.5 * overlap_loss(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        update_running_mean(average, parser, growing_decay(step, 0.99))
        if step % 20 == 0:
            log(f"step {step}/{steps}, {time.time() - start:.0f} s: loss {loss.item():.4f}")
    level_out(average, balance)
    return average


def overlap_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """1 - Dice of the classes there are, over the whole batch: what the measure asks for. Ids 255 do not count."""
    known = (classes != IGNORED)[:, None]
    truth = F.one_hot(classes.where(known[:, 0], 0), len(CLASSES)).permute(0, 3, 1, 2) * known
    predicted = logits.softmax(1) * known
    both, either = (predicted * truth).sum((0, 2, 3)), (predicted + truth).sum((0, 2, 3))
    there = truth.sum((0, 2, 3)) > 0
    return 1 - (2 * both / either.clamp(min=1))[there].mean()


@torch.no_grad()
def level_out(parser: FaceParser, balance: Tensor) -> None:
    """Lower the small classes' logits by what the weights ``[19]`` of the loss raised them: else they come out fat."""
    bias = parser.head.bias
    assert bias is not None
    bias -= HANDICAP * torch.where(balance > 0, balance, 1).log()


@torch.no_grad()
def intersection_over_union(parser, images: np.ndarray, labels: np.ndarray, batch: int = 10) -> dict[str, float]:
    """Class -> IoU with the labels, over all pixels that have one; NaN for classes without labels."""
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    for first in range(0, len(images), batch):
        x = torch.from_numpy(images[first : first + batch]).permute(0, 3, 1, 2).float() / 127.5 - 1
        truth, found = labels[first : first + batch], parser.parse(x).argmax(1).numpy()
        known = truth != IGNORED
        np.add.at(confusion, (truth[known], found[known]), 1)
    hits, there = np.diag(confusion), confusion.sum(1)
    union = there + confusion.sum(0) - hits
    return {name: float(hits[i] / union[i]) if there[i] else float("nan") for i, name in enumerate(CLASSES)}


def table(scores: dict[str, float]) -> str:
    """IoU a class and their mean over the main ones, as a table in Markdown."""
    rows = [[name, f"{value:.3f}"] for name, value in scores.items() if not np.isnan(value)]
    mean = np.mean([scores[name] for name in MAIN])
    return markdown_table(["class", "IoU"], [*rows, [f"mean of the {len(MAIN)} main ones", f"{mean:.3f}"]])


def run(folder: Path, hair_model: str, faces: int = 2900, steps: int = 800, seed: int = 0, cache: Path | None = None):
    """Label, train, evaluate on held-out faces and write ``pretrained/parser.safetensors``.

    cache: a .npz for the labels; if it is there, they are read instead of made.
    """
    files = image_files(folder)
    chosen = files[: min(faces, len(files) - HELD_OUT)] + files[-HELD_OUT:][:TESTED]
    images = np.stack([read(file) for file in chosen])
    if cache and cache.is_file():
        labels = np.load(cache)["labels"]
    else:
        labels = label_files(chosen, hair_model)
        if cache:
            np.savez_compressed(cache, labels=labels)
    parser = train(images[:-TESTED], labels[:-TESTED], steps, seed=seed)
    save_trained(parser.state_dict(), weights.PRETRAINED / PARSER)
    print(table(intersection_over_union(parser, images[-TESTED:], labels[-TESTED:])))
