"""Train the compact pack's encoder: photo -> W+, on synthetic faces, whose codes are known.

First the codes alone, in whitened coordinates; then, through the generator's 128-px head, also what they look like.
Photo-like augmentation (blur, noise, JPEG, exposure, white balance, slight misalignment) carries it over to photos.

    python -m styleclip_core train-encoder FACES_DIR
"""

from __future__ import annotations

import copy
import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from styleclip_core import latents, losses, packs, weights
from styleclip_core.networks.encoder import Encoder
from styleclip_core.training.attributes import face_latents
from styleclip_core.training.face_clip import FROZEN, HELD_OUT, follow

STORED = 208  # px at which training faces are kept in memory
LOOKS = 128  # px at which pictures are compared in the second stage


@dataclass
class Faces:
    images: Tensor  # uint8 [N,3,208,208]
    codes: Tensor  # float32 [N,16,K], whitened
    space: latents.WSpace


def load_faces(folder: Path, generator) -> Faces:
    """Read ``img/``, ``faces.csv`` and ``w_avg.npy`` of a folder that `synthesize` wrote."""
    space = latents.w_space(generator)
    w_avg = torch.from_numpy(np.load(folder / "w_avg.npy")).reshape(512)
    with torch.no_grad():
        w_plus, _ = face_latents(folder / "faces.csv", generator, w_avg)
        codes = space.whiten(w_plus[:, :16])
    files = sorted((folder / "img").iterdir())
    images = torch.empty(len(files), 3, STORED, STORED, dtype=torch.uint8)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            images[i] = torch.from_numpy(np.array(image.convert("RGB").resize((STORED, STORED)))).permute(2, 0, 1)
    return Faces(images, codes, space)


def photo_like(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Stored faces ``uint8 [N,3,S,S]`` -> ``[N,3,size,size]`` in [-1,1], spoilt as photos are."""
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    qualities = uniform(30, 150).int().tolist()  # from 90 on the face stays as it is
    x = torch.stack([_jpeg(image, q) if q < 90 else image for image, q in zip(images, qualities, strict=True)])
    x = x.float() / 127.5 - 1
    angle, scale, shift = uniform(-0.03, 0.03), uniform(0.97, 1.03), uniform(-0.02, 0.02, 2)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    x = x * uniform(0.9, 1.1, 1, 1, 1) + uniform(-0.08, 0.08, 1, 1, 1) + uniform(-0.03, 0.03, 3, 1, 1)
    coarse = F.interpolate(F.avg_pool2d(x, 3), size=(size, size), mode="bilinear", align_corners=False)
    x = torch.lerp(x, coarse, (uniform(0, 1, 1, 1, 1) < 0.35).float() * uniform(0.3, 1, 1, 1, 1))
    strength = uniform(0, 0.08, 1, 1, 1) * (uniform(0, 1, 1, 1, 1) < 0.4)
    return (x + strength * torch.randn(x.shape, generator=generator)).clamp(-1, 1)


def _jpeg(image: Tensor, quality: int) -> Tensor:
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as decoded:
        return torch.from_numpy(np.array(decoded)).permute(2, 0, 1)


def new_encoder() -> Encoder:
    """An encoder whose trunk is FaceCLIP's, which knows faces already."""
    encoder = Encoder()
    state = load_file(weights.path("face_clip.safetensors"))
    encoder.trunk.load_state_dict(
        {k.removeprefix("trunk."): v.float() for k, v in state.items() if k.startswith("trunk.")}, strict=False
    )
    for part in _frozen(encoder):
        part.requires_grad_(False)
    return encoder


def _frozen(encoder: Encoder) -> list[torch.nn.Module]:
    return [encoder.trunk._conv_stem, encoder.trunk._bn0, *encoder.trunk._blocks[:FROZEN]]


def code_loss(encoder: Encoder, shared: Tensor, steps: Tensor, codes: Tensor, deviations: Tensor) -> dict[str, Tensor]:
    """Losses of predicted parts against whitened codes ``[N,16,K]``; directions that vary much count more."""
    importance = deviations / deviations.mean()
    predicted = shared[:, None] + F.pad(steps, (0, encoder.components - encoder.free))
    error = F.smooth_l1_loss(predicted, codes, reduction="none", beta=0.5)
    return {"codes": (error * (0.3 + importance)).mean(), "steps": 0.02 * steps.square().mean()}


def look_loss(generator, perceptual, encoder: Encoder, space, shared: Tensor, steps: Tensor, codes: Tensor) -> Tensor:
    """LPIPS-like and pixel distance of what the predicted and the true codes look like, at 128 px."""
    predicted = shared[:, None] + F.pad(steps, (0, encoder.components - encoder.free, 0, 2))
    with torch.no_grad():
        truth = generator.synthesize(space.unwhiten(F.pad(codes, (0, 0, 0, 2))), LOOKS)
        target = losses.normalized_taps(perceptual, truth)
    picture = generator.synthesize(space.unwhiten(predicted), LOOKS)
    weight = losses.face_weight(LOOKS)
    distance = losses.perceptual(losses.normalized_taps(perceptual, picture), target, weight)
    return distance + losses.pixels(picture, truth, weight)


def train(faces: Faces, epochs: float = 4, looks: int = 500, batch: int = 32, seed: int = 0, log=print) -> Encoder:
    """Train ``epochs`` on codes, then ``looks`` steps of 8 faces on pictures too. Returns the weights' running mean."""
    torch.manual_seed(seed)
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    encoder = new_encoder().to(memory_format=torch.channels_last)
    count = len(faces.images) - HELD_OUT
    average = copy.deepcopy(encoder).eval()
    first = int(epochs * (count // batch))
    trunk = [p for p in encoder.trunk.parameters() if p.requires_grad]
    rest = [p for name, p in encoder.named_parameters() if not name.startswith("trunk.")]
    optimizer = torch.optim.AdamW([{"params": trunk}, {"params": rest}], weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [5e-4, 1.5e-3], max(first, 1) + looks, pct_start=0.1)
    generator, perceptual = packs.compact_generator().requires_grad_(False), packs.perceptual_network()
    start, order = time.time(), rng.permutation(count)
    for step in range(first + looks):
        size = batch if step < first else 8
        rows = np.take(order, range(step * size, (step + 1) * size), mode="wrap")
        images = photo_like(faces.images[rows], encoder.size, random).contiguous(memory_format=torch.channels_last)
        encoder.train()
        for part in _frozen(encoder) if step < first else [encoder.trunk]:  # 8 faces are too few for new statistics
            part.eval()
        shared, steps = encoder.parts(images, FROZEN)
        codes = faces.codes[rows]
        terms = code_loss(encoder, shared, steps, codes, faces.space.deviations)
        if step >= first:
            terms["looks"] = 0.5 * look_loss(generator, perceptual, encoder, faces.space, shared, steps, codes)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        schedule.step()
        follow(average, encoder, min(0.995, step / (step + 20)))
        if step % 20 == 0:
            said = ", ".join(f"{name} {value.item():.4f}" for name, value in terms.items())
            log(f"step {step}/{first + looks}, {time.time() - start:.0f} s: {said}")
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
            difference = (encoder(images)[:, :16] - truth) * faces.space.deviations
            errors += difference.square().sum().item()
            spread += ((truth - faces.codes.mean((0, 1))) * faces.space.deviations).square().sum().item()
        lines.append(f"held-out faces {name}: {1 - errors / spread:.3f} of W+'s variance explained")
    return "\n".join(lines)


def run(folder: Path, epochs: float = 4, looks: int = 500, seed: int = 0) -> None:
    """Train, evaluate on the held-out faces and write ``pretrained/encoder.safetensors``."""
    faces = load_faces(folder, packs.compact_generator())
    encoder = train(faces, epochs, looks, seed=seed)
    path = weights.PRETRAINED / "encoder.safetensors"
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in encoder.state_dict().items()}
    save_file(half, path)
    path.chmod(0o644)
    weights.record_bundled(path)
    print(report(encoder, faces))
