"""StyleGAN2 (Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020), configuration F.

Styles multiply activations instead of weights, so that a batch shares one dense convolution: scaling the inputs of
a convolution by ``s``, and its outputs by ``d = rsqrt(sum(W^2 s^2))``, is what modulating and demodulating W does.
The scales of equalised learning rates and the gain of the activations are folded into the weights.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.adapted import FeatureResidual, RegionResidual, StyleResidual
from styleclip_core.networks.blend import Blend
from styleclip_core.networks.cpu_convs import Winograd, upsampling_conv
from styleclip_core.networks.mobile_stylegan import Mapping

ACTIVATION_GAIN = 2**0.5  # of every leaky ReLU, so that it keeps the variance
HALF_PRECISION_CLAMP = 256.0  # limit of features in half precision, as in training with it


def default_channels(resolution: int) -> tuple[int, ...]:
    """Channels at 4, 8, ... ``resolution`` px in configuration F: 512 up to 64 px, then half as many at each size."""
    return tuple(min(512, 2**15 >> level) for level in range(2, resolution.bit_length()))


def upsample(image: Tensor) -> Tensor:
    """``[N,C,H,W]`` -> ``[N,C,2H,2W]`` by the filter [1,3,3,1], with zeros outside.

    Between pixels that filter is bilinear interpolation; it is at the border that the zeros make a difference.
    """
    image = F.interpolate(F.pad(image, (1, 1, 1, 1)), scale_factor=2.0, mode="bilinear", align_corners=False)
    return image[..., 2:-2, 2:-2]


class ModulatedConv(nn.Module):
    """Modulated and demodulated 3x3 convolution, after doubling the size if ``up``; fixed noise, bias, leaky ReLU.

    It computes in the precision of its weights. In half precision styles are scaled to at most 1, which demodulation
    undoes, and the result is clamped.
    """

    noise: Tensor
    blur: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, up: bool):
        super().__init__()
        self.up = up
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3).to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))
        self.register_buffer("noise", torch.zeros(1, 1, resolution, resolution))
        if up:
            taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
            self.register_buffer("blur", torch.outer(taps, taps), persistent=False)
        self._winograd: tuple[tuple[int, int], Winograd] | None = None  # for the weight of that address and version

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        dtype = self.weight.dtype
        if dtype != torch.float32:
            style = style / style.abs().amax(1, keepdim=True).clamp(min=1e-8)
        energy = self.weight.float().square().sum((2, 3))
        demodulation = ACTIVATION_GAIN * torch.rsqrt(style.square() @ energy.T + 1e-8)
        x = self._convolve(x.to(dtype) * style.to(dtype)[:, :, None, None])
        x = torch.addcmul(self.bias, x, demodulation.to(dtype)[:, :, None, None]).add_(self.noise)
        x = F.leaky_relu(x, 0.2, inplace=True)
        return x if dtype == torch.float32 else x.clamp(-HALF_PRECISION_CLAMP, HALF_PRECISION_CLAMP)

    def _convolve(self, x: Tensor) -> Tensor:
        on_cpu = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.compiler.is_compiling()
        frozen_on_cpu = on_cpu and not self.weight.requires_grad  # where `cpu_convs` apply
        if self.up and frozen_on_cpu:
            return upsampling_conv(x, self.weight, self.blur)
        if self.up:
            x = F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            return F.conv2d(x, self.blur.expand(len(self.weight), 1, 4, 4), padding=1, groups=len(self.weight))
        if frozen_on_cpu and min(self.weight.shape[:2]) >= 128 and x.shape[-1] >= 16 and not self.weight.is_inference():
            return self._winograd_form()(x)
        return F.conv2d(x, self.weight, padding=1)

    def _winograd_form(self) -> Winograd:
        """The transformed weight; computed again if it has changed (inference tensors have no version to tell)."""
        key = (self.weight.data_ptr(), self.weight._version)
        if self._winograd is None or self._winograd[0] != key:
            self._winograd = key, Winograd(self.weight)
        return self._winograd[1]


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to colours, not demodulated: features ``[N,C,H,W]`` -> ``float32 [N,3,H,W]``."""

    def __init__(self, inputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        if x.dtype == torch.float32:
            return self._mix(x, style) + self.bias
        scale = style.abs().amax(1, keepdim=True).clamp(min=1e-8)
        colours = self._mix(x, style / scale).float() * scale[:, :, None, None] + self.bias
        return colours.clamp(-HALF_PRECISION_CLAMP, HALF_PRECISION_CLAMP)

    def _mix(self, x: Tensor, style: Tensor) -> Tensor:
        weights = (self.weight[None, :, :, 0, 0] * style[:, None]).to(x.dtype)
        # One product for each sample: forward and backward, that is faster than a batched product.
        colours = [F.linear(f, w) for f, w in zip(x.permute(0, 2, 3, 1), weights, strict=True)]
        return torch.stack(colours).permute(0, 3, 1, 2)


class StyleGAN2(nn.Module):
    """The generator.

    Style vectors come in synthesis order: convolution and RGB at 4 px, then upsampling convolution, convolution and
    RGB at 8 px, 16 px, ... ``resolution``: 26 vectors with 9088 channels at 1024 px.

    Attributes:
        resolution: side of the full picture, a power of two from 8 up.
        channels: features at 4, 8, ... ``resolution`` px.
        num_layers: L of ``w_plus [N,L,512]``, 18 at 1024 px.
        style_sizes: channels of each style vector.
        style_layers: the W+ layer that each style vector is made from.
        rgb_styles: for each style vector, whether it modulates an RGB layer.
        preview_resolutions: sizes below ``resolution`` that `synthesize` can stop at.
        w_avg: mean of W, ``[512]``.
    """

    w_avg: Tensor

    def __init__(self, resolution: int = 1024, channels: tuple[int, ...] | None = None, depth: int = 8):
        super().__init__()
        self.resolution = resolution
        self.channels = channels or default_channels(resolution)
        sizes = tuple(4 << k for k in range(len(self.channels)))
        if len(sizes) < 2 or sizes[-1] != resolution:
            raise ValueError(f"{len(self.channels)} channel numbers do not make a generator of {resolution} px")
        self.num_layers = 2 * len(sizes)
        self.preview_resolutions = sizes[:-1]
        first = self.channels[0]
        style_sizes, layers = [first, first], [0, 1]
        self.convs = nn.ModuleList([nn.ModuleList([ModulatedConv(first, first, 4, False)])])
        for k in range(1, len(sizes)):
            inputs, outputs = self.channels[k - 1], self.channels[k]
            pair = [ModulatedConv(inputs, outputs, sizes[k], True), ModulatedConv(outputs, outputs, sizes[k], False)]
            self.convs.append(nn.ModuleList(pair))
            style_sizes += [inputs, outputs, outputs]
            layers += [2 * k - 1, 2 * k, 2 * k + 1]
        self.style_sizes, self.style_layers = tuple(style_sizes), tuple(layers)
        self.rgb_styles = tuple(i % 3 == 1 for i in range(len(layers)))
        self.mapping = Mapping(depth=depth)
        self.affines = nn.ModuleList(nn.Linear(512, size) for size in style_sizes)
        self.const = nn.Parameter(torch.zeros(1, first, 4, 4))
        self.rgbs = nn.ModuleList(ToRGB(size) for size in self.channels)
        self.register_buffer("w_avg", torch.zeros(512))
        self.feature_residual = FeatureResidual()
        self.style_residual = StyleResidual(len(self.style_sizes))
        self.region_residual = RegionResidual(len(self.style_sizes))

    def set_precision(self, dtype: torch.dtype, levels: int = 4) -> StyleGAN2:
        """Compute the last ``levels`` resolutions in ``dtype`` (float16, bfloat16 or float32), the rest in float32.

        StyleGAN2-ADA was trained with 4 levels in float16. Pictures stay float32. Weights are rounded: going back to
        float32 does not restore them. Returns self.
        """
        for k, convs in enumerate(self.convs):
            convs.to(dtype if k >= len(self.convs) - levels else torch.float32)
        return self

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z ``[N,512]`` -> w ``[N,512]``, drawn towards ``w_avg`` by ``truncation`` (1 leaves it, 0 is the mean)."""
        return torch.lerp(self.w_avg, self.mapping(z), truncation)

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """w ``[N,512]`` or w_plus ``[N,L,512]`` -> one style vector ``[N,C_i]`` per modulated layer."""
        if w_plus.ndim == 2:
            w_plus = w_plus[:, None].expand(-1, self.num_layers, -1)
        if w_plus.ndim != 3 or w_plus.shape[1:] != (self.num_layers, 512):
            raise ValueError(f"w_plus must be [N,{self.num_layers},512] or [N,512], not {list(w_plus.shape)}")
        layers = zip(self.affines, self.style_layers, strict=True)
        return self.style_residual([affine(w_plus[:, layer]) for affine, layer in layers])

    def _level(self, k: int, x: Tensor, styles: list[Tensor]) -> Tensor:
        """Features of level k (4 << k px) from those of level k - 1."""
        for conv, style in zip(cast(nn.ModuleList, self.convs[k]), styles[max(3 * k - 1, 0) : 3 * k + 1], strict=True):
            x = conv(x, style)
        return self.region_residual.mix(self.feature_residual(x))

    def _rgb(self, k: int, x: Tensor, style: Tensor, image: Tensor | None) -> Tensor:
        """RGB of level k: that of level k - 1 (None below level 0) at twice the size, plus what the features add."""
        colours = self.rgbs[k](x, style)
        return self.region_residual.mix(colours if image is None else upsample(image) + colours)

    def features(self, styles: list[Tensor], resolution: int, blend: Blend | None = None) -> Tensor:
        """Features ``[N,C,R,R]`` at R = ``resolution`` px (4, 8, ... full size)."""
        return self._render(styles, resolution, blend, rgb=False)

    def fitted_head(self, styles: list[Tensor], picture: Tensor, size: int) -> nn.Module | None:
        """None: there is an RGB layer at every size, so small pictures look like the full one averaged down."""
        return None

    def exit_resolution(self, resolution: int) -> int:
        """The size at which `synthesize` stops for pictures of ``resolution`` px."""
        return next((size for size in self.preview_resolutions if size >= resolution), self.resolution)

    def visible_layers(self, resolution: int) -> int:
        """How many of W+'s layers, from the first, a picture of ``resolution`` px depends on."""
        return 2 * self.exit_resolution(resolution).bit_length() - 4

    def synthesize(
        self, latent: Tensor | list[Tensor], resolution: int | None = None, blend: Blend | None = None
    ) -> Tensor:
        """Render pictures ``[N,3,R,R]``, nominally in [-1,1] (not clamped).

        Args:
            latent: w ``[N,512]``, w_plus ``[N,L,512]`` or a list of style vectors.
            resolution: R; below full size synthesis stops at the first size that is large enough, and the picture is
                averaged down to R. None is full size.
            blend: keep another picture outside a mask, see `Blend`.
        """
        styles = latent if isinstance(latent, list) else self.styles(latent)
        resolution = resolution or self.resolution
        size = self.exit_resolution(resolution)
        image = self._render(styles, size, blend, rgb=True)
        return image if size == resolution else F.adaptive_avg_pool2d(image, resolution)

    def _render(self, styles: list[Tensor], size: int, blend: Blend | None, rgb: bool) -> Tensor:
        """Synthesise up to ``size`` px: the picture, or without ``rgb`` the features."""
        styles = self.region_residual.expand(styles)
        original_styles = [] if blend is None else self.region_residual.expand(blend.styles)
        x, image = self.const, None
        original, original_image = x, None
        for k in range(size.bit_length() - 2):
            x = self._level(k, x, styles)
            if blend is not None:
                original = blend.recall(k, lambda k=k, before=original: self._level(k, before, original_styles))
                x = blend.mix(x, original)
            if not rgb:
                continue
            image = self._rgb(k, x, styles[3 * k + 1], image)
            if blend is not None:
                style = original_styles[3 * k + 1]
                original_image = blend.recall(
                    ("rgb", k),
                    lambda k=k, x=original, style=style, before=original_image: self._rgb(k, x, style, before),
                )
                image = blend.mix(image, original_image)
        return self.region_residual.first(x if image is None else image)
