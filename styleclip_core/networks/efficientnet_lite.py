"""EfficientNet-Lite0 (Tan & Le 2019; the Lite variant has ReLU6 and no squeeze-excitation).

Attribute names follow the published PyTorch weights, so that they load strictly.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

STAGES = (  # repeats, kernel, stride, expansion, outputs
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
TAP_BLOCKS = (0, 2, 4, 10)  # the last blocks at 1/2, 1/4, 1/8 and 1/16 of the input's size


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, which is uneven at stride 2."""

    def forward(self, input: Tensor) -> Tensor:  # torch's name for it
        pads = []
        for size in (input.shape[3], input.shape[2]):
            total = max((-(-size // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(input, pads) if any(pads) else input)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        middle = inputs * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = nn.Conv2d(inputs, middle, 1, bias=False), _norm(middle)
        self._depthwise_conv = SameConv2d(middle, middle, kernel, stride, groups=middle, bias=False)
        self._bn1 = _norm(middle)
        self._project_conv, self._bn2 = nn.Conv2d(middle, outputs, 1, bias=False), _norm(outputs)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.skip else y


class EfficientNetLite0(nn.Module):
    """Images ``[N,3,H,W]`` in [-1,1] -> features. ``classes=0`` leaves out the ImageNet classifier."""

    def __init__(self, classes: int = 0):
        super().__init__()
        self._conv_stem, self._bn0 = SameConv2d(3, 32, 3, 2, bias=False), _norm(32)
        blocks, inputs = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for i in range(repeats):
                blocks.append(_Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = nn.Conv2d(inputs, 1280, 1, bias=False), _norm(1280)
        if classes:
            self._fc = nn.Linear(1280, classes)

    def taps(self, images: Tensor) -> list[Tensor]:
        """Feature maps at 1/2, 1/4, 1/8 and 1/16 of the input's size, for perceptual losses."""
        x, out = F.relu6(self._bn0(self._conv_stem(images))), []
        for i, block in enumerate(self._blocks[: TAP_BLOCKS[-1] + 1]):
            x = block(x)
            if i in TAP_BLOCKS:
                out.append(x)
        return out

    def maps(self, images: Tensor, frozen: int = 0) -> Tensor:
        """Feature maps ``[N,320,H/32,W/32]``; no gradient goes through the stem and the first ``frozen`` blocks."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
            x = F.relu6(self._bn0(self._conv_stem(images)))
            for block in self._blocks[:frozen]:
                x = block(x)
        for block in self._blocks[frozen:]:
            x = block(x)
        return x

    def pool(self, maps: Tensor) -> Tensor:
        """Feature maps -> pooled features ``[N,1280]``."""
        return F.relu6(self._bn1(self._conv_head(maps))).mean((2, 3))

    def forward(self, images: Tensor, frozen: int = 0) -> Tensor:
        """Pooled features ``[N,1280]``."""
        return self.pool(self.maps(images, frozen))

    def fold(self) -> EfficientNetLite0:
        """Fold batch norms into the convolutions before them and use channels-last memory. Returns self.

        On CPUs that saves a third of the time. For networks that are not trained any more.
        """
        for module in list(self.modules()):
            for (conv, before), (norm, after) in pairwise(list(module.named_children())):
                if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                    setattr(module, conv, fuse_conv_bn_eval(before, after).requires_grad_(False))
                    setattr(module, norm, nn.Identity())
        return self.to(memory_format=torch.channels_last)

    def load_published(self, state: dict[str, Tensor]) -> None:
        """Load the published state dict; its classifier is dropped if this instance has none."""
        self.load_state_dict({k: v for k, v in state.items() if hasattr(self, "_fc") or not k.startswith("_fc.")})
