"""IR-SE50: a 50-layer residual network with squeeze-excitation, the body of ArcFace and of the e4e encoder.

Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", 2019. Attribute names follow the
published weights, so that they load strictly.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))  # channels, units; the first unit of each halves the size


class SqueezeExcitation(nn.Module):
    """Scale each channel by a factor computed from the channels' means."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Unit(nn.Module):
    """A residual unit with squeeze-excitation: ``[N,inputs,H,W]`` -> ``[N,outputs,H/stride,W/stride]``."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.stride = stride
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            SqueezeExcitation(outputs),
        )
        if inputs != outputs:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        stride = self.stride
        shortcut = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else x[:, :, ::stride, ::stride]
        return shortcut + self.res_layer(x)


class IRSE50(nn.Module):
    """The body: images ``[N,3,H,W]`` in [-1,1] -> feature maps ``[N,512,H/16,W/16]``."""

    def __init__(self):
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        units, inputs = [], 64
        for outputs, count in STAGES:
            for i in range(count):
                units.append(Unit(inputs, outputs, 2 if i == 0 else 1))
                inputs = outputs
        self.body = nn.Sequential(*units)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The outputs of the four stages: 64, 128, 256 and 512 channels at 1/2, 1/4, 1/8 and 1/16 of the size."""
        x, start, out = self.input_layer(images), 0, []
        for _, count in STAGES:
            x = self.body[start : start + count](x)
            start += count
            out.append(x)
        return out


class ArcFace(IRSE50):
    """The identity network: unit vectors ``[N,512]`` whose cosine is high for two pictures of one person."""

    size = 112

    def __init__(self):
        super().__init__()
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(0.6), nn.Flatten(), nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512)
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Face crops ``[N,3,112,112]`` in [-1,1] -> unit vectors ``[N,512]``; differentiable."""
        return F.normalize(self.output_layer(self.stages(crops)[-1]))

    def encode_identity(self, images: Tensor) -> Tensor:
        """Pictures ``[N,3,H,W]`` in [-1,1], aligned as FFHQ, any size -> unit vectors ``[N,512]``; differentiable.

        The face is cut out as StyleCLIP's identity loss does, from the picture at 256 px.
        """
        if min(images.shape[-2:]) >= 256:
            images = F.adaptive_avg_pool2d(images, 256)
        else:
            images = F.interpolate(images, (256, 256), mode="bilinear")
        return self(F.adaptive_avg_pool2d(images[:, :, 35:223, 32:220], self.size))
