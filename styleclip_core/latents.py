"""W and W+ helpers: the whitened W space that inversion and optimisation move in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class WSpace:
    """Principal directions of W, by falling deviation.

    Attributes:
        mean: ``[512]``.
        axes: ``[K,512]``, orthonormal rows.
        deviations: ``[K]``, standard deviation of W along each axis.
    """

    mean: Tensor
    axes: Tensor
    deviations: Tensor

    def whiten(self, w: Tensor) -> Tensor:
        """``[...,512]`` -> ``[...,K]``; a random face has unit variance in each coordinate."""
        return (w - self.mean) @ self.axes.T / self.deviations

    def unwhiten(self, z: Tensor) -> Tensor:
        """``[...,K]`` -> ``[...,512]``."""
        return self.mean + self.step(z)

    def step(self, z: Tensor) -> Tensor:
        """A move in whitened coordinates ``[...,K]`` -> the same move in W ``[...,512]``."""
        return (z * self.deviations) @ self.axes


def visible_layers(generator, resolution: int) -> Tensor:
    """1 for the layers of W+ that pictures of ``resolution`` px depend on, 0 for the others: ``[L,1]``.

    What is judged by small pictures must not move the layers that those do not show: they would drift unseen.
    """
    layers = torch.arange(generator.num_layers, device=generator.w_avg.device)
    return (layers < generator.visible_layers(resolution)).float()[:, None]


def effective_layers(generator) -> int:
    """How many of W+'s layers, from the first, full pictures depend on: a distilled generator may ignore the last."""
    return max(generator.style_layers) + 1


def ridge_slopes(inputs: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """Slopes ``[I,T]`` of the linear regression of ``targets [M,T]`` on ``inputs [M,I]``, both centred first.

    ``ridge`` is a share of the inputs' mean variance.
    """
    inputs, targets = inputs - inputs.mean(0), targets - targets.mean(0)
    covariance = inputs.T @ inputs / len(inputs)
    damping = ridge * covariance.diagonal().mean() * torch.eye(len(covariance), device=inputs.device)
    return torch.linalg.solve(covariance + damping, inputs.T @ targets / len(inputs))


@torch.no_grad()
def w_space(generator, components: int = 256, samples: int = 8192, seed: int = 1, batch: int = 10_000) -> WSpace:
    """Principal components of W from ``samples`` mapped latents, seeded, by falling variance.

    Only the covariance is kept from batch to batch. Unlike incremental PCA, which drops what does not fit its rank
    after each batch, this is exact. The largest entry of each axis is positive: ``eigh`` leaves the sign open.
    """
    rng, device = np.random.default_rng(seed), generator.w_avg.device
    total, outer = (torch.zeros(*shape, dtype=torch.float64, device=device) for shape in ((512,), (512, 512)))
    done = 0
    while done < samples:
        z = rng.standard_normal((min(batch, samples - done), 512)).astype(np.float32)
        w = generator.map(torch.from_numpy(z).to(device)).double() - generator.w_avg  # rounding here would turn axes
        total, outer, done = total + w.sum(0), outer + w.T @ w, done + len(w)
    mean = total / done
    values, vectors = torch.linalg.eigh((outer - done * torch.outer(mean, mean)) / (done - 1))
    axes = vectors.flip(1)[:, :components].T
    axes = axes * axes[torch.arange(components), axes.abs().argmax(1)].sign()[:, None]
    deviations = values.flip(0)[:components].clamp(min=0).sqrt()
    return WSpace((generator.w_avg + mean).float(), axes.float().contiguous(), deviations.float())


def random_w(generator, seed: int, truncation: float = 0.7) -> Tensor:
    """The face of a seed: w ``[1,512]``. z is numpy's ``default_rng(seed).standard_normal((1, 512))``."""
    z = np.random.default_rng(seed).standard_normal((1, 512)).astype(np.float32)
    return generator.map(torch.from_numpy(z).to(generator.w_avg.device), truncation)
