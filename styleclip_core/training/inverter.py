"""Train a pack's learned steps of inversion, on synthetic faces with things composed onto them.

Each step is trained on where the steps before it lead. The gradient that a step is given is the one that trains the
step before it, so that a chain of K steps costs K + 1 drawings. Resumable: the state is written every few minutes.

    python -m styleclip_core train-inverter FACES_DIR
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core import latents, losses
from styleclip_core.edits.invert import plain_features, reconstruction_terms
from styleclip_core.networks.adapted import FEATURE_SIZE
from styleclip_core.networks.inverter import Inverter
from styleclip_core.packs import Generator, Pack, load_pack
from styleclip_core.packs.base import INVERTER
from styleclip_core.settings import InvertSettings
from styleclip_core.training.augment import photo_like
from styleclip_core.training.common import (
    HELD_OUT,
    Resumable,
    growing_decay,
    image_files,
    read_codes,
    read_images,
    save_trained,
    trained_file,
    update_running_mean,
)
from styleclip_core.training.scenes import Scenes

STORED = 256  # px at which training faces are kept in memory
PLAIN = 0.25  # share of faces that nothing is composed onto
CLEAN = 0.6  # and of faces without blur, noise and traces of compression


@dataclass(frozen=True, eq=False)
class Faces:
    images: Tensor  # uint8 [N,3,256,256]
    w_plus: Tensor  # float32 [N,L,512], the codes that drew them


def load_faces(folder: Path, generator: Generator) -> Faces:
    """Read ``img/``, ``faces.csv`` and ``w_avg.npy`` of a folder that `synthesize` wrote."""
    return Faces(read_images(image_files(folder), STORED), read_codes(folder, generator)[0])


def new_inverter(pack: Pack) -> Inverter:
    """Untrained learned steps that fit a pack's generator."""
    size = min(FEATURE_SIZE, pack.generator.resolution // 16)
    channels = plain_features(pack.generator, pack.space.mean[None]).shape[1]
    return Inverter(channels, size, latents.effective_layers(pack.generator), len(pack.space.deviations))


class Reconstruction:
    """A batch of photos and what is needed to draw codes beside them.

    Args:
        photos: ``[N,3,S,S]`` in [-1,1], as large as the largest comparison.
        near: codes ``[N,L,512]`` of faces like those of the photos, and ``near_images`` what they look like,
            ``[N,3,S,S]``: the layer that reads colours from features is fitted to these.
        inverter: says how many layers are moved, and the sizes of comparisons.
    """

    def __init__(self, pack: Pack, photos: Tensor, near: Tensor, near_images: Tensor, inverter: Inverter):
        self.pack, self.layers = pack, inverter.layers
        with torch.no_grad():
            self.start = pack.encoder(photos)
            self.whitened = pack.space.whiten(self.start)
            features = plain_features(pack.generator, self.start)
            self.scale = features.std((2, 3), keepdim=True)
            self.features = features / self.scale
        self.sizes = {px: Comparison(pack, photos, near, near_images, px) for px in set(inverter.picture_sizes)}

    def draw(self, code: Tensor, residual: Tensor, size: int) -> Tensor:
        """Pictures ``[N,3,size,size]`` of code moves ``[N,layers,K]`` and residuals ``[N,C,R,R]``, whitened."""
        compared = self.sizes[size]
        moved = self.start + compared.visible * self.pack.space.step(self.padded(code))
        return draw_by(self.pack.generator, compared.heads, moved, size, self.scale * residual)

    def terms(self, picture: Tensor, code: Tensor, residual: Tensor, settings: InvertSettings) -> dict[str, Tensor]:
        compared, move = self.sizes[picture.shape[-1]], self.padded(code)
        taps = losses.normalized_taps(self.pack.perceptual, picture)
        targets = compared.photos, taps, compared.target, self.whitened
        return reconstruction_terms(picture, *targets, compared.visible * move, residual, settings, compared.weight)

    def padded(self, code: Tensor) -> Tensor:
        return F.pad(code, (0, 0, 0, self.start.shape[1] - self.layers))


class Comparison:
    """Photos of one size, and what pictures are compared with them by. For the arguments see `Reconstruction`."""

    def __init__(self, pack: Pack, photos: Tensor, near: Tensor, near_images: Tensor, size: int):
        self.photos, images = (F.interpolate(x, (size, size), mode="area") for x in (photos, near_images))
        self.weight = losses.face_weight(size, photos.device)
        self.visible = latents.visible_layers(pack.generator, size)
        self.heads = fitted_heads(pack.generator, near, images)
        with torch.no_grad():
            self.target = losses.normalized_taps(pack.perceptual, self.photos)


@torch.no_grad()
def fitted_heads(generator: Generator, w_plus: Tensor, pictures: Tensor) -> list[nn.Module | None]:
    """For each of some faces what `Generator.fitted_head` gives at the size of their pictures ``[N,3,S,S]``."""
    size = pictures.shape[-1]
    pairs = zip(w_plus, pictures, strict=True)
    return [generator.fitted_head(generator.styles(w[None]), picture[None], size) for w, picture in pairs]


def draw_by(
    generator: Generator, heads: list[nn.Module | None], w_plus: Tensor, size: int, residual: Tensor | None = None
) -> Tensor:
    """Pictures ``[N,3,size,size]`` of codes ``[N,L,512]``, each by its own head, with a residual ``[N,C,R,R]``."""
    generator.feature_residual.offset = residual
    try:
        if None in heads:
            return generator.synthesize(w_plus, size)
        features = generator.features(generator.styles(w_plus), size).split(1)
    finally:
        generator.feature_residual.offset = None
    pictures = torch.cat([head(part) for head, part in zip(heads, features, strict=True) if head])
    return pictures.contiguous(memory_format=torch.channels_last)  # convolutions on CPUs take half the time then


def chain(
    inverter: Inverter,
    batch: Reconstruction,
    settings: InvertSettings,
    after_step: Callable[[], None] | None,
) -> tuple[list[float], Tensor, Tensor]:
    """Invert a batch by all steps of the inverter, training each by what it leads to.

    Args:
        after_step: called when the gradients of a step are there; None trains nothing.
    Returns:
        the loss before the first step and after each; the code's move ``[N,L,K]`` and the residual at the end.
    """
    code = torch.zeros(len(batch.start), inverter.layers, inverter.components, device=batch.start.device)
    residual = torch.zeros_like(batch.features)
    values = []
    for step in range(inverter.steps + 1):
        here, there = code.detach().requires_grad_(), residual.detach().requires_grad_()
        size = inverter.picture_sizes[min(step, inverter.steps - 1)]
        picture = batch.draw(here, there, size)
        loss = torch.stack(list(batch.terms(picture, here, there, settings).values())).sum()
        slopes = torch.autograd.grad(loss, (here, there))
        values.append(loss.item())
        if step and after_step is not None:
            torch.autograd.backward((code, residual), slopes)
            after_step()
        if step == inverter.steps:
            break
        with torch.set_grad_enabled(after_step is not None):
            seen = batch.sizes[size].photos, picture.detach(), batch.features, there.detach()
            moves = inverter(step, *seen, slopes[1], slopes[0])
        code, residual = here.detach() + moves[0], there.detach() + moves[1]
    return values, code.detach(), residual.detach()


def photos_of(faces: Faces, rows: np.ndarray, size: int, random: torch.Generator) -> Tensor:
    """Training photos ``[N,3,size,size]``: most with things composed onto the faces, all spoilt as photos are."""
    images = faces.images[rows].float() / 127.5 - 1
    composed = Scenes(random).compose(images, images.roll(1, 0))
    plain = torch.rand(len(images), 1, 1, 1, generator=random) < PLAIN
    pictures = torch.where(plain, images, composed)
    return photo_like(((pictures + 1) * 127.5).round().byte(), size, random, CLEAN)


def batch_of(pack: Pack, faces: Faces, rows: np.ndarray, inverter: Inverter, random: torch.Generator) -> Reconstruction:
    truth = faces.images[rows].float() / 127.5 - 1
    photos = photos_of(faces, rows, max(inverter.picture_sizes), random)
    near, device = faces.w_plus[rows], pack.device
    return Reconstruction(pack, photos.to(device), near.to(device), truth.to(device), inverter)


def train(
    pack: Pack,
    faces: Faces,
    chains: int = 600,
    batch: int = 4,
    seed: int = 0,
    rate: float = 1e-3,
    state: Path | None = None,
    log=print,
) -> Inverter:
    """Train on ``chains`` batches. Returns the running mean of the weights.

    Args:
        rate: highest learning rate.
        state: file from which an interrupted training goes on, and to which it is written.
    """
    torch.manual_seed(seed)
    inverter, settings = new_inverter(pack).to(pack.device), InvertSettings()
    average = copy.deepcopy(inverter).eval()
    optimizer = torch.optim.AdamW(inverter.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, chains * inverter.steps, pct_start=0.05)
    kept = Resumable(state, inverter, average, optimizer, schedule)
    count, start = len(faces.images) - HELD_OUT, time.time()
    recent: list[list[float]] = []

    def after_step() -> None:
        torch.nn.utils.clip_grad_norm_(inverter.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

    for number in range(kept.done, chains):
        random = torch.Generator().manual_seed(seed * 1_000_003 + number)  # an interrupted run goes on as it would have
        rows = torch.randint(count, (batch,), generator=random).numpy()
        recent.append(chain(inverter, batch_of(pack, faces, rows, inverter, random), settings, after_step)[0])
        update_running_mean(average, inverter, growing_decay(number, 0.99))
        if number % 10 == 9:
            means = np.mean(recent, 0)
            log(f"chain {number + 1}/{chains}, {time.time() - start:.0f} s: " + " ".join(f"{v:.3f}" for v in means))
            recent.clear()
        kept.after(number + 1, number + 1 == chains)
    return average


@torch.no_grad()
def report(inverter: Inverter, pack: Pack, faces: Faces, count: int = 48) -> str:
    """The loss before the first step and after each, on held-out faces as they are and with things in them."""
    random = torch.Generator().manual_seed(1)
    losses_of = []
    for part in np.arange(len(faces.images) - count, len(faces.images)).reshape(-1, 4):
        batch = batch_of(pack, faces, part, inverter, random)
        with torch.enable_grad():
            losses_of.append(chain(inverter, batch, InvertSettings(), None)[0])
    return "loss on held-out faces: " + " -> ".join(f"{value:.3f}" for value in np.mean(losses_of, 0))


def run(
    folder: Path, name: str = "compact", chains: int = 600, batch: int = 4, seed: int = 0, state: Path | None = None
) -> Path:
    """Train the learned steps of a pack, evaluate them on held-out faces and write them to `trained_file`."""
    pack = load_pack(name)
    faces = load_faces(folder, pack.generator)
    inverter = train(pack, faces, chains, batch, seed, state=state)
    file = trained_file(pack, INVERTER)
    save_trained(inverter.state_dict(), file)
    print(report(inverter, pack, faces))
    return file
