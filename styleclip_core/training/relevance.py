"""What every StyleSpace channel does to a text-image model's embedding, for global directions (StyleCLIP, section 6).

StyleCLIP moves each channel by five deviations both ways on 100 pictures: two million pictures. Here the same comes
from derivatives: as many backward passes a picture as the embeddings have principal components that matter.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from styleclip_core.roles import Pack


def embedding_axes(embeddings: Tensor, count: int) -> tuple[Tensor, float]:
    """The first principal directions ``[count,D]`` of embeddings ``[M,D]``, and the share of the variance they hold."""
    values, vectors = torch.linalg.eigh(torch.cov(embeddings.T.double()))
    return vectors.flip(1)[:, :count].T.float().contiguous(), float(values.flip(0)[:count].sum() / values.sum())


@torch.no_grad()
def style_deviations(generator, samples: int = 4096, seed: int = 3) -> Tensor:
    """Standard deviation of every style channel over random faces, ``[C]``."""
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((samples, 512)).astype(np.float32))
    w = generator.map(z.to(generator.w_avg.device))
    return torch.cat([style.std(0) for style in generator.styles(w)])


def jacobian(pack: Pack, w: Tensor, axes: Tensor, resolution: int) -> Tensor:
    """Derivative ``[N,C,K]`` of the embedding's coordinates along ``axes [K,D]`` by each style channel, at codes ``w``.

    Channels of layers beyond ``resolution`` have none.
    """
    styles = [style.detach().requires_grad_() for style in pack.generator.styles(w)]
    coordinates = (pack.clip.encode_image(pack.generator.synthesize(styles, resolution)) @ axes.T).sum(0)
    columns = []
    for k, coordinate in enumerate(coordinates):
        grads = torch.autograd.grad(coordinate, styles, retain_graph=k + 1 < len(coordinates), allow_unused=True)
        filled = [torch.zeros_like(s) if g is None else g for s, g in zip(styles, grads, strict=True)]
        columns.append(torch.cat(filled, 1))
    return torch.stack(columns, 2)


def measure(
    pack: Pack, faces: int = 64, count: int = 40, resolution: int = 128, batch: int = 4, seed: int = 2,
    truncation: float = 0.7, progress: bool = True,
) -> dict[str, Tensor]:  # fmt: skip
    """The relevance file of a pack.

    Returns:
        ``axes [K,D]``: directions of the embedding. ``changes [C,K]``: the change of the embedding by one deviation of
        each channel, of unit length in each picture and averaged over them, so its length in [0,1] tells how steady it
        is. ``slopes [C,K]``: the same without making lengths equal. ``deviations [C]``: of the channels over random
        faces. ``usual [D]``: mean of the gallery's embeddings.
    """
    axes, share = embedding_axes(pack.gallery.embeddings, count)
    deviations = style_deviations(pack.generator)
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((faces, 512)).astype(np.float32))
    codes = pack.generator.map(z.to(pack.device), truncation)
    changes, slopes = 0, 0
    for part in tqdm(codes.split(batch), desc="Relevance of channels", disable=not progress):
        moved = jacobian(pack, part, axes, resolution) * deviations[:, None]
        changes, slopes = changes + F.normalize(moved, dim=2).sum(0), slopes + moved.sum(0)
    print(f"{count} principal directions hold {share:.1%} of the embeddings' variance")
    return {
        "axes": axes, "changes": changes / faces, "slopes": slopes / faces, "deviations": deviations,
        "usual": pack.gallery.embeddings.mean(0),
    }  # fmt: skip
