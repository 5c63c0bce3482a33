"""Augmented faces."""

import torch

from styleclip_core.training.augment import augment


def test_augmentation_mirrors_where_told():
    images = torch.zeros(2, 3, 64, 64)
    images[..., :32] = 1
    flipped = torch.tensor([False, True])
    out = augment(images, flipped, 48, torch.Generator().manual_seed(0))
    assert out.shape == (2, 3, 48, 48)
    halves = out.mean((1, 2))
    assert halves[0, :16].mean() > halves[0, -16:].mean() and halves[1, :16].mean() < halves[1, -16:].mean()
