"""A third stage of FaceCLIP's training, which the shipped file has not gone through: heads tuned on edited faces.

Path A drives the model with pictures that its training faces do not tell from what a prompt describes. Edited faces,
labelled by instruments that see pixels only, are such pictures. Beside the loss over pairs of faces and captions there
is one over a face and its edit: a caption's score must change as much as the label of what the caption claims.

    python -m styleclip_core tune-face-clip FACES_DIR EFFECTS_DIR OPTIMISED_DIR --measurements FILE --scorers FILE
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs.compact import face_clip
from styleclip_core.training import captions
from styleclip_core.training.common import HELD_OUT, growing_decay, update_running_mean
from styleclip_core.training.edited_data import EditedFaces, load_edited
from styleclip_core.training.edited_report import report
from styleclip_core.training.face_clip import save
from styleclip_core.training.face_clip_data import Data, embed_captions, load_data, pair_loss
from styleclip_core.training.refit import image_features

SLOPE = 0.8  # deviations of a caption's score for one of a label: no score follows its label exactly
LARGEST = 2.5  # deviations; changes of labels beyond it count as this


@dataclass(frozen=True)
class TuneSettings:
    """How long and how strongly to tune.

    Attributes:
        steps: each of ``faces`` random faces, ``pairs`` pairs of a face and its edit, and ``texts`` captions.
        pool: captions that these are drawn from.
        rate: highest learning rate.
        changes: weight of `change_loss`.
        optimised: how often an optimised face is drawn for each other edited one.
        noise: added to sentence embeddings.
    """

    steps: int = 250
    faces: int = 320
    pairs: int = 128
    texts: int = 320
    pool: int = 20_000
    rate: float = 5e-4
    changes: float = 0.3
    optimised: float = 3.0
    noise: float = 0.02
    seed: int = 0


def change_loss(
    before: Tensor, after: Tensor, deviations: Tensor, changes: Tensor, claims: Tensor, reliability: Tensor
) -> Tensor:
    """How far captions' scores are from changing as the labels do. Captions of several claims are left out.

    Args:
        before, after: cosines ``[P,T]`` of unedited and edited faces to T captions.
        deviations: of each caption's cosine over random faces, ``[T]``; with their gradient, since the loss would
            else fall fastest by making all cosines the same.
        changes: of the labels, ``[P,A]`` in deviations, NaN unknown.
        claims: ``[A,T]``, see `captions.claim_matrix`.
        reliability: of the labels, ``[A]`` in [0,1].
    """
    single = claims.abs().sum(0) == 1
    claims, rise = claims[:, single], (after - before)[:, single] / deviations[single]
    known = changes.isfinite().float() @ claims.abs()
    told = (changes.nan_to_num().clamp(-LARGEST, LARGEST) * reliability) @ claims
    weight = known * (reliability.square() @ claims.abs()) * (0.3 + told.abs())
    error = F.smooth_l1_loss(rise, SLOPE * told, reduction="none", beta=0.5)
    return (error * weight).sum() / weight.sum().clamp(min=1e-6)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Rows of a step: random faces, edited faces and the same unedited; captions."""

    faces: np.ndarray
    after: np.ndarray
    before: np.ndarray
    texts: np.ndarray


class _Batches:
    """Draws the rows of steps; never a held-out face."""

    def __init__(self, data: Data, edited: EditedFaces, settings: TuneSettings):
        self.rng, self.settings, self.edited = np.random.default_rng(settings.seed), settings, edited
        self.count = len(data.state) - HELD_OUT
        self.usable = np.flatnonzero(edited.edited & ~edited.held_out)
        share = np.where(edited.prompts[self.usable] != "", settings.optimised, 1.0)
        self.share = share / share.sum()

    def draw(self) -> _Batch:
        """The rows of the next step."""
        s = self.settings
        faces = self.rng.choice(self.count, min(s.faces, self.count), replace=False)
        after = self.rng.choice(self.usable, min(s.pairs, len(self.usable)), replace=False, p=self.share)
        texts = self.rng.choice(s.pool, min(s.texts, s.pool), replace=False)
        return _Batch(faces, after, self.edited.before[after], texts)


def _losses(
    model: FaceCLIP,
    found: list[Tensor],
    texts: Tensor,
    claims: np.ndarray,
    batch: _Batch,
    data: Data,
    edited: EditedFaces,
) -> dict[str, Tensor]:
    """The loss terms of features of a batch's random, edited and unedited faces, and of texts ``[T,256]``."""
    random, after, before = (F.normalize(model.image_head(part), dim=1) @ texts.T for part in found)
    state = np.concatenate([data.state[batch.faces], captions.holds(edited.scores[batch.after])])
    balance = np.concatenate([data.balance[batch.faces], np.ones((len(batch.after), len(claims)), np.float32)])
    weight = torch.from_numpy(balance @ np.abs(claims) / np.abs(claims).sum(0))
    logits = torch.cat([random, after]) * model.scale + model.bias
    changes = torch.from_numpy(edited.scores[batch.after] - edited.scores[batch.before])
    reliability = torch.from_numpy(edited.reliability).clamp(0, 1)
    return {
        "pairs": pair_loss(logits, torch.from_numpy(captions.truth(state, claims)), weight),
        "changes": change_loss(before, after, random.std(0), changes, torch.from_numpy(claims), reliability),
    }


def tune(
    model: FaceCLIP,
    data: Data,
    edited: EditedFaces,
    features: tuple[Tensor, Tensor],
    settings: TuneSettings | None = None,
    log=print,
) -> FaceCLIP:
    """Tune both heads on all faces but the held-out ones; a copy with the mean of the last weights (EMA) is returned.

    Args:
        features: the tower's, ``[N,1280]``, of the pictures of ``data`` and of ``edited``.
    """
    settings = settings or TuneSettings()
    torch.manual_seed(settings.seed)
    pool = captions.compose(np.random.default_rng(settings.seed), settings.pool)
    sentences, claims = embed_captions(model, pool), captions.claim_matrix(pool)
    tuned, model = copy.deepcopy(model), copy.deepcopy(model)
    heads = nn.ModuleList([model.image_head, model.text_head]).train()
    average = nn.ModuleList([tuned.image_head, tuned.text_head])
    trained = [*heads.parameters(), model.scale, model.bias]
    for parameter in trained:
        parameter.requires_grad_()
    optimizer = torch.optim.AdamW(trained, lr=settings.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, settings.steps, pct_start=0.15)
    batches = _Batches(data, edited, settings)
    for step in range(settings.steps):
        batch = batches.draw()
        found = [features[0][batch.faces], features[1][batch.after], features[1][batch.before]]
        noise = settings.noise * torch.randn(len(batch.texts), sentences.shape[1])
        texts = model.encode_sentences(F.normalize(sentences[batch.texts] + noise, dim=1))
        losses = _losses(model, found, texts, claims[:, batch.texts], batch, data, edited)
        optimizer.zero_grad()
        (losses["pairs"] + settings.changes * losses["changes"]).backward()
        optimizer.step()
        schedule.step()
        update_running_mean(average, heads, growing_decay(step, 0.98))
        if step % 50 == 0:
            log(f"step {step}/{settings.steps}: " + ", ".join(f"{k} {v.item():.3f}" for k, v in losses.items()))
    with torch.no_grad():
        tuned.scale.copy_(model.scale)
        tuned.bias.copy_(model.bias)
    return tuned.eval().requires_grad_(False)


def run(folder: Path, measurements: Path, scorers: Path, effects: Path, optimised: Path, output: Path) -> None:
    """Tune the shipped FaceCLIP, print figures of before and after, and write it with its reference faces."""
    data = load_data(folder, measurements, scorers)
    edited = load_edited(measurements, effects, optimised, data.scores)
    shipped, _ = face_clip()
    features = image_features(shipped, data.images), image_features(shipped, edited.images)
    tuned = tune(shipped, data, edited, features)
    for name, model in (("shipped", shipped), ("tuned", tuned)):
        print(f"{name}\n{report(model, data, edited, *features)}")
    save(tuned, data, output)
