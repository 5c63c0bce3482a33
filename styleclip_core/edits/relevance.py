"""What every StyleSpace channel does to a text-image model's embedding, for global directions (StyleCLIP, section 6).

StyleCLIP moves each channel by five deviations both ways on 100 pictures: two million pictures. Here the same comes
from derivatives: as many backward passes a picture as the embeddings have principal components that matter.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from styleclip_core.devices import has_gpu
from styleclip_core.packs.base import Generator, Pack

FACES_GPU, FACES_CPU = 28, 6  # that are averaged over where the relevance is measured at its first use
AXES_GPU, AXES_CPU = 40, 16


def embedding_axes(embeddings: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Principal directions ``[count,D]`` of embeddings ``[M,D]``, and the deviations along them ``[count]``."""
    values, vectors = torch.linalg.eigh(torch.cov(embeddings.T.double()))
    return vectors.flip(1)[:, :count].T.float().contiguous(), values.flip(0)[:count].sqrt().float()


@torch.no_grad()
def style_deviations(generator: Generator, samples: int = 4096, seed: int = 3) -> Tensor:
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
    pack: Pack,
    faces: int = 28,
    count: int = 40,
    resolution: int = 128,
    batch: int = 2,
    seed: int = 2,
    truncation: float = 0.7,
    report=print,
) -> dict[str, Tensor]:
    """The content of a pack's file.

    Returns:
        ``axes [K,D]`` and ``scales [K]``: principal directions of the reference faces' embeddings and the deviations
        along them. ``changes [C,K]``: by how many of these deviations the embedding changes with one deviation of each
        style channel, averaged over random faces. ``deviations [C]``: of the channels over random faces.
        ``usual [D]``: mean of the reference faces' embeddings.
    """
    embeddings = pack.reference_faces.embeddings
    axes, scales = embedding_axes(embeddings, min(count, len(embeddings) - 1))
    share = float(scales.square().sum() / torch.cov(embeddings.T).trace())
    report(f"{len(axes)} principal directions hold {share:.1%} of the embeddings' variance")
    deviations = style_deviations(pack.generator)
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((faces, 512)).astype(np.float32))
    codes, changes = pack.generator.map(z.to(pack.device), truncation), 0
    for part in tqdm(codes.split(batch), desc="What each channel does, measured once", leave=False):
        changes = changes + jacobian(pack, part, axes, resolution).sum(0)
    changes = changes / faces * deviations[:, None] / scales
    parts = zip(changes.split(list(pack.generator.style_sizes)), pack.generator.rgb_styles, strict=True)
    changes = torch.cat([part * (not is_rgb) for part, is_rgb in parts])  # as in StyleCLIP, colours are left alone
    return {"axes": axes, "scales": scales, "changes": changes, "deviations": deviations, "usual": embeddings.mean(0)}


def measure_once(pack: Pack) -> dict[str, Tensor]:
    """As `measure`, with as many faces as a user waits for: minutes, on a GPU and on a CPU. A bar is on stderr."""
    gpu = has_gpu(pack.device)
    with torch.enable_grad(), torch.inference_mode(False):
        return measure(pack, FACES_GPU if gpu else FACES_CPU, AXES_GPU if gpu else AXES_CPU, report=lambda _: None)
