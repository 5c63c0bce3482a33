"""What a mapper's training leaves to look at: its losses, and what the mapper does to random faces."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image, ImageDraw

from styleclip_core import latents
from styleclip_core.edits import mapper as editing
from styleclip_core.evaluation.reports import grid
from styleclip_core.images import to_image
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.packs import Pack
from styleclip_core.rendering import Preview

FIRST_SEED = 1000  # of the faces of samples
STRENGTHS = (0, 0.5, 1, 1.5)  # of the mapper, from the top row down


@dataclass
class Curve:
    """The losses of every step, and the held-out ones at some: what a run leaves to look at."""

    training: list[dict[str, float]] = field(default_factory=list)
    held_out: list[tuple[int, float]] = field(default_factory=list)


def loss_picture(curve: Curve, width: int = 640, height: int = 320) -> Image.Image:
    """The total loss of every step (grey, averaged over ten) and of the held-out faces (red), from 0 up."""
    totals = np.array([sum(terms.values()) for terms in curve.training] or [0.0])
    smooth = np.convolve(totals, np.ones(10) / 10, "valid") if len(totals) >= 10 else totals
    top = max(smooth.max(), *(value for _, value in curve.held_out), 1e-6) * 1.05
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)

    def place(step: float, value: float) -> tuple[float, float]:
        return 40 + (width - 50) * step / max(len(totals), 1), height - 20 - (height - 30) * value / top

    for tick in np.linspace(0, top, 5):
        x, y = place(0, tick)
        draw.line([x, y, width - 10, y], fill=(225, 225, 225))
        draw.text((4, y - 6), f"{tick:.1f}", fill="black")
    draw.line([place(i + len(totals) - len(smooth), value) for i, value in enumerate(smooth)], fill=(130, 130, 130))
    points = [place(step, value) for step, value in curve.held_out]
    draw.line(points, fill=(200, 30, 30), width=2)
    draw.text((width - 150, height - 16), f"{len(totals)} steps", fill="black")
    return picture


@torch.no_grad()
def sample_picture(pack: Pack, mapper: LevelsMapper, count: int = 6, size: int = 256) -> Image.Image:
    """Random faces before, and at strengths 0.5, 1 and 1.5: a column a face."""
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        w_plus = latents.random_w(pack.generator, seed).expand(1, pack.generator.num_layers, 512)
        draw = Preview(pack.generator, w_plus, size)
        rows.append([to_image(draw(editing.apply(mapper, w_plus, strength))) for strength in STRENGTHS])
    return grid(list(zip(*rows, strict=True)), size)
