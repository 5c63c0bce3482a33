"""A small face parser after BiSeNet: EfficientNet-Lite0's first blocks and a light decoder on four scales."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.networks.efficientnet_lite import TAP_BLOCKS, EfficientNetLite0


class _Mix(nn.Sequential):
    """Depthwise and pointwise convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3):
        super().__init__(
            nn.Conv2d(inputs, inputs, kernel, padding=kernel // 2, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class FaceParser(nn.Module):
    """The compact pack's parser, with the interface and the class indices of `bisenet.BiSeNetParser`."""

    size, classes = 192, CLASSES

    def __init__(self):
        super().__init__()
        self.trunk = EfficientNetLite0()
        self.trunk._blocks = self.trunk._blocks[: TAP_BLOCKS[-1] + 1]  # later blocks are too coarse for outlines
        del self.trunk._conv_head, self.trunk._bn1
        # Pixel coordinates are added to the coarsest features, since an aligned face's parts have usual positions.
        self.context = nn.Sequential(_Mix(112 + 2, 96, 5), _Mix(96, 96, 5))
        self.gate = nn.Conv2d(96, 96, 1)
        self.lateral = nn.ModuleList(nn.Conv2d(n, width, 1) for n, width in ((40, 96), (24, 64), (16, 32)))
        self.up = nn.ModuleList([_Mix(96, 64, 5), _Mix(64, 32, 5), _Mix(32, 32, 5)])
        self.head = nn.Conv2d(32, len(CLASSES), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """The bare network: pictures ``[N,3,H,W]`` in [-1,1] (192 px are best) -> logits ``[N,19,H/2,W/2]``."""
        *finer, x = self.trunk.taps(pictures)
        x = self.context(torch.cat([x, _coordinates(x)], 1))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        for skip, lateral, mix in zip(finer[::-1], self.lateral, self.up, strict=True):
            x = mix(F.interpolate(x, skip.shape[-2:], mode="bilinear") + lateral(skip))
        return self.head(x)

    def logits(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> logits ``[N,19,H,W]`` of `bisenet.CLASSES`."""
        return _resize(self(_resize(images, (self.size, self.size))), images.shape[-2:])

    def parse(self, images: Tensor) -> Tensor:
        """Aligned faces ``[N,3,H,W]`` in [-1,1], any size -> probabilities ``[N,19,H,W]``; they sum to 1.

        Pictures of 256 px give masks as good as larger ones do; resizing 19 maps to 1024 px takes longer than parsing.
        """
        return _resize(self(_resize(images, (self.size, self.size))).softmax(1), images.shape[-2:])


def _resize(x: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    height, width = size
    if x.shape[-2:] == (height, width):
        return x
    antialias = height < x.shape[-2] or width < x.shape[-1]
    return F.interpolate(x, (height, width), mode="bilinear", antialias=antialias)


def _coordinates(x: Tensor) -> Tensor:
    """``[N,2,h,w]``: how far right and how far down, from -1 to 1."""
    down, right = (torch.linspace(-1, 1, n, device=x.device, dtype=x.dtype) for n in x.shape[-2:])
    return torch.stack(torch.meshgrid(right, down, indexing="xy")).expand(len(x), -1, -1, -1)
