"""Train FaceCLIP: a text-image model of faces, from synthetic faces and captions composed from measured attributes.

Every face of a batch is paired with every caption of the batch, and since attributes are measured it is known which
captions are true of which faces: the loss is a balanced sigmoid loss over all pairs (as SigLIP's, but with several
true captions a face). What it learns from is in `face_clip_data`; the second stage is in `refit`.

    python -m styleclip_core train-face-clip FACES_DIR --measurements measurements.npz --scorers celeba_w.npz
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core import weights
from styleclip_core.checkpoints.text import load_minilm, load_tokenizer
from styleclip_core.evaluation.reports import markdown_table
from styleclip_core.evaluation.zero_shot import zero_shot
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.training import captions
from styleclip_core.training.augment import augment
from styleclip_core.training.common import (
    HELD_OUT,
    first_blocks,
    freeze,
    growing_decay,
    save_trained,
    update_running_mean,
)
from styleclip_core.training.face_clip_data import Data, embed_captions, flip, load_data, pair_loss
from styleclip_core.training.refit import refit_heads

REFERENCE_FACES = 5000  # training faces whose codes and embeddings are shipped
FROZEN = 4  # first blocks of the image tower that keep their ImageNet weights: costly at full size, and generic
FILE = "face_clip.safetensors"


class Heads(nn.Module):
    """Training aids that are not kept: from the trunk's features every attribute's score, and what stays of w."""

    def __init__(self):
        super().__init__()
        self.attributes = nn.Linear(1280, len(captions.ATTRIBUTES))
        self.identity = nn.Linear(1280, 128)


def _step(model: FaceCLIP, aids: Heads, data: Data, rows: np.ndarray, pool, rng, generator) -> dict[str, Tensor]:
    flipped = rng.random(len(rows)) < 0.5
    images = augment(data.images[rows].float() / 127.5 - 1, torch.from_numpy(flipped), model.size, generator)
    images = images.contiguous(memory_format=torch.channels_last)
    features = model.trunk(images, FROZEN)
    picked = rng.choice(len(pool[0]), 320, replace=False)
    chosen = [pool[0][i] for i in picked]
    sentences = pool[1][picked]
    sentences = F.normalize(sentences + 0.015 * torch.randn(sentences.shape, generator=generator), dim=1)
    images_e, texts_e = F.normalize(model.image_head(features), dim=1), model.encode_sentences(sentences)
    state = flip(data.state[rows], flipped)
    claims = captions.claim_matrix(chosen)
    truth = torch.from_numpy(captions.truth(state, claims))
    weight = torch.from_numpy(data.balance[rows] @ np.abs(claims) / np.abs(claims).sum(0))
    scores = torch.from_numpy(flip(data.scores[rows], flipped)).clamp(-2.5, 2.5)
    known = scores.isfinite()
    guess = F.smooth_l1_loss(aids.attributes(features), scores.nan_to_num(), reduction="none")
    identity = torch.from_numpy(data.identity[rows])
    usable = identity.isfinite() & ~torch.from_numpy(flipped)[:, None]
    error = F.smooth_l1_loss(aids.identity(features), identity.nan_to_num(), reduction="none")
    return {
        "pairs": pair_loss(images_e @ texts_e.T * model.scale + model.bias, truth, weight),
        "scores": (guess * known * torch.from_numpy(data.balance[rows])).sum() / known.sum(),
        "identity": (error * usable).sum() / usable.sum().clamp(min=1),
    }


def new_model() -> FaceCLIP:
    """FaceCLIP before training: ImageNet weights in the image tower, MiniLM in the text tower."""
    model = FaceCLIP()
    model.trunk.load_published(torch.load(weights.path("efficientnet_lite0.pth"), weights_only=True))
    model.sentence_encoder = load_minilm(weights.path("minilm/model.safetensors"))
    model.tokenize = load_tokenizer(weights.path("minilm/tokenizer.json"))
    return model


def train(data: Data, epochs: float = 4, batch: int = 48, seed: int = 0, log=print) -> FaceCLIP:
    """Train for ``epochs`` over all but the held-out faces; the mean of the last weights (EMA) is returned."""
    torch.manual_seed(seed)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    model, aids = new_model(), Heads()
    model.to(memory_format=torch.channels_last).train()
    pool = captions.compose(rng, 20000)
    pool = (pool, embed_captions(model, pool))
    freeze(first_blocks(model.trunk, FROZEN))
    trunk = [p for p in model.trunk.parameters() if p.requires_grad]
    heads = [*model.image_head.parameters(), *model.text_head.parameters(), model.scale, model.bias]
    heads += aids.parameters()
    groups = [{"params": trunk, "lr": 8e-4}, {"params": heads, "lr": 2e-3}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02)
    count = len(data.images) - HELD_OUT
    steps = int(epochs * (count // batch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [8e-4, 2e-3], steps, pct_start=0.1)
    average = copy.deepcopy(model).eval()
    start, order = time.time(), np.arange(0)
    for step in range(steps):
        if step % (count // batch) == 0:
            order = rng.permutation(count)
        rows = order[(step % (count // batch)) * batch :][:batch]
        losses = _step(model, aids, data, np.sort(rows), pool, rng, generator)
        optimizer.zero_grad()
        (losses["pairs"] + losses["scores"] + 0.5 * losses["identity"]).backward()
        optimizer.step()
        schedule.step()
        update_running_mean(average, model, growing_decay(step, 0.995))
        if step % 20 == 0:
            terms = ", ".join(f"{name} {value.item():.3f}" for name, value in losses.items())
            log(f"step {step}/{steps}, {time.time() - start:.0f} s: {terms}, scale {model.scale.item():.1f}")
    return average


@torch.no_grad()
def embed(model: FaceCLIP, images: Tensor, batch: int = 64) -> Tensor:
    """Stored faces ``uint8 [N,3,H,W]`` -> embeddings ``[N,D]``."""
    return torch.cat([model.encode_image(part.float() / 127.5 - 1) for part in images.split(batch)])


def save(model: FaceCLIP, data: Data, path: Path) -> None:
    """Write everything but the frozen sentence encoder, and the reference faces, in half precision."""
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("sentence_encoder.")}
    chosen = np.flatnonzero(np.isfinite(data.identity[:-HELD_OUT, 0]))[:REFERENCE_FACES]  # not mixed: one w each
    state |= {"gallery": embed(model, data.images[chosen]), "gallery_w": data.w[chosen]}
    save_trained(state, path)


def run(folder: Path, measurements: Path, scorers: Path, epochs: float = 4, seed: int = 0) -> None:
    """Train both stages, evaluate on the held-out faces, and write ``pretrained/face_clip.safetensors``."""
    data = load_data(folder, measurements, scorers)
    model = refit_heads(train(data, epochs, seed=seed), data, seed=seed)
    save(model, data, weights.PRETRAINED / FILE)
    print(report(model, data))


def report(model: FaceCLIP, data: Data) -> str:
    """Zero-shot figures on the held-out faces, as a table."""
    from scipy.stats import spearmanr

    embeddings = embed(model, data.images[-HELD_OUT:])
    scores = {name: data.scores[-HELD_OUT:, a] for a, name in enumerate(captions.ATTRIBUTES)}
    result = zero_shot(model, embeddings, scores)
    rows = [
        [name, *(f"{pair:.3f}" for pair in figures[:, 0]), f"{figures[:, 1].mean():.3f}", str(n)]
        for name, (figures, n) in result.items()
    ]
    smile, known = (embeddings @ model.encode_text(["a smile"]).T)[:, 0].numpy(), np.isfinite(scores["smiling"])
    rho, _ = spearmanr(smile[known], scores["smiling"][known])
    means = np.mean([figures for figures, _ in result.values()], axis=0)
    mean = f"mean of {len(result)} ({means[:, 0].mean():.3f} in all)"
    rows.append([mean, *(f"{pair:.3f}" for pair in means[:, 0]), f"{means[:, 1].mean():.3f}", ""])
    table = markdown_table(["attribute", "plain", "conversational", "unusual", "text alone", "faces"], rows)
    return f"{table}\nRank correlation of 'a smile' with the smile blendshape: {rho:.3f}"
