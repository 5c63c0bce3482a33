"""What FaceCLIP learns from: faces, the attributes that were measured of them, captions, and the loss over both.

Attributes of real populations come in bundles (grey hair with age, long hair with gender); faces are weighted so that
each attribute is independent of gender and age, or prompts would edit the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs.compact import compact_generator
from styleclip_core.training import captions
from styleclip_core.training.attributes import attribute_scores
from styleclip_core.training.common import HELD_OUT, image_files, read_codes, read_images

STORED = 176  # px at which training faces are kept in memory
CHANGEABLE = (  # attributes that an edit may change without making another person
    *("smiling", "mouth open", "surprised", "angry", "turned right", "looking down"),
    *("blond hair", "black hair", "grey hair", "red hair", "long hair", "bangs", "curly hair", "beard"),
    *("eyeglasses", "hat", "makeup", "lipstick", "dark background", "bright lighting"),
)


@dataclass(frozen=True, eq=False)
class Data:
    """N faces and what is known of A attributes of them, columns as `captions.ATTRIBUTES`.

    Attributes:
        images: ``uint8 [N,3,176,176]``.
        scores: ``float32 [N,A]``, in standard deviations, NaN unknown.
        state: ``int8 [N,A]``: 1 there, -1 absent, 0 undecided.
        balance: ``float32 [N,A]``, weight of a face when attribute a is asked about.
        w: codes ``float32 [N,512]``, the first seed's of mixed faces.
        identity: targets ``float32 [N,128]``, NaN for mixed faces.
    """

    images: Tensor
    scores: np.ndarray
    state: np.ndarray
    balance: np.ndarray
    w: Tensor
    identity: np.ndarray


def balance_weights(state: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Weights ``[N,A]`` under which attribute a's state is independent of gender and age (inverse propensity)."""
    bins = [np.digitize(np.nan_to_num(scores[:, captions.ATTRIBUTES.index(n)]), [-0.5, 0.5]) for n in ("male", "old")]
    out = np.ones(state.shape, np.float32)
    for a, name in enumerate(captions.ATTRIBUTES):
        gender, age = (np.zeros_like(b) if n == name else b for b, n in zip(bins, ("male", "old"), strict=True))
        cell = gender * 3 + age
        joint = np.zeros((3, 9))
        np.add.at(joint, (state[:, a] + 1, cell), 1)
        joint = (joint + 5) / (joint + 5).sum()
        out[:, a] = (joint.sum(1, keepdims=True) * joint.sum(0) / joint)[state[:, a] + 1, cell].clip(0.1, 8)
    return out


def identity_targets(w: Tensor, mixed: np.ndarray, scores: np.ndarray, train: slice) -> np.ndarray:
    """What stays of w when expression, pose, hair colour, accessories and light are regressed out: ``[N,128]``."""
    use = np.nan_to_num(scores[:, [captions.ATTRIBUTES.index(n) for n in CHANGEABLE]]).clip(-3, 3)
    use = np.concatenate([use, np.ones((len(use), 1))], 1)
    rows = np.flatnonzero(~mixed[train])
    centred = (w - w[rows].mean(0)).numpy()
    _, deviations, axes = np.linalg.svd(centred[rows], full_matrices=False)
    whitened = centred @ axes[:128].T / (deviations[:128] / len(rows) ** 0.5)
    rest = whitened - use @ np.linalg.lstsq(use[rows], whitened[rows], rcond=None)[0]
    rest = rest / rest[rows].std(0)
    rest[mixed] = np.nan
    return rest.astype(np.float32)


def load_data(folder: Path, measurements: Path, scorers: Path) -> Data:
    """Read faces (``img/``, ``faces.csv``, ``w_avg.npy``), their measurements and the W-space scorers."""
    w_plus, mixed = read_codes(folder, compact_generator())
    linear = np.load(scorers)
    w_scores = w_plus[:, 0].numpy() @ linear["weights"].T + linear["bias"]
    w_scores[mixed] = np.nan
    by_name = {str(n).removeprefix("boundary_"): w_scores[:, i] for i, n in enumerate(linear["names"])}
    measured, train = np.load(measurements), slice(0, len(mixed) - HELD_OUT)
    scores = attribute_scores([str(n) for n in measured["names"]], measured["values"], by_name, train)
    table = np.stack([scores[name] for name in captions.ATTRIBUTES], 1)
    images, state, w = read_images(image_files(folder), STORED), captions.holds(table), w_plus[:, 0]
    return Data(images, table, state, balance_weights(state, table), w, identity_targets(w, mixed, table, train))


def flip(scores: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """Columns "turned left" and "turned right" change places for mirrored faces."""
    left, right = captions.ATTRIBUTES.index("turned left"), captions.ATTRIBUTES.index("turned right")
    out = scores.copy()
    out[flipped, left], out[flipped, right] = scores[flipped, right], scores[flipped, left]
    return out


def pair_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Sigmoid loss ``[N,T]`` over decided pairs; true and false pairs of a caption weigh the same in all."""
    decided = truth.isfinite()
    target = truth.nan_to_num()
    weight = weight * decided
    true, false = (weight * target).sum(0, keepdim=True), (weight * (1 - target)).sum(0, keepdim=True)
    share = target / true.clamp(min=1e-6) + (1 - target) / false.clamp(min=1e-6)
    useful = ((true > 0) & (false > 0)).to(logits.dtype)
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * weight * share * useful).sum() / (2 * useful.sum()).clamp(min=1)


def embed_captions(model: FaceCLIP, chosen: list[captions.Caption]) -> Tensor:
    """MiniLM embeddings ``[T,384]`` of captions; the sentence encoder is frozen, so they are made once."""
    assert model.tokenize, "a model of `new_model` has a tokenizer"
    order = sorted(range(len(chosen)), key=lambda i: len(chosen[i].text))
    out = torch.empty(len(chosen), 384)
    with torch.no_grad():
        for start in range(0, len(order), 512):
            part = order[start : start + 512]
            out[part] = model.sentence_encoder(*model.tokenize([chosen[i].text for i in part]))
    return out
