"""How an edit carries a photo's feature residual along: a gate and a correction, from what the edit changes.

As the editors of StyleRes (Pehlivan et al. 2023) and StyleFeatureEditor (Bobkov et al. 2024), small, and begun as the
hand-made rule that it improves on: the residual fades where the edit changes the features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FADE_SCALE = 0.7  # relative change of the features at which the residual has faded to 1/e
UNTOUCHED = 0.05  # relative change well below which the residual stays as it is


def relative_change(features: Tensor, edited: Tensor) -> Tensor:
    """How much features ``[N,C,R,R]`` change at each place, relative to their size: ``[N,1,R,R]``, squared."""
    return (edited - features).square().mean(1, keepdim=True) / features.square().mean(1, keepdim=True)


def faded(residual: Tensor, features: Tensor, edited: Tensor) -> Tensor:
    """The hand-made rule: a residual ``[N,C,R,R]`` that fades out where an edit changes the features."""
    return residual * _fading(relative_change(features, edited))


def _fading(change: Tensor) -> Tensor:
    """The share of a residual that the rule leaves, by `relative_change`."""
    return torch.exp(-change / FADE_SCALE**2)


class ResidualCarrier(nn.Module):
    """A photo's residual -> that of its edited face. Without an edit it is the same, bit for bit.

    Args:
        channels: C of the features. width: channels of the body. depth: its blocks.
    """

    def __init__(self, channels: int = 512, width: int = 128, depth: int = 3):
        super().__init__()
        self.read_residual = nn.Conv2d(channels, width, 1)
        self.read_change = nn.Conv2d(channels, width, 1)
        self.read_features = nn.Conv2d(channels, width, 1)
        self.read_fade = nn.Conv2d(2, width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU(), nn.Conv2d(width, width, 1))
            for _ in range(depth)
        )
        self.gate = nn.Conv2d(width, channels, 1)
        self.correction = nn.Conv2d(width, channels, 1)
        for layer in (self.gate, self.correction):  # before training it is the hand-made rule
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    @classmethod
    def of(cls, state: dict[str, Tensor]) -> ResidualCarrier:
        """The network of a stored state, in eval mode and frozen; its sizes are those of the tensors."""
        width, channels = state["read_residual.weight"].shape[:2]
        network = cls(channels, width, len({name.split(".")[1] for name in state if name.startswith("blocks.")}))
        network.load_state_dict(state)  # files are in half precision
        return network.eval().requires_grad_(False)

    def forward(self, residual: Tensor, features: Tensor, edited: Tensor) -> Tensor:
        """The residual ``[N,C,R,R]`` of the edited face.

        Args:
            residual, features: the photo's, ``[N or 1,C,R,R]``. edited: the features of the edited code, without one.
        """
        scale = features.std((2, 3), keepdim=True)
        change = relative_change(features, edited)
        fade = _fading(change)
        x = self.read_residual(residual / scale) + self.read_features(features / scale)
        x = x + self.read_change((edited - features) / scale) + self.read_fade(torch.cat([fade, change.sqrt()], 1))
        for block in self.blocks:
            x = x + block(x)
        x = F.gelu(x)
        gate = torch.sigmoid(torch.logit(fade.clamp(0.01, 0.99)) + self.gate(x))
        touched = torch.tanh(change / UNTOUCHED**2)
        return residual * (1 - touched * (1 - gate)) + touched * scale * self.correction(x)
