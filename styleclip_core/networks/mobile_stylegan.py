"""MobileStyleGAN: StyleGAN2-FFHQ distilled into depthwise-separable convolutions and inverse wavelet transforms.

Belousov, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image Synthesis", 2021.
Its W space is StyleGAN2-FFHQ's. Demodulation is baked into the weights, so codes far outside W do not render well.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from styleclip_core.networks.adapted import FeatureResidual, RegionResidual, StyleResidual
from styleclip_core.networks.blend import Blend

CHANNELS = (512, 512, 512, 512, 256, 128, 64)  # of the blocks at 8, 16, ..., 512 px


def idwt(x: Tensor) -> Tensor:
    """Inverse Haar transform: ``[N,4C,H,W]`` (C low bands, then LH, HL, HH of each channel) -> ``[N,C,2H,2W]``."""
    return _twice_idwt(x / 2)


def _twice_idwt(x: Tensor) -> Tensor:
    """Twice the inverse transform, which needs no multiplications."""
    x = x.permute(0, 2, 3, 1)  # channels last in memory: convolutions on CPUs then take half the time
    n, h, w, channels = x.shape
    c = channels // 4
    low, lh, hl, hh = x[..., :c], x[..., c::3], x[..., c + 1 :: 3], x[..., c + 2 :: 3]
    top, bottom, top_x, bottom_x = low + lh, low - lh, hl + hh, hl - hh
    rows = [torch.stack([a + b, a - b], 3) for a, b in ((top, top_x), (bottom, bottom_x))]
    return torch.stack(rows, 2).reshape(n, 2 * h, 2 * w, c).permute(0, 3, 1, 2)


class Mapping(nn.Module):
    """z ``[N,512]`` -> w ``[N,512]``: pixel norm and eight layers (equalised learning rates are in the weights)."""

    def __init__(self, width: int = 512, depth: int = 8):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, z: Tensor) -> Tensor:
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2) * 2**0.5
        return x


class StyledConv(nn.Module):
    """Modulated depthwise 3x3 and pointwise convolution, or one dense 3x3 convolution; noise, bias, leaky ReLU."""

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, dense: bool = False):
        super().__init__()
        if dense:
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        else:
            depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
            self.conv = nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1, bias=False))
        self.register_buffer("noise", torch.zeros(1, 1, resolution, resolution))
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        bias, style = self.bias.flatten(), style[:, :, None, None]
        if isinstance(self.conv, nn.Conv2d):
            x = F.conv2d(x * style, self.conv.weight, bias, padding=1)
        else:
            depthwise, pointwise = cast(tuple[nn.Conv2d, nn.Conv2d], self.conv)
            if len(x) == 1:  # modulate the few weights of the depthwise convolution instead of the many features
                weight = depthwise.weight * style.transpose(0, 1)
                x = F.conv2d(x, weight, padding=1, groups=len(weight))
            else:
                x = depthwise(x) * style
            x = F.conv2d(x, pointwise.weight, bias)
        return F.leaky_relu(x.add_(self.noise), 0.2, inplace=True)  # in place: on CPUs each pass over features counts


class Block(nn.Module):
    """Features of one resolution -> features of twice that: inverse wavelet transform and two convolutions."""

    def __init__(self, inputs: int, outputs: int, resolution: int):
        super().__init__()
        self.conv1 = StyledConv(inputs // 4, outputs, resolution)
        self.conv2 = StyledConv(outputs, outputs, resolution)

    def forward(self, x: Tensor, up: Tensor, style1: Tensor, style2: Tensor) -> Tensor:
        return self.conv2(self.conv1(_twice_idwt(x * (up / 2)[:, :, None, None]), style1), style2)


class MobileStyleGAN(nn.Module):
    """The compact generator.

    Attributes:
        resolution: side of the full picture, 1024.
        num_layers: L of ``w_plus [N,L,512]``, 18 as in StyleGAN2-FFHQ; layers 16 and 17 have no effect here.
        style_sizes: channels of each style vector, in synthesis order.
        style_layers: the W+ layer that each style vector is made from.
        rgb_styles: for each style vector, whether it modulates the RGB layer: the last one does.
        preview_resolutions: sizes below 1024 that `synthesize` can stop at: those that have an RGB head.
        w_avg: mean of W, ``[512]``.
    """

    resolution = 1024
    num_layers = 18
    w_avg: Tensor

    def __init__(self):
        super().__init__()
        self.mapping = Mapping()
        inputs = (512, *CHANNELS[:-1])
        sizes, layers = [512], [0]
        for k, (i, o) in enumerate(zip(inputs, CHANNELS, strict=True)):
            sizes += [i, i // 4, o]
            layers += [1 + 2 * k, 1 + 2 * k, 2 + 2 * k]
        self.style_sizes = tuple([*sizes, CHANNELS[-1]])
        self.style_layers = tuple([*layers, 15])
        self.rgb_styles = (*(False,) * len(layers), True)
        self.affines = nn.ModuleList(nn.Linear(512, size) for size in self.style_sizes)
        self.const = nn.Parameter(torch.zeros(1, 512, 4, 4))
        self.conv1 = StyledConv(512, 512, 4, dense=True)
        self.blocks = nn.ModuleList(Block(i, o, 8 << k) for k, (i, o) in enumerate(zip(inputs, CHANNELS, strict=True)))
        self.to_rgb = nn.Conv2d(CHANNELS[-1], 12, 1)
        self.feature_residual = FeatureResidual()
        self.style_residual = StyleResidual(len(self.style_sizes))
        self.region_residual = RegionResidual(len(self.style_sizes))
        self.heads = nn.ModuleDict()  # resolution -> linear RGB head on the features of that resolution
        self.register_buffer("w_avg", torch.zeros(512))

    @property
    def preview_resolutions(self) -> tuple[int, ...]:
        return tuple(sorted(int(name) for name in self.heads))

    def add_heads(self, state: dict[str, Tensor]) -> None:
        """Add RGB heads for early exits: ``{"256.weight": [3,C,1,1], "256.bias": [3], ...}``."""
        for name in sorted({key.split(".")[0] for key in state}):
            weight = state[f"{name}.weight"]
            head = nn.Conv2d(weight.shape[1], 3, 1).to(self.const.device)
            head.load_state_dict({"weight": weight, "bias": state[f"{name}.bias"]})
            self.heads[name] = head.requires_grad_(False)

    def exit_resolution(self, resolution: int) -> int:
        """The size at which `synthesize` stops for pictures of ``resolution`` px; ``self.resolution`` is full size."""
        return next((size for size in self.preview_resolutions if size >= resolution), self.resolution)

    def visible_layers(self, resolution: int) -> int:
        """How many of W+'s layers, from the first, a picture of ``resolution`` px depends on."""
        size = self.exit_resolution(resolution)
        return self.num_layers if size == self.resolution else 2 * size.bit_length() - 5

    @torch.no_grad()
    def fitted_head(self, styles: list[Tensor], picture: Tensor, size: int, ridge: float = 1e-3) -> nn.Module:
        """An RGB head fitted to one face: the general head plus a ridge regression of what it lacks on the features.

        Args:
            styles: of the face.
            picture: its full picture averaged down, ``[1,3,R,R]``.
            size: resolution of the features to read, one of ``preview_resolutions``; if it is less than R, each
                position of the features gives a square of pixels.
            ridge: of the regression, as a share of the features' mean square.
        """
        general, features = self.heads[str(size)], self.features(styles, size)
        assert isinstance(general, nn.Conv2d) and general.bias is not None
        scale = max(1, picture.shape[-1] // size)
        weight, bias = (value.repeat_interleave(scale**2, 0) for value in (general.weight, general.bias))
        features = F.adaptive_avg_pool2d(features, picture.shape[-1] // scale)
        residual = (F.pixel_unshuffle(picture, scale) - F.conv2d(features, weight, bias))[0].flatten(1)
        x = features[0].flatten(1)
        x = torch.cat([x, torch.ones_like(x[:1])])
        squares = x @ x.T
        damping = ridge * squares.diagonal().mean() * torch.eye(len(squares), device=x.device)
        change = torch.linalg.solve(squares + damping, x @ residual.T).T  # [3 * scale^2, C + 1]
        head = nn.Conv2d(general.in_channels, len(bias), 1).to(x.device).requires_grad_(False)
        fitted = {"weight": weight + change[:, :-1, None, None], "bias": bias + change[:, -1]}
        head.load_state_dict(fitted)
        return nn.Sequential(head, nn.PixelShuffle(scale))

    def map(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z ``[N,512]`` -> w ``[N,512]``, drawn towards ``w_avg`` by ``truncation`` (1 leaves it, 0 is the mean)."""
        return torch.lerp(self.w_avg, self.mapping(z), truncation)

    def styles(self, w_plus: Tensor) -> list[Tensor]:
        """w ``[N,512]`` or w_plus ``[N,18,512]`` -> one style vector ``[N,C_i]`` per modulated layer."""
        if w_plus.ndim == 2:
            w_plus = w_plus[:, None].expand(-1, self.num_layers, -1)
        if w_plus.ndim != 3 or w_plus.shape[1:] != (self.num_layers, 512):
            raise ValueError(f"w_plus must be [N,{self.num_layers},512] or [N,512], not {list(w_plus.shape)}")
        layers = zip(self.affines, self.style_layers, strict=True)
        return self.style_residual([affine(w_plus[:, layer]) for affine, layer in layers])

    def _level(self, k: int, x: Tensor, styles: list[Tensor]) -> Tensor:
        """Features of level k (4 << k px) from those of level k - 1."""
        if k == 0:
            return self.region_residual.mix(self.conv1(x, styles[0]))
        x = self.blocks[k - 1](x, *styles[3 * k - 2 : 3 * k + 1])
        return self.region_residual.mix(self.feature_residual(x))

    def features(self, styles: list[Tensor], resolution: int, blend: Blend | None = None) -> Tensor:
        """Features ``[N,C,R,R]`` after the block of R = ``resolution`` px (4, 8, ... 512)."""
        return self.region_residual.first(self._features(self.region_residual.expand(styles), resolution, blend))

    def _features(self, styles: list[Tensor], resolution: int, blend: Blend | None) -> Tensor:
        x = original = self.const
        others = [] if blend is None else self.region_residual.expand(blend.styles)
        for k in range(resolution.bit_length() - 2):
            x = self._level(k, x, styles)
            if blend is not None:
                original = blend.recall(k, lambda k=k, before=original: self._level(k, before, others))
                x = blend.mix(x, original)
        return x

    def synthesize(
        self, latent: Tensor | list[Tensor], resolution: int | None = None, blend: Blend | None = None
    ) -> Tensor:
        """Render pictures ``[N,3,R,R]``, nominally in [-1,1] (not clamped).

        Args:
            latent: w ``[N,512]``, w_plus ``[N,18,512]`` or a list of style vectors.
            resolution: R; below 1024 synthesis stops early if an RGB head of at least that size was added, and the
                picture is averaged down to R. None is full size.
            blend: keep another picture outside a mask, see `Blend`.
        """
        styles = latent if isinstance(latent, list) else self.styles(latent)
        resolution = resolution or self.resolution
        size = self.exit_resolution(resolution)
        if size != self.resolution:
            image = self.heads[str(size)](self.features(styles, size, blend))
        else:
            image = self.region_residual.first(self._full_picture(self.region_residual.expand(styles), blend))
        return image if image.shape[-1] == resolution else F.adaptive_avg_pool2d(image, resolution)

    def _full_picture(self, styles: list[Tensor], blend: Blend | None) -> Tensor:
        image = self._rgb(self._features(styles, self.resolution // 2, blend), styles)
        if blend is None:
            return image
        last = blend.cache[len(self.blocks)]
        original = blend.recall("rgb", lambda: self._rgb(last, self.region_residual.expand(blend.styles)))
        return blend.mix(image, original)

    def _rgb(self, x: Tensor, styles: list[Tensor]) -> Tensor:
        """Features of the last level -> pictures at full size."""
        return self.region_residual.mix(idwt(self.to_rgb(x * styles[-1][:, :, None, None])))
