"""What a prompt asks of a picture: the losses of path A and of mapper training, and where the prompt points in W.

Gradient descent through an image tower finds pictures that please the tower and nobody else unless it is held back.
The objective saturates once the similarity is as high as in few of the reference faces, and it pays for changing what
the prompt did not ask for: identity, likeness, and what a list of anchor texts (man or woman, old or young, ...) says
about the face in directions at right angles to the prompt's.
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

TARGET_DEVIATIONS = 3.2  # above faces like it (see Objective.target_gain) that strength 1 aims at
LEAST_GAIN = 1.5  # deviations by which strength 1 raises the similarity at least
DRIFT_SLACK = 0.15  # deviations by which an anchor may drift for nothing
MAX_GUIDE = 6.0  # longest step along the reference faces' direction, in deviations of W; beyond it faces fall apart
LEAST_RISE = 0.05  # deviations a unit step; where a direction raises the similarity less, it is not followed further


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
    """What a prompt asks of image embeddings, measured against the pack's reference faces.

    Attributes:
        text: the prompt ``[1,D]``.
        faces: the reference faces.
        direction: unit vector ``[1,D]`` from the neutral text to the prompt.
        anchors: ``[A,D]``, each at right angles to ``direction``; deviations and weights ``[A]`` for their drift.
        usual: the reference faces' mean of each anchor ``[A]`` (in deviations, weighted), and by how many deviations
            the similarity rises with each, ``[A]``.
        spread: what anchors leave open of the similarity's deviation.
    """

    text: Tensor
    faces: ReferenceFaces
    direction: Tensor
    anchors: Tensor
    anchor_deviations: Tensor
    anchor_weights: Tensor
    usual: tuple[Tensor, Tensor]
    spread: Tensor

    def score(self, embeddings: Tensor) -> Tensor:
        """Similarity of ``[N,D]`` to the prompt in standard deviations of the reference faces, ``[N]``."""
        return self.faces.z_score((embeddings @ self.text.T)[:, 0], self.text)

    def anchor_scores(self, embeddings: Tensor) -> Tensor:
        """What the anchors say of ``[N,D]``: ``[N,A]``, in deviations, weighted."""
        return embeddings @ self.anchors.T / self.anchor_deviations * self.anchor_weights.sqrt()

    def target_gain(self, start: Tensor) -> Tensor:
        """By how many deviations the similarity of ``start [N,D]`` should rise at strength 1, ``[N]``.

        The target is what one in a thousand shows among faces that say the same to the anchors: a beard is rare among
        all faces but not among men, and the target for a man must not be met by his being one.
        """
        mean, slopes = self.usual
        expected = (self.anchor_scores(start) - mean) @ slopes
        return (expected + TARGET_DEVIATIONS * self.spread - self.score(start)).clamp(min=LEAST_GAIN)

    def shortfall(self, embeddings: Tensor, start: Tensor, target: Tensor) -> Tensor:
        """By how many deviations the similarity of ``[N,D]`` rose less since ``start`` than ``target`` asks; mean."""
        return F.relu(target - (self.score(embeddings) - self.score(start))).mean()

    def drift(self, embeddings: Tensor, start: Tensor) -> Tensor:
        """Change ``[N,A]`` of the anchors since ``start [1 or N,D]``, in standard deviations."""
        return (embeddings - start) @ self.anchors.T / self.anchor_deviations


def anchor_texts(clip: TextImageModel) -> Tensor:
    """Embeddings ``[A,2,D]`` of the anchors, encoded once for each model: by CLIP on a CPU that takes ten seconds."""
    if clip not in _anchor_texts:
        _anchor_texts[clip] = clip.encode_text([text for pair in ANCHORS for text in pair]).unflatten(0, (-1, 2))
    return _anchor_texts[clip]


_anchor_texts: WeakKeyDictionary[TextImageModel, Tensor] = WeakKeyDictionary()


@torch.no_grad()
def make_objective(pack: Pack, prompt: str, neutral: str | None = None) -> Objective:
    """Encode the prompt, the neutral text (None: what the pack draws) and the anchors once."""
    texts, pairs = pack.clip.encode_text([prompt, neutral or f"a {pack.domain}"]), anchor_texts(pack.clip)
    text, faces = texts[:1], pack.reference_faces
    direction = F.normalize(text - texts[1:2], dim=1)
    axes = F.normalize(pairs[:, 0] - pairs[:, 1], dim=1)
    overlap = axes @ direction.T  # [A,1]: an anchor that the prompt speaks of may move
    anchors = F.normalize(axes - overlap * direction, dim=1)
    said = faces.embeddings @ anchors.T
    deviations, weights = said.std(0), (1 - overlap[:, 0].square()).square()
    said = said / deviations * weights.sqrt()
    score = faces.z_score((faces.embeddings @ text.T)[:, 0], text)
    slopes = ridge_slopes(said, score[:, None], ridge=0.1)[:, 0]
    spread = (score - (said - said.mean(0)) @ slopes).std()
    return Objective(text, faces, direction, anchors, deviations, weights, (said.mean(0), slopes), spread)


@torch.no_grad()
def reference_direction(
    pack: Pack, objective: Objective, ridge: float = 0.05, hold: float = 15.0
) -> tuple[Tensor, Tensor]:
    """Where the prompt points in whitened W, judging by the reference faces.

    The score of a text is regressed on the codes of the reference faces, and so is that of every anchor; the step is
    the prompt's slope, turned away from the anchors' slopes (InterFaceGAN's conditional edit, for any text).

    Args:
        ridge: of the regression, as a share of the codes' variance.
        hold: how firmly anchors are held; 0 leaves the plain slope.
    Returns:
        Unit vector ``[K]``, and by how many standard deviations the score rises per unit step (a scalar).
    """
    codes, embeddings = pack.space.whiten(pack.reference_faces.w), pack.reference_faces.embeddings
    known = torch.cat([objective.score(embeddings)[:, None], objective.anchor_scores(embeddings)], 1)
    slopes = ridge_slopes(codes, known, ridge)
    prompt, others = slopes[:, 0], slopes[:, 1:]
    eye = torch.eye(len(prompt), device=codes.device)
    step = torch.linalg.solve(eye + hold * others @ others.T, prompt)
    step = step / step.norm()
    return step, prompt @ step


def guide_length(gain: Tensor, rise: Tensor, share: float) -> Tensor:
    """How far along `reference_direction` to go for a share of a gain, in deviations of W; same shape as ``gain``."""
    return (share * gain / rise.clamp(min=LEAST_RISE)).clamp(0, MAX_GUIDE)


@dataclass(frozen=True)
class Unedited:
    """What the pack's networks say of N faces before an edit: what the losses compare the edit with.

    Attributes:
        embeddings: ``[N,D]``.
        identities: ``[N,E]``, or None where the pack has no identity model.
        taps: of `losses.normalized_taps`, ``[N,C,H,W]`` each.
    """

    embeddings: Tensor
    identities: Tensor | None
    taps: list[Tensor]

    def rows(self, rows: list[int]) -> Unedited:
        """Those of some of the faces."""
        identities = None if self.identities is None else self.identities[rows]
        return Unedited(self.embeddings[rows], identities, [tap[rows] for tap in self.taps])


@torch.no_grad()
def see_unedited(pack: Pack, images: Tensor) -> Unedited:
    """Look at unedited faces ``[N,3,R,R]``."""
    identities = pack.identity(images) if pack.identity else None
    return Unedited(pack.clip.encode_image(images), identities, losses.normalized_taps(pack.perceptual, images))


def prompt_terms(
    objective: Objective, weights: LossWeights, embeddings: Tensor, start: Tensor, target: Tensor, strength: float = 1.0
) -> dict[str, Tensor]:
    """The loss terms of embeddings: is it there what was asked for, and nothing else?

    Args:
        embeddings: of edited pictures or views of them, ``[N,D]``.
        start: of the same views of the unedited pictures, ``[N or 1,D]``.
        target: gain of the similarity that is asked for, in deviations, ``[N or 1]``.
        strength: of the edit; a small edit need not point in the prompt's direction exactly.
    """
    drift = F.relu(objective.drift(embeddings, start).abs() - DRIFT_SLACK).square()
    towards = weights.directional * min(1.0, strength)
    return {
        "clip": weights.clip * objective.shortfall(embeddings, start, target),
        "directional": towards * losses.directional(embeddings, start, objective.direction),
        "preserve": weights.preserve * (drift * objective.anchor_weights).mean(),
    }


def likeness_terms(pack: Pack, weights: LossWeights, images: Tensor, before: Unedited) -> dict[str, Tensor]:
    """The loss terms of edited pictures ``[N,3,R,R]``: is it still the same person, and the same picture?"""
    taps = losses.normalized_taps(pack.perceptual, images)
    terms = {"likeness": weights.likeness * losses.perceptual(taps, before.taps)}
    if pack.identity and before.identities is not None:
        terms["identity"] = weights.identity * losses.identity(pack.identity(images), before.identities)
    return terms
