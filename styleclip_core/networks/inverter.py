"""Learned steps of inversion: how a code and a feature residual have to move so that the picture becomes the photo.

As in learned optimisers (Adler and Öktem, "Learned Primal-Dual Reconstruction", 2018) the network sees the gradient of
the reconstruction's loss beside the photo and the picture. A few of its steps do what dozens of an optimiser's do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES = (8, 8, 8, 16)  # for each step, the side of the pictures that it compares, in sides of the features


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input ``[N,C,H,W]``, scaled per channel (from a tenth on)."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = nn.Parameter(torch.full([1, channels, 1, 1], 0.1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.conv2(F.gelu(self.conv1(self.norm(x))))


class Inverter(nn.Module):
    """One step of inversion, in whitened coordinates of W+ and in standard deviations of the features.

    Args:
        features: channels C of the generator's features that the residual is added to.
        size: R, their side in px.
        layers: L, layers of W+ that are moved.
        components: K, principal components of W in which they are moved.
        free: number of components, from the first, in which each layer gets a learned move of its own.
        width: channels of the body. depth: blocks of the body.

    Attributes:
        steps: how many steps there are; each has a bias of its own.
        picture_sizes: for each step, px at which photo and picture are compared.
    """

    def __init__(
        self,
        features: int = 512,
        size: int = 16,
        layers: int = 16,
        components: int = 256,
        free: int = 64,
        width: int = 192,
        depth: int = 5,
    ):
        super().__init__()
        self.size, self.layers, self.components, self.free = size, layers, components, free
        self.picture_sizes, self.steps = tuple(scale * size for scale in SCALES), len(SCALES)
        self.look = nn.Sequential(nn.Conv2d(9, 64, 4, 4), nn.GELU(), nn.Conv2d(64, width, 4, 2, 1))
        self.read_gradient = nn.Conv2d(features, width, 1)
        self.read_residual = nn.Conv2d(features, width, 1)
        self.read_features = nn.Conv2d(features, width, 1)
        self.step_bias = nn.Embedding(self.steps, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.move = nn.Conv2d(width, features, 1)
        self.descend = nn.Conv2d(features, features, 1, bias=False)
        self.hidden = nn.Linear(layers * components + 2 * width, 512)
        self.shared = nn.Linear(512, components)
        self.single = nn.Linear(512, layers * free)
        self.rates = nn.Parameter(torch.zeros(self.steps, layers, components))
        self.mean_rates = nn.Parameter(torch.zeros(self.steps, 1, components))
        self._begin_as_descent()

    @classmethod
    def of(cls, state: dict[str, Tensor], size: int = 16) -> Inverter:
        """The network of a stored state, in eval mode and frozen; its other sizes are those of the tensors."""
        layers, components = state["rates"].shape[1:]
        width, features = state["read_residual.weight"].shape[:2]
        depth = len({name.split(".")[1] for name in state if name.startswith("body.")})
        network = cls(features, size, layers, components, len(state["single.bias"]) // layers, width, depth)
        network.load_state_dict(state)  # files are in half precision
        return network.eval().requires_grad_(False)

    @torch.no_grad()
    def _begin_as_descent(self) -> None:
        """Before training a step goes down the gradient, and the rest is silent."""
        for layer in (self.move, self.shared, self.single, self.step_bias):
            for parameter in layer.parameters():
                parameter.mul_(0.1)
        eye = torch.eye(len(self.descend.weight))[:, :, None, None]
        self.descend.weight.copy_(-0.1 * eye)
        self.rates.fill_(-0.05)
        self.mean_rates.fill_(-0.5)

    def forward(
        self,
        step: int,
        photo: Tensor,
        picture: Tensor,
        features: Tensor,
        residual: Tensor,
        residual_gradient: Tensor,
        code_gradient: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The moves of one step.

        Args:
            step: its number, from 0.
            photo, picture: ``[N,3,S,S]`` in [-1,1], what is wanted and what the generator draws now.
            features: ``[N,C,R,R]``, the generator's for the code alone, in their standard deviations.
            residual: ``[N,C,R,R]``, what is added to them now, likewise.
            residual_gradient: of the loss by ``residual``. code_gradient: by the whitened code, ``[N,L,K]``.
        Returns:
            moves of the whitened code ``[N,L,K]`` and of the residual ``[N,C,R,R]``.
        """
        seen = torch.cat([photo, picture, photo - picture], 1)
        if seen.shape[-1] != 8 * self.size:
            seen = F.interpolate(seen, (8 * self.size, 8 * self.size), mode="area")
        slope, code_slope = _unit(residual_gradient), _unit(code_gradient)
        x = self.look(seen) + self.step_bias.weight[step][:, None, None]
        x = x + self.read_gradient(slope) + self.read_residual(residual) + self.read_features(features)
        x = self.body(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        hidden = F.gelu(self.hidden(torch.cat([code_slope.flatten(1), pooled], 1)))
        single = F.pad(self.single(hidden).unflatten(1, (self.layers, self.free)), (0, self.components - self.free))
        down = self.rates[step] * code_slope + self.mean_rates[step] * code_slope.mean(1, keepdim=True)
        return down + single + self.shared(hidden)[:, None], self.move(F.gelu(x)) + self.descend(slope)


def _unit(gradient: Tensor) -> Tensor:
    """A gradient ``[N,...]`` with a mean square of 1."""
    power = gradient.square().mean(tuple(range(1, gradient.ndim)), keepdim=True)
    return gradient * torch.rsqrt(power + 1e-24)
