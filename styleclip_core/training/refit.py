"""Second stage of FaceCLIP's training: both heads anew, on features of the finished image tower.

The tower takes most of the time and is the same for every text; the heads take minutes, so that a phrase book can
grow without training the tower again.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.face_clip import FaceCLIP, TextHead
from styleclip_core.training import captions
from styleclip_core.training.common import HELD_OUT
from styleclip_core.training.face_clip_data import Data, embed_captions, pair_loss


@torch.no_grad()
def image_features(model: FaceCLIP, images: Tensor, batch: int = 64) -> Tensor:
    """Stored faces ``uint8 [N,3,H,W]`` -> the tower's features ``[N,1280]``."""
    return torch.cat([model.features(part.float() / 127.5 - 1) for part in images.split(batch)])


def refit_heads(
    model: FaceCLIP, data: Data, steps: int = 3500, pool: int = 20000, noise: float = 0.02, seed: int = 0, log=print
) -> FaceCLIP:
    """Replace ``image_head`` and ``text_head`` by ones trained on all but the held-out faces. Returns the model.

    Args:
        pool: captions drawn from the phrase book.
        noise: added to sentence embeddings, so that other wordings of a caption mean the same.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    chosen = captions.compose(rng, pool)
    sentences, claims = embed_captions(model, chosen), captions.claim_matrix(chosen)
    features = image_features(model, data.images[:-HELD_OUT])
    mean, deviation = features.mean(0), features.std(0) + 1e-4
    features = (features - mean) / deviation
    image_head, text_head = nn.Linear(features.shape[1], model.width), TextHead(model.width, dropout=0.3)
    scale, bias = nn.Parameter(torch.tensor(12.0)), nn.Parameter(torch.tensor(-2.0))
    parameters = [*image_head.parameters(), *text_head.parameters(), scale, bias]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    for step in range(steps):
        rows = rng.choice(len(features), 384, replace=False)
        texts = rng.choice(pool, 320, replace=False)
        claimed = claims[:, texts]
        truth = torch.from_numpy(captions.truth(data.state[rows], claimed))
        weight = torch.from_numpy(data.balance[rows] @ np.abs(claimed) / np.abs(claimed).sum(0))
        noisy = F.normalize(sentences[texts] + noise * torch.randn(len(texts), sentences.shape[1]), dim=1)
        cosine = F.normalize(image_head(features[rows]), dim=1) @ F.normalize(text_head(noisy), dim=1).T
        loss = pair_loss(cosine * scale + bias, truth, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            log(f"heads, step {step}/{steps}: {loss.item():.3f}")
    with torch.no_grad():  # fold the standardisation of the features into the image head
        weight = image_head.weight / deviation
        model.image_head.bias.copy_(image_head.bias - weight @ mean)
        model.image_head.weight.copy_(weight)
        model.text_head.load_state_dict(text_head.state_dict())
        model.scale.copy_(scale)
        model.bias.copy_(bias)
    return model.eval()
