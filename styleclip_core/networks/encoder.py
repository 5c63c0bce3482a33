"""Photo -> W+ in one pass: one code for all layers plus a small offset for each layer, in whitened coordinates."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.efficientnet_lite import EfficientNetLite0


class Encoder(nn.Module):
    """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> whitened codes ``[N,L,K]`` (see `latents.WSpace`).

    As in e4e (Tov et al. 2021) the code is one w for all layers plus an offset for each layer, which training keeps
    small so that edits work on the code.

    Args:
        layers: number of W+ layers that get an offset of their own.
        total: L.
        components: K.
        free: number of principal components, from the first, that the offsets use.
        hidden: units of the hidden layer.
    """

    size = 192

    def __init__(self, layers: int = 16, total: int = 18, components: int = 256, free: int = 64, hidden: int = 512):
        super().__init__()
        self.used, self.total, self.components, self.free = layers, total, components, free
        self.trunk = EfficientNetLite0()
        self.squeeze = nn.Conv2d(320, 64, 1)  # keeps positions apart: pooling alone loses pose and gaze
        self.body = nn.Linear(64 * 36 + 1280, hidden)
        self.shared = nn.Linear(hidden + 1280, components)
        self.steps = nn.Linear(hidden, layers * free)

    def parts(self, images: Tensor, frozen: int = 0) -> tuple[Tensor, Tensor]:
        """The shared code ``[N,K]`` and the layers' offsets ``[N,layers,free]``; ``frozen`` as in EfficientNetLite0."""
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        maps = self.trunk.maps(images, frozen)
        pooled = self.trunk.pool(maps)
        hidden = F.gelu(self.body(torch.cat([F.relu(self.squeeze(maps)).flatten(1), pooled], 1)))
        return self.shared(torch.cat([hidden, pooled], 1)), self.steps(hidden).unflatten(1, (self.used, self.free))

    def forward(self, images: Tensor) -> Tensor:
        shared, steps = self.parts(images)
        padding = (0, self.components - self.free, 0, self.total - self.used)  # further layers have no effect
        return shared[:, None] + F.pad(steps, padding)
