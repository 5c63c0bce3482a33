"""Pictures of faces with things in them that no code of the generator can say, for networks that invert photos.

Codes draw likely faces. Photos also hold hands, hats, odd glasses, jewellery, freckles, textures, crowded backgrounds
and coloured light; here such things are composed onto synthetic faces, so that what is asked for is known exactly.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.views import affine_views, uniform_numbers

COARSE = 6  # cells along a side of the smooth random fields
EYES = ((-0.22, -0.06), (0.22, -0.06))  # of aligned faces, in [-1,1]


class Scenes:
    """Composes things onto batches of aligned faces. Random, from one generator of random numbers.

    Args:
        random: where all random numbers come from.
    """

    def __init__(self, random: torch.Generator):
        self.random = random

    def compose(self, faces: Tensor, others: Tensor) -> Tensor:
        """Faces ``[N,3,S,S]`` in [-1,1] -> the same with things before, on and behind them, in another light.

        Args:
            others: other faces ``[M,3,S,S]``, which patches and backgrounds are cut out of.
        """
        things = (
            (0.35, self._background),
            (0.3, self._freckles),
            (0.25, self._glasses),
            (0.25, self._hat),
            (0.3, self._earrings),
            (0.5, self._patches),
            (0.35, self._light),
        )
        pictures = faces
        for share, thing in things:
            chosen = torch.rand(len(faces), 1, 1, 1, generator=self.random) < share
            if chosen.any():
                pictures = torch.where(chosen, thing(pictures, others), pictures)
        return pictures.clamp(-1, 1)

    def _numbers(self, count: int, low: float, high: float, *shape: int) -> Tensor:
        return uniform_numbers(count, self.random)(low, high, *shape)

    def _grid(self, size: int) -> tuple[Tensor, Tensor]:
        axis = torch.linspace(-1, 1, size)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        return x[None, None], y[None, None]

    def _field(self, count: int, channels: int, size: int, cells: int = COARSE) -> Tensor:
        """Smooth random fields ``[count,channels,size,size]`` in about [-1,1]."""
        coarse = self._numbers(count, -1, 1, channels, cells, cells)
        return F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)

    def _surface(self, like: Tensor, others: Tensor) -> Tensor:
        """Something to paint with: a colour, a smooth field, stripes, noise, or parts of other faces."""
        n, size = len(like), like.shape[-1]
        x, y = self._grid(size)
        colour = self._numbers(n, -1, 1, 1, 1, 1) + self._numbers(n, -0.5, 0.5, 3, 1, 1)
        angle, pitch = self._numbers(n, 0, math.pi, 1, 1, 1), self._numbers(n, 8, 50, 1, 1, 1)
        wave = torch.sin(pitch * (torch.cos(angle) * x + torch.sin(angle) * y))
        grain = torch.randn(like.shape, generator=self.random)
        spots = self._field(n, 3, size, 24)
        turned = self._numbers(n, -math.pi, math.pi), self._numbers(n, 0.3, 1.2), self._numbers(n, -0.7, 0.7, 2)
        rows = torch.randint(len(others), (n,), generator=self.random)
        part = affine_views(others[rows], *turned, size)
        field = 0.6 * self._field(n, 3, size)
        kinds = torch.stack(
            [colour + 0.3 * field, colour + field, colour + 0.4 * wave, colour + 0.15 * grain, colour + spots, part]
        )
        return kinds[torch.randint(len(kinds), (n,), generator=self.random), torch.arange(n)].clamp(-1, 1)

    def _blob(self, count: int, size: int, x0: Tensor, y0: Tensor, radius: Tensor, softness: float = 0.02) -> Tensor:
        """Masks ``[count,1,size,size]`` of irregular shapes around centres ``[count,1,1,1]``."""
        x, y = self._grid(size)
        stretch, turn = self._numbers(count, 0.5, 2, 1, 1, 1), self._numbers(count, 0, math.pi, 1, 1, 1)
        dx, dy = x - x0, y - y0
        u, v = torch.cos(turn) * dx + torch.sin(turn) * dy, torch.cos(turn) * dy - torch.sin(turn) * dx
        distance = ((u * stretch).square() + (v / stretch).square()).sqrt()
        wobble = 1 + 0.35 * self._field(count, 1, size, 5)
        return torch.sigmoid((radius * wobble - distance) / softness)

    def _patches(self, pictures: Tensor, others: Tensor) -> Tensor:
        n, size = len(pictures), pictures.shape[-1]
        for _ in range(2):
            x, y = self._numbers(n, -1.1, 1.1, 1, 1, 1), self._numbers(n, -1.1, 1.1, 1, 1, 1)
            mask = self._blob(n, size, x, y, self._numbers(n, 0.05, 0.4, 1, 1, 1))
            pictures = torch.lerp(pictures, self._surface(pictures, others), mask)
        return pictures

    def _background(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Another background around a wide oval of head, hair and shoulders."""
        n, size = len(pictures), pictures.shape[-1]
        x, y = self._grid(size)
        wide = self._numbers(n, 0.65, 0.9, 1, 1, 1) * (1 + 0.1 * self._field(n, 1, size, 5))
        wide = wide + 0.35 * (y - 0.5).clamp(min=0)
        distance = ((x / wide).square() + (y.clamp(max=0.1) / 0.95).square()).sqrt()
        mask = torch.sigmoid((distance - 1) / self._numbers(n, 0.01, 0.08, 1, 1, 1))
        return torch.lerp(pictures, self._surface(pictures, others), mask)

    def _freckles(self, pictures: Tensor, others: Tensor) -> Tensor:
        n, size = len(pictures), pictures.shape[-1]
        x, y = self._grid(size)
        grain = F.avg_pool2d(torch.randn(n, 1, size, size, generator=self.random), 3, 1, 1)
        spots = torch.sigmoid((grain - self._numbers(n, 0.4, 0.8, 1, 1, 1)) * 12)
        face = torch.sigmoid((0.5 - ((x / 1.1).square() + (y - 0.15).square()).sqrt()) * 10)
        return pictures - spots * face * self._numbers(n, 0.15, 0.6, 1, 1, 1)

    def _glasses(self, pictures: Tensor, others: Tensor) -> Tensor:
        n, size = len(pictures), pictures.shape[-1]
        x, y = self._grid(size)
        lift, radius = self._numbers(n, -0.03, 0.05, 1, 1, 1), self._numbers(n, 0.12, 0.2, 1, 1, 1)
        power, flat = self._numbers(n, 2, 5, 1, 1, 1), self._numbers(n, 0.7, 1.05, 1, 1, 1)
        frame, lens = torch.zeros(n, 1, size, size), torch.zeros(n, 1, size, size)
        width = self._numbers(n, 0.008, 0.03, 1, 1, 1)
        for ex, ey in EYES:
            dx, dy = (x - ex).abs() / radius, (y - ey - lift).abs() / (radius * flat)
            distance = (dx.pow(power) + dy.pow(power) + 1e-8).pow(1 / power)
            frame = torch.maximum(frame, torch.sigmoid((width - (distance - 1).abs() * radius) / 0.006))
            lens = torch.maximum(lens, torch.sigmoid((1 - distance) * radius / 0.01))
        bar = torch.sigmoid((width - (y - EYES[0][1] - lift + 0.02).abs()) / 0.006)
        beyond = (x.abs() - 0.22).abs() - radius  # between the lenses and beside them
        frame = torch.maximum(frame, bar * (beyond > 0) * (x.abs() < 0.62))
        dark = self._numbers(n, 0, 1, 1, 1, 1).pow(3) * lens
        pictures = torch.lerp(pictures, self._numbers(n, -1, 0.3, 3, 1, 1).expand_as(pictures), dark)
        return torch.lerp(pictures, self._numbers(n, -1, 1, 3, 1, 1).expand_as(pictures), frame)

    def _hat(self, pictures: Tensor, others: Tensor) -> Tensor:
        n, size = len(pictures), pictures.shape[-1]
        x, y = self._grid(size)
        brim = self._numbers(n, -0.75, -0.35, 1, 1, 1) + self._numbers(n, -0.3, 0.3, 1, 1, 1) * x
        brim = brim + self._numbers(n, -0.2, 0.4, 1, 1, 1) * x.square()
        wide = self._numbers(n, 0.6, 1.3, 1, 1, 1)
        mask = torch.sigmoid((brim - y) / 0.015) * torch.sigmoid((wide - x.abs()) / 0.03)
        return torch.lerp(pictures, self._surface(pictures, others), mask)

    def _earrings(self, pictures: Tensor, others: Tensor) -> Tensor:
        n, size = len(pictures), pictures.shape[-1]
        colour, radius = self._numbers(n, -1, 1, 3, 1, 1), self._numbers(n, 0.015, 0.07, 1, 1, 1)
        across, down = self._numbers(n, 0.42, 0.55, 1, 1, 1), self._numbers(n, 0.25, 0.5, 1, 1, 1)
        for side in (-1, 1):
            mask = self._blob(n, size, side * across, down, radius, 0.008)
            pictures = torch.lerp(pictures, (colour + 0.5 * self._field(n, 3, size, 20)).clamp(-1, 1), mask)
        return pictures

    def _light(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Coloured light from somewhere, and shadows."""
        n, size = len(pictures), pictures.shape[-1]
        gain = 1 + 0.35 * self._field(n, 1, size, 3) + 0.2 * self._field(n, 3, size, 3)
        return (pictures + 1) * gain - 1
