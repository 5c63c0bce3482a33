"""CLIP (Radford et al. 2021) as open_clip implements it, with the interface of our text-image models."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@functools.cache
@torch.inference_mode(False)  # so that what is made in inference can be used for gradients later
def _overlaps(inputs: int, outputs: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Weights ``[inputs,outputs]``: the share of each output pixel that each input pixel covers."""
    low = torch.arange(outputs, dtype=torch.float64) * inputs / outputs
    left, right = torch.arange(inputs)[:, None], torch.arange(1, inputs + 1)[:, None]
    overlaps = (torch.minimum(low + inputs / outputs, right) - torch.maximum(low, left)).clamp(min=0)
    return (overlaps * outputs / inputs).to(device, dtype)


def area_resize(images: Tensor, height: int, width: int) -> Tensor:
    """Shrink ``[N,C,H,W]`` so that each new pixel is the exact mean of the area it covers; differentiable.

    The same as enlarging by repetition to a common multiple and pooling, which is what StyleCLIP does before CLIP.
    ``F.interpolate(mode="area")`` is exact for whole ratios only: otherwise it gives a pixel that lies in two cells
    full weight in both. The weights are periodic, so those of one period are enough.
    """
    for outputs in (width, height):
        inputs = images.shape[-1]
        periods = math.gcd(inputs, outputs)
        weights = _overlaps(inputs // periods, outputs // periods, images.device, images.dtype)
        images = (images.unflatten(-1, (periods, -1)) @ weights).flatten(-2).transpose(-1, -2)
    return images


class OpenCLIP(nn.Module):
    """A model of open_clip with the interface of `packs.base.TextImageModel`.

    Args:
        model: what ``open_clip.create_model`` returns.
        tokenize: texts -> token ids ``[N,T]``; prompts of more than T tokens (77 for CLIP) are truncated.
        mean, std: by which pixels in [0,1] were normalised in training, for red, green and blue.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        model: nn.Module,
        tokenize: Callable[[list[str]], Tensor],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ):
        super().__init__()
        self.model: Any = model  # open_clip's classes have no common base with encode_text, encode_image and visual
        self.tokenize = tokenize
        size = self.model.visual.image_size
        self.size: tuple[int, int] = (size, size) if isinstance(size, int) else tuple(size)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> unit vectors ``[N,D]``, float32; long texts are truncated (to 77 tokens for CLIP)."""
        return F.normalize(self.encode_raw_text(texts))

    def reads_all(self, text: str) -> bool:
        """Whether a text has no more tokens than the model reads (77 for CLIP, with one at each end)."""
        tokenizer: Any = self.tokenize
        return len(tokenizer.encode(text)) + 2 <= tokenizer.context_length

    def encode_raw_text(self, texts: list[str]) -> Tensor:
        """The same vectors ``[N,D]`` before they are normalised, as HairCLIP takes them."""
        return self.model.encode_text(self.tokenize(texts).to(self.mean.device)).float()

    def encode_image(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1], any size -> unit vectors ``[N,D]``, float32; differentiable.

        They are resized to the model's square without cropping, whatever their aspect ratio.
        """
        if min(images.shape[-2:]) >= max(self.size):
            images = area_resize(images, *self.size)
        else:
            images = F.interpolate(images, self.size, mode="bicubic", antialias=True)
        return F.normalize(self._encode((images / 2 + 0.5 - self.mean) / self.std))

    def encode_image_as_styleclip(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1] -> unit vectors ``[N,D]`` as StyleCLIP's optimisation computes them.

        The picture is averaged down, and its pixels stay in [-1,1] instead of being normalised as in CLIP's training.
        """
        return F.normalize(self._encode(area_resize(images, *self.size)))

    def encode_raw_image(self, images: Tensor) -> Tensor:
        """Images ``[N,3,H,W]`` in [-1,1], averaged down -> vectors ``[N,D]`` that are not normalised, as HairCLIP
        takes them."""
        pixels = F.adaptive_avg_pool2d(images, self.size) / 2 + 0.5
        return self._encode((pixels - self.mean) / self.std)

    def _encode(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels.to(next(self.model.parameters()).dtype)).float()
