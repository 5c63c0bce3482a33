"""The losses of path A and of mapper training for a prompt, and the direction of the prompt in W.

Unrestrained gradient descent against an image encoder finds adversarial pictures, which only the encoder takes for
what the prompt describes. So the similarity is raised only until it is as high as in few of the reference faces, and
changes that the prompt did not ask for are penalised: of identity, of the picture (likeness), and of the scores of a
list of anchor texts (man or woman, old or young, ...), measured at right angles to the prompt's direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import losses
from styleclip_core.latents import ridge_slopes
from styleclip_core.packs.base import Pack, ReferenceFaces, TextImageModel

ANCHORS = (
    ("a man", "a woman"),
    ("an old person", "a young person"),
    ("a child", "an adult"),
    ("a person with pale skin", "a person with dark skin"),
    ("a smiling person", "a serious person"),
    ("a person with an open mouth", "a person with a closed mouth"),
    ("an angry person", "a calm person"),
    ("a person with blond hair", "a person with black hair"),
    ("a person with grey hair", "a person with brown hair"),
    ("a person with long hair", "a person with short hair"),
    ("a bald person", "a person with lots of hair"),
    ("a person with bangs", "a person with a bare forehead"),
    ("a person with curly hair", "a person with straight hair"),
    ("a person with a beard", "a clean-shaven person"),
    ("a person with eyeglasses", "a person without glasses"),
    ("a person with a hat", "a person without a hat"),
    ("a person wearing makeup", "a person without makeup"),
    ("a chubby person", "a thin person"),
    ("a person looking to the left", "a person looking to the right"),
    ("a person looking up", "a person looking down"),
    ("a person with closed eyes", "a person with open eyes"),
    ("a dark background", "a bright background"),
    ("a face in bright light", "a face in the dark"),
)

TARGET_DEVIATIONS = 3.2  # above similar faces, that strength 1 aims at: see Objective.target_gain
MIN_GAIN = 1.5  # deviations by which strength 1 raises the similarity at least
DRIFT_SLACK = 0.15  # deviations by which an anchor may drift without a penalty
MAX_GUIDE = 6.0  # longest step along the reference direction, in deviations of W; beyond it faces become unrealistic
MIN_RISE = 0.05  # deviations per unit step; directions along which the similarity rises less are not followed further


class LossWeights(Protocol):
    """The weights of the loss terms; see `settings.OptimizeSettings`. `training.mapper.MapperSettings` has them too."""

    @property
    def clip(self) -> float: ...
    @property
    def directional(self) -> float: ...
    @property
    def identity(self) -> float: ...
    @property
    def likeness(self) -> float: ...
    @property
    def preserve(self) -> float: ...


@dataclass(frozen=True)
class Objective:
    """The objective of a prompt for image embeddings, with statistics of the pack's reference faces.

    Attributes:
        text: embedding of the prompt, ``[1,D]``.
        faces: the reference faces.
        direction: unit vector ``[1,D]`` from the neutral text to the prompt.
        anchors: unit vectors ``[A,D]``, each at right angles to ``direction``.
        anchor_deviations: standard deviation of each anchor's score over the reference faces, ``[A]``.
        anchor_weights: ``[A]`` in [0,1], low for anchors that the prompt itself speaks of.
        mean_anchor_scores: mean of `anchor_scores` over the reference faces, ``[A]``.
        slopes: regression of the similarity on `anchor_scores`, ``[A]``.
        residual_deviation: standard deviation of that regression's residuals, a scalar.
    """

    text: Tensor
    faces: ReferenceFaces
    direction: Tensor
    anchors: Tensor
    anchor_deviations: Tensor
    anchor_weights: Tensor
    mean_anchor_scores: Tensor
    slopes: Tensor
    residual_deviation: Tensor

    def score(self, embeddings: Tensor) -> Tensor:
        """Similarity of ``[N,D]`` to the prompt in standard deviations of the reference faces, ``[N]``."""
        return self.faces.z_score((embeddings @ self.text.T)[:, 0], self.text)

    def anchor_scores(self, embeddings: Tensor) -> Tensor:
        """Scores of ``[N,D]`` on the anchors, in standard deviations of the reference faces, weighted: ``[N,A]``."""
        return embeddings @ self.anchors.T / self.anchor_deviations * self.anchor_weights.sqrt()

    def target_gain(self, start: Tensor) -> Tensor:
        """By how many deviations the similarity of ``start [N,D]`` should rise at strength 1, ``[N]``.

        The target is the similarity of one in a thousand among faces with the same anchor scores: a beard is rare among
        all faces but not among men, so that just being a man must not be enough to meet the target.
        """
        expected = (self.anchor_scores(start) - self.mean_anchor_scores) @ self.slopes
        gain = expected + TARGET_DEVIATIONS * self.residual_deviation - self.score(start)
        return gain.clamp(min=MIN_GAIN)

    def shortfall(self, embeddings: Tensor, start: Tensor, target: Tensor) -> Tensor:
        """By how many deviations the rise of the similarity since ``start [1 or N,D]`` is short of ``target``; mean."""
        return F.relu(target - (self.score(embeddings) - self.score(start))).mean()

    def drift(self, embeddings: Tensor, start: Tensor) -> Tensor:
        """Change ``[N,A]`` of the anchors since ``start [1 or N,D]``, in standard deviations."""
        return (embeddings - start) @ self.anchors.T / self.anchor_deviations


def anchor_texts(clip: TextImageModel) -> Tensor:
    """Embeddings ``[A,2,D]`` of the anchors, computed once for each model: by CLIP on a CPU that takes ten seconds."""
    if clip not in _anchor_texts:
        _anchor_texts[clip] = clip.encode_text([text for pair in ANCHORS for text in pair]).unflatten(0, (-1, 2))
    return _anchor_texts[clip]


_anchor_texts: WeakKeyDictionary[TextImageModel, Tensor] = WeakKeyDictionary()


@torch.no_grad()
def make_objective(pack: Pack, prompt: str, neutral: str | None = None) -> Objective:
    """The objective of a prompt, relative to a neutral text (None: what the pack draws, as "a face")."""
    texts, pairs = pack.clip.encode_text([prompt, neutral or f"a {pack.domain}"]), anchor_texts(pack.clip)
    text, faces = texts[:1], pack.reference_faces
    direction = F.normalize(text - texts[1:2], dim=1)
    axes = F.normalize(pairs[:, 0] - pairs[:, 1], dim=1)
    overlap = axes @ direction.T  # [A,1]; an anchor that the prompt itself speaks of may move
    anchors = F.normalize(axes - overlap * direction, dim=1)
    scores = faces.embeddings @ anchors.T
    deviations, weights = scores.std(0), (1 - overlap[:, 0].square()).square()
    scores = scores / deviations * weights.sqrt()
    means = scores.mean(0)
    similarity = faces.z_score((faces.embeddings @ text.T)[:, 0], text)
    slopes = ridge_slopes(scores, similarity[:, None], ridge=0.1)[:, 0]
    residual_deviation = (similarity - (scores - means) @ slopes).std()
    return Objective(text, faces, direction, anchors, deviations, weights, means, slopes, residual_deviation)


@torch.no_grad()
def reference_direction(
    pack: Pack, objective: Objective, ridge: float = 0.05, hold: float = 15.0
) -> tuple[Tensor, Tensor]:
    """The direction of the prompt in whitened W, estimated from the reference faces.

    The scores of the prompt and of every anchor are regressed on the codes of the reference faces. The direction is the
    prompt's slope, turned away from the anchors' slopes (InterFaceGAN's conditional edit, for any text).

    Args:
        ridge: of the regression, as a share of the codes' variance.
        hold: weight of the penalty on changes of the anchors; 0 leaves the prompt's slope as it is.
    Returns:
        Unit vector ``[K]``, and by how many standard deviations the prompt's score rises per unit step (a scalar).
    """
    codes, embeddings = pack.space.whiten(pack.reference_faces.w), pack.reference_faces.embeddings
    scores = torch.cat([objective.score(embeddings)[:, None], objective.anchor_scores(embeddings)], 1)
    slopes = ridge_slopes(codes, scores, ridge)
    prompt, anchors = slopes[:, 0], slopes[:, 1:]
    eye = torch.eye(len(prompt), device=codes.device)
    step = torch.linalg.solve(eye + hold * anchors @ anchors.T, prompt)
    step = step / step.norm()
    return step, prompt @ step


def guide_length(gain: Tensor, rise: Tensor, share: float) -> Tensor:
    """Length of the step along `reference_direction` that brings a share of a gain, in deviations of W.

    Args:
        gain: of the similarity, in deviations, any shape; the result has the same.
        rise: of the similarity per unit step, from `reference_direction`.
        share: from 0 to 1.
    """
    return (share * gain / rise.clamp(min=MIN_RISE)).clamp(0, MAX_GUIDE)


@dataclass(frozen=True)
class Unedited:
    """Embeddings and features of N faces before an edit, which the losses compare the edited faces with.

    Attributes:
        embeddings: ``[N,D]``.
        identities: ``[N,E]``, or None where the pack has no identity model.
        taps: of `losses.normalized_taps`, ``[N,C,H,W]`` each.
    """

    embeddings: Tensor
    identities: Tensor | None
    taps: list[Tensor]

    def rows(self, rows: list[int]) -> Unedited:
        """The same of some of the faces, by their indices."""
        identities = None if self.identities is None else self.identities[rows]
        return Unedited(self.embeddings[rows], identities, [tap[rows] for tap in self.taps])


@torch.no_grad()
def encode_unedited(pack: Pack, images: Tensor) -> Unedited:
    """Compute embeddings and features of unedited faces ``[N,3,R,R]`` by the pack's networks."""
    identities = pack.identity(images) if pack.identity else None
    return Unedited(pack.clip.encode_image(images), identities, losses.normalized_taps(pack.perceptual, images))


def prompt_terms(
    objective: Objective, weights: LossWeights, embeddings: Tensor, start: Tensor, target: Tensor, strength: float = 1.0
) -> dict[str, Tensor]:
    """The loss terms of embeddings: for what the prompt asks ("clip", "directional"), against the rest ("preserve").

    Args:
        embeddings: of edited pictures or views of them, ``[N,D]``.
        start: of the same views of the unedited pictures, ``[N or 1,D]``.
        target: gain of the similarity that is aimed at, in deviations, ``[N or 1]``.
        strength: of the edit; below 1 it lowers the weight of the direction, which matters less for small edits.
    """
    drift = F.relu(objective.drift(embeddings, start).abs() - DRIFT_SLACK).square()
    directional = weights.directional * min(1.0, strength)
    return {
        "clip": weights.clip * objective.shortfall(embeddings, start, target),
        "directional": directional * losses.directional(embeddings, start, objective.direction),
        "preserve": weights.preserve * (drift * objective.anchor_weights).mean(),
    }


def likeness_terms(pack: Pack, weights: LossWeights, images: Tensor, before: Unedited) -> dict[str, Tensor]:
    """The loss terms of edited pictures ``[N,3,R,R]``: whether person and picture stay the same."""
    taps = losses.normalized_taps(pack.perceptual, images)
    terms = {"likeness": weights.likeness * losses.perceptual(taps, before.taps)}
    if pack.identity and before.identities is not None:
        terms["identity"] = weights.identity * losses.identity(pack.identity(images), before.identities)
    return terms
