"""Train the compact pack's encoder: photo -> W+, on synthetic faces, whose codes are known.

First the codes alone, in whitened coordinates; then, through the generator's 128-px head, also what they look like.
Photo-like augmentation (blur, noise, JPEG, exposure, white balance, slight misalignment) carries it over to photos.

    python -m styleclip_core train-encoder FACES_DIR
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from styleclip_core import latents, losses, weights
from styleclip_core.networks.encoder import Encoder
from styleclip_core.packs import Generator, PerceptualNetwork
from styleclip_core.packs.compact import ENCODER, compact_generator, perceptual_network
from styleclip_core.training.augment import photo_like
from styleclip_core.training.common import (
    HELD_OUT,
    first_blocks,
    freeze,
    growing_decay,
    image_files,
    read_codes,
    read_images,
    save_trained,
    trunk_and_rest,
    update_running_mean,
)
from styleclip_core.training.face_clip import FROZEN

STORED = 208  # px at which training faces are kept in memory
PICTURE_SIZE = 128  # px at which pictures are compared in the second stage


@dataclass
class Faces:
    images: Tensor  # uint8 [N,3,208,208]
    codes: Tensor  # float32 [N,L,K], whitened
    space: latents.WSpace


def load_faces(folder: Path, generator: Generator) -> Faces:
    """Read ``img/``, ``faces.csv`` and ``w_avg.npy`` of a folder that `synthesize` wrote."""
    space = latents.w_space(generator)
    w_plus, _ = read_codes(folder, generator)
    codes = space.whiten(w_plus[:, : latents.effective_layers(generator)])
    return Faces(read_images(image_files(folder), STORED), codes, space)


def new_encoder() -> Encoder:
    """An encoder whose trunk is FaceCLIP's, which knows faces already."""
    encoder = Encoder()
    state = load_file(weights.path("face_clip.safetensors"))
    encoder.trunk.load_state_dict(
        {k.removeprefix("trunk."): v.float() for k, v in state.items() if k.startswith("trunk.")}, strict=False
    )
    freeze(first_blocks(encoder.trunk, FROZEN))
    return encoder


def code_loss(encoder: Encoder, shared: Tensor, steps: Tensor, codes: Tensor, deviations: Tensor) -> dict[str, Tensor]:
    """Losses of predicted parts against whitened codes ``[N,L,K]``; directions that vary much count more."""
    importance = deviations / deviations.mean()
    predicted = shared[:, None] + F.pad(steps, (0, encoder.components - encoder.free))
    error = F.smooth_l1_loss(predicted, codes, reduction="none", beta=0.5)
    return {"codes": (error * (0.3 + importance)).mean(), "steps": 0.02 * steps.square().mean()}


def picture_loss(
    generator: Generator,
    perceptual: PerceptualNetwork,
    encoder: Encoder,
    space: latents.WSpace,
    shared: Tensor,
    steps: Tensor,
    codes: Tensor,
) -> Tensor:
    """LPIPS-like and pixel distance of what the predicted and the true codes look like, at 128 px."""
    unused = encoder.total - encoder.used
    predicted = shared[:, None] + F.pad(steps, (0, encoder.components - encoder.free, 0, unused))
    with torch.no_grad():
        truth = generator.synthesize(space.unwhiten(F.pad(codes, (0, 0, 0, unused))), PICTURE_SIZE)
        target = losses.normalized_taps(perceptual, truth)
    picture = generator.synthesize(space.unwhiten(predicted), PICTURE_SIZE)
    weight = losses.face_weight(PICTURE_SIZE)
    distance = losses.perceptual(losses.normalized_taps(perceptual, picture), target, weight)
    return distance + losses.pixels(picture, truth, weight)


def train(
    faces: Faces, epochs: float = 4, picture_steps: int = 500, batch: int = 32, seed: int = 0, log=print
) -> Encoder:
    """Train ``epochs`` on codes, then ``picture_steps`` on pictures too. Returns the weights' running mean."""
    torch.manual_seed(seed)
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    encoder = new_encoder().to(memory_format=torch.channels_last)
    count = len(faces.images) - HELD_OUT
    average = copy.deepcopy(encoder).eval()
    first = int(epochs * (count // batch))
    optimizer = torch.optim.AdamW(trunk_and_rest(encoder), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [5e-4, 1.5e-3], max(first, 1) + picture_steps, pct_start=0.1
    )
    generator, perceptual = compact_generator().requires_grad_(False), perceptual_network()
    start, order = time.time(), rng.permutation(count)
    for step in range(first + picture_steps):
        size = batch if step < first else 8
        rows = np.take(order, range(step * size, (step + 1) * size), mode="wrap")
        images = photo_like(faces.images[rows], encoder.size, random).contiguous(memory_format=torch.channels_last)
        encoder.train()
        for part in first_blocks(encoder.trunk, FROZEN) if step < first else [encoder.trunk]:
            part.eval()  # in the second stage all of the trunk: 8 faces are too few for new statistics
        shared, steps = encoder.parts(images, FROZEN)
        codes = faces.codes[rows]
        terms = code_loss(encoder, shared, steps, codes, faces.space.deviations)
        if step >= first:
            terms["pictures"] = 0.5 * picture_loss(generator, perceptual, encoder, faces.space, shared, steps, codes)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        schedule.step()
        update_running_mean(average, encoder, growing_decay(step, 0.995))
        if step % 20 == 0:
            values = ", ".join(f"{name} {value.item():.4f}" for name, value in terms.items())
            log(f"step {step}/{first + picture_steps}, {time.time() - start:.0f} s: {values}")
    return average


@torch.no_grad()
def report(encoder: Encoder, faces: Faces) -> str:
    """How close held-out faces come, as they are and spoilt as photos are."""
    random = torch.Generator().manual_seed(0)
    held, codes = faces.images[-HELD_OUT:], faces.codes[-HELD_OUT:]
    lines = []
    for name in ("as they are", "spoilt"):
        errors, spread = 0.0, 0.0
        for part, truth in zip(held.split(50), codes.split(50), strict=True):
            images = part.float() / 127.5 - 1 if name == "as they are" else photo_like(part, encoder.size, random)
            difference = (encoder(images)[:, : encoder.used] - truth) * faces.space.deviations
            errors += difference.square().sum().item()
            spread += ((truth - faces.codes.mean((0, 1))) * faces.space.deviations).square().sum().item()
        lines.append(f"held-out faces {name}: {1 - errors / spread:.3f} of W+'s variance explained")
    return "\n".join(lines)


def run(folder: Path, epochs: float = 4, picture_steps: int = 500, seed: int = 0) -> None:
    """Train, evaluate on the held-out faces and write ``pretrained/encoder.safetensors``."""
    faces = load_faces(folder, compact_generator())
    encoder = train(faces, epochs, picture_steps, seed=seed)
    save_trained(encoder.state_dict(), weights.PRETRAINED / ENCODER)
    print(report(encoder, faces))
