"""Path A: any prompt, by gradient descent on the W+ code against a text-image model.

Gradient descent through an image tower finds pictures that please the tower and nobody else unless it is held back.
Here it moves in whitened W (a step of 1 is one standard deviation of real codes), mostly by one step shared by all
layers; it sees several augmented views; its objective saturates once the similarity is as high as in few of a gallery
of random faces; and it pays for changing what the prompt did not ask for: identity, and what a list of anchor texts
(man or woman, old or young, ...) says about the face in directions at right angles to the prompt's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core import latents, losses
from styleclip_core.drawing import Preview
from styleclip_core.edits.progress import Step, check_finite, check_prompt, check_range, schedule
from styleclip_core.latents import ridge_slopes
from styleclip_core.networks.blend import Blend
from styleclip_core.packs import Pack

ANCHORS = (
    ("a man", "a woman"), ("an old person", "a young person"), ("a child", "an adult"),
    ("a person with pale skin", "a person with dark skin"), ("a smiling person", "a serious person"),
    ("a person with an open mouth", "a person with a closed mouth"), ("an angry person", "a calm person"),
    ("a person with blond hair", "a person with black hair"), ("a person with grey hair", "a person with brown hair"),
    ("a person with long hair", "a person with short hair"), ("a bald person", "a person with lots of hair"),
    ("a person with bangs", "a person with a bare forehead"),
    ("a person with curly hair", "a person with straight hair"),
    ("a person with a beard", "a clean-shaven person"), ("a person with eyeglasses", "a person without glasses"),
    ("a person with a hat", "a person without a hat"), ("a person wearing makeup", "a person without makeup"),
    ("a chubby person", "a thin person"), ("a person looking to the left", "a person looking to the right"),
    ("a person looking up", "a person looking down"), ("a person with closed eyes", "a person with open eyes"),
    ("a dark background", "a bright background"), ("a face in bright light", "a face in the dark"),
)  # fmt: skip

AIM = 3.2  # standard deviations above faces like it (see Objective.wanted) that strength 1 aims at
WAYS = 5  # different sets of views; the unedited face is seen once in each
MAX_GUIDE = 6.0  # longest first step, in standard deviations of W; beyond it faces fall apart


@dataclass(frozen=True)
class OptimizeSettings:
    """How to optimise. The defaults suit the pack's text-image model; every term can be switched off with 0.

    Attributes:
        strength: 1 aims at what one in a thousand faces like it shows, 0 at no change; up to 2.
        steps: Adam steps.
        lr: learning rate in whitened coordinates.
        clip: weight of the similarity to the prompt, in standard deviations short of the aim.
        directional: weight of 1 - cos(change of the image embedding, prompt - neutral).
        identity: weight of 1 - cos of identity embeddings.
        likeness: weight of the LPIPS-like distance to the unedited picture: everything that may stay, stays.
        preserve: weight of the drift of anchors, in standard deviations squared.
        latent: weight of the mean squared step in whitened coordinates.
        mixing: weight of the mean squared difference of single layers' steps from the shared one.
        guide: how far to start along the gallery's direction for the prompt, as a share of the way to the aim.
        views: augmented views a step, besides the plain one.
        resolution: px at which the picture is judged.
        patience: stop after so many steps without the aim coming nearer; 0 never stops early.
        neutral: what the prompt is a change from.
        seed: of the augmentations.
    """

    strength: float = 1.0
    steps: int = 20
    lr: float = 0.06
    clip: float = 1.0
    directional: float = 0.5
    identity: float = 3.0
    likeness: float = 0.2
    preserve: float = 2.0
    latent: float = 0.5
    mixing: float = 1.0
    guide: float = 0.85
    views: int = 3
    resolution: int = 256
    patience: int = 8
    neutral: str = "a face"
    seed: int = 0

    def checked(self) -> OptimizeSettings:
        """Return self with numbers of the right kind; raise BadSetting or EmptyPrompt."""
        check_finite(self)
        steps = int(check_range("steps", self.steps, 1, 1000))
        views, seed = int(check_range("views", self.views, 0, 16)), int(check_range("seed", self.seed, 0, 2**63 - 1))
        strength = check_range("strength", self.strength, 0, 2)
        return replace(self, steps=steps, views=views, seed=seed, strength=strength, neutral=check_prompt(self.neutral))


@dataclass(frozen=True)
class Objective:
    """What a prompt asks of image embeddings, measured against the pack's gallery.

    Attributes:
        text: the prompt ``[1,D]``; mean and deviation of the gallery's similarity to it.
        direction: unit vector ``[1,D]`` from the neutral text to the prompt.
        anchors: ``[A,D]``, each at right angles to ``direction``; deviations and weights ``[A]`` for their drift.
        usual: the gallery's mean of each anchor ``[A]`` (in deviations, weighted), and by how many deviations the
            similarity rises with each, ``[A]``; ``spread``: what anchors leave open of the similarity's deviation.
    """

    text: Tensor
    mean: Tensor
    deviation: Tensor
    direction: Tensor
    anchors: Tensor
    anchor_deviations: Tensor
    anchor_weights: Tensor
    usual: tuple[Tensor, Tensor]
    spread: Tensor

    def score(self, embeddings: Tensor) -> Tensor:
        """Similarity of ``[N,D]`` to the prompt in standard deviations of the gallery, ``[N]``."""
        return ((embeddings @ self.text.T)[:, 0] - self.mean) / self.deviation

    def wanted(self, start: Tensor) -> Tensor:
        """By how many deviations the similarity of ``start [1,D]`` should rise at strength 1, ``[1]``; at least 1.5.

        The aim is what one in a thousand shows among faces that say the same to the anchors: a beard is rare among
        all faces but not among men, and the aim for a man must not be met by his being one.
        """
        mean, slopes = self.usual
        said = start @ self.anchors.T / self.anchor_deviations * self.anchor_weights.sqrt()
        return ((said - mean) @ slopes + AIM * self.spread - self.score(start)).clamp(min=1.5)

    def drift(self, embeddings: Tensor, start: Tensor) -> Tensor:
        """Change ``[N,A]`` of the anchors since ``start [1,D]``, in standard deviations."""
        return (embeddings - start) @ self.anchors.T / self.anchor_deviations


def anchor_texts(clip: nn.Module) -> Tensor:
    """Embeddings ``[A,2,D]`` of the anchors, encoded once for each model: by CLIP on a CPU that takes ten seconds."""
    if clip not in _anchor_texts:
        _anchor_texts[clip] = clip.encode_text([text for pair in ANCHORS for text in pair]).unflatten(0, (-1, 2))
    return _anchor_texts[clip]


_anchor_texts: WeakKeyDictionary[nn.Module, Tensor] = WeakKeyDictionary()


@torch.no_grad()
def make_objective(pack: Pack, prompt: str, neutral: str) -> Objective:
    """Encode the prompt, the neutral text and the anchors once."""
    texts, pairs = pack.clip.encode_text([prompt, neutral]), anchor_texts(pack.clip)
    text = texts[:1]
    direction = F.normalize(text - texts[1:2], dim=1)
    axes = F.normalize(pairs[:, 0] - pairs[:, 1], dim=1)
    overlap = axes @ direction.T  # [A,1]: an anchor that the prompt speaks of may move
    anchors = F.normalize(axes - overlap * direction, dim=1)
    similarity = (pack.gallery.embeddings @ text.T)[:, 0]
    said = pack.gallery.embeddings @ anchors.T
    deviations, weights = said.std(0), (1 - overlap[:, 0].square()).square()
    said = said / deviations * weights.sqrt()
    score = (similarity - similarity.mean()) / similarity.std()
    slopes = ridge_slopes(said, score[:, None], ridge=0.1)[:, 0]
    spread = (score - (said - said.mean(0)) @ slopes).std()
    return Objective(
        text, similarity.mean(), similarity.std(), direction, anchors, deviations, weights,
        (said.mean(0), slopes), spread,
    )  # fmt: skip


@torch.no_grad()
def gallery_direction(
    pack: Pack, objective: Objective, ridge: float = 0.05, hold: float = 15.0
) -> tuple[Tensor, Tensor]:
    """Where the prompt points in whitened W, judging by the gallery.

    The score of a text is regressed on the codes of the gallery's faces, and so is that of every anchor; the step is
    the prompt's slope, turned away from the anchors' slopes (InterFaceGAN's conditional edit, for any text).

    Args:
        ridge: of the regression, as a share of the codes' variance.
        hold: how firmly anchors are held; 0 leaves the plain slope.
    Returns:
        Unit vector ``[K]``, and by how many standard deviations the score rises per unit step (a scalar).
    """
    codes, embeddings = pack.space.whiten(pack.gallery.w), pack.gallery.embeddings
    anchors = embeddings @ objective.anchors.T / objective.anchor_deviations * objective.anchor_weights.sqrt()
    slopes = ridge_slopes(codes, torch.cat([objective.score(embeddings)[:, None], anchors], 1), ridge)
    prompt, others = slopes[:, 0], slopes[:, 1:]
    eye = torch.eye(len(prompt), device=codes.device)
    step = torch.linalg.solve(eye + hold * others @ others.T, prompt)
    step = step / step.norm()
    return step, prompt @ step


def views(image: Tensor, count: int, seed: int) -> Tensor:
    """The picture ``[1,3,R,R]`` itself and ``count`` copies, slightly moved, turned, zoomed and recoloured."""
    if count == 0:
        return image
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * (high - low) + low).to(image.device)

    angle, zoom = uniform(-0.12, 0.12), uniform(0.85, 1.08)
    shift = uniform(-0.06, 0.06, 2)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(count, 2, 3)
    grid = F.affine_grid(theta, [count, *image.shape[1:]], align_corners=False)
    copies = image.expand(count, -1, -1, -1)
    copies = F.grid_sample(copies, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    copies = copies * uniform(0.88, 1.12, 1, 1, 1) + uniform(-0.1, 0.1, 1, 1, 1) + uniform(-0.04, 0.04, 3, 1, 1)
    noise = torch.randn(copies.shape, generator=generator).to(image.device)
    return torch.cat([image, copies + 0.03 * noise])


def optimize(
    pack: Pack, w_plus: Tensor, prompt: str, settings: OptimizeSettings | None = None, blend: Blend | None = None
) -> Iterator[Step]:
    """Edit a code by a prompt. Yields a `Step` per iteration; the last one holds the edited ``w_plus``.

    Args:
        w_plus: ``[1,L,512]``, the code of the face to edit.
        prompt: what the face should look like.
        blend: keeps the unedited face outside a mask: the losses then see what is composed (see `edits.local`).
    Raises:
        EmptyPrompt, BadPrompt, BadSetting.
    """
    settings = (settings or OptimizeSettings()).checked()
    objective = make_objective(pack, check_prompt(prompt), settings.neutral)
    space, device = pack.space, w_plus.device
    look = Preview(pack.generator, w_plus, settings.resolution)
    with torch.no_grad():
        start_image = look(w_plus)
        start = pack.clip.encode_image(start_image)
        start_identity = pack.identity(start_image) if pack.identity else None
        start_taps = losses.normalized_taps(pack.perceptual, start_image)
        wanted = settings.strength * objective.wanted(start)
    if settings.strength == 0:  # Adam would follow rounding errors
        yield Step(1, 1, {}, w_plus, start_image)
        return
    towards, rise = gallery_direction(pack, objective)
    enough = len(pack.gallery.w) >= 1000  # fewer do not show where a text points
    length = enough * (settings.guide * wanted / rise.clamp(min=0.05)).clamp(0, MAX_GUIDE)
    shared = (length * towards)[None, None].clone().requires_grad_()
    layers = torch.zeros(1, pack.generator.num_layers, len(space.deviations), device=device, requires_grad=True)
    seen = latents.shown(pack.generator, settings.resolution)
    optimizer = torch.optim.Adam([shared, layers], lr=settings.lr, betas=(0.9, 0.95))
    towards_text = settings.directional * min(1.0, settings.strength)
    best, since, originals = math.inf, 0, {}
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * schedule(step / settings.steps)
        edited = w_plus + seen * space.step(shared + 0.3 * layers)
        image = look(edited, blend)
        # The unedited face is seen through the same views: what a view does to an embedding is no edit.
        way = (settings.seed * WAYS + step % WAYS) % 2**63
        if way not in originals:
            with torch.no_grad():
                originals[way] = pack.clip.encode_image(views(start_image, settings.views, way))
        original = originals[way]
        embeddings = pack.clip.encode_image(views(image, settings.views, way))
        short = F.relu(wanted - (objective.score(embeddings) - objective.score(original))).mean()
        drift = F.relu(objective.drift(embeddings, original).abs() - 0.15).square()
        terms = {
            "clip": settings.clip * short,
            "directional": towards_text * losses.directional(embeddings, original, objective.direction),
            "identity": settings.identity * losses.identity(pack.identity(image), start_identity)
            if pack.identity
            else shared.new_zeros(()),
            "likeness": settings.likeness
            * losses.perceptual(losses.normalized_taps(pack.perceptual, image), start_taps),
            "preserve": settings.preserve * (drift * objective.anchor_weights).mean(),
            "latent": settings.latent * shared.square().mean(),
            "mixing": settings.mixing * layers.square().mean(),
        }
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        result = (w_plus + seen * space.step(shared + 0.3 * layers)).detach()
        yield Step(step + 1, settings.steps, {k: v.item() for k, v in terms.items()}, result, image.detach())
        best, since = (short.item(), 0) if short.item() < best - 0.02 else (best, since + 1)
        if settings.patience and since >= settings.patience:
            return
