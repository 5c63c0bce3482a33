"""Masks: grown, feathered, tidied."""

import pytest
import torch

from styleclip_core.faces.masks import feather, grow, tidy


def disc(radius, size=256):
    rows, columns = torch.meshgrid(*2 * [torch.arange(size) - size / 2 + 0.5], indexing="ij")
    return ((rows.square() + columns.square()).sqrt() <= radius).float()[None, None]


@pytest.mark.parametrize("px", [-40, -8, 0, 4, 8, 32, 100])
def test_growing_moves_the_outline_by_so_many_of_1024(px):
    grown = grow(disc(40), px)
    radius = (grown.sum() / torch.pi).sqrt().item()
    assert radius == pytest.approx(40 + px / 4, abs=0.05 * abs(px) / 4 + 1)
    assert (grown - disc(40)).min() >= 0 if px >= 0 else (grown - disc(40)).max() <= 0
    assert torch.equal(grown, grown.flip(2)) and torch.equal(grown, grown.mT)


def test_growing_keeps_soft_edges_and_full_masks():
    soft = feather(disc(40), 16)
    grown = grow(soft, 20)
    assert ((grown > 0.2) & (grown < 0.8)).any() and (grown >= soft).all()
    for value in (0.0, 1.0):
        flat = torch.full((1, 1, 128, 128), value)
        assert torch.equal(grow(flat, 30), flat) and torch.equal(grow(flat, -30), flat)
        assert torch.equal(feather(flat, 30), flat)


@pytest.mark.parametrize("px", [0, 4, 16, 60])
def test_feathering_reaches_so_far_and_no_further(px):
    edge = torch.zeros(1, 1, 1024, 1024)
    edge[..., 512:] = 1
    ramp = feather(edge, px)[0, 0, 500]
    assert (ramp.diff() >= 0).all() and ramp[: 512 - px].max() == 0 and ramp[512 + px :].min() == 1
    between = ((ramp > 0) & (ramp < 1)).sum().item()
    assert between == pytest.approx(2 * px, abs=2)


def test_small_holes_are_closed():
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 40:200, 40:200] = 1
    mask[..., 60:66, 60:66] = 0
    mask[..., 100:130, 100:130] = 0
    mask[..., 10:14, 10:14] = 1
    tidied = tidy(mask)
    assert tidied[0, 0, 63, 63] == 1 and tidied[0, 0, 115, 115] == 0 and tidied[0, 0, 12, 12] == 0
    assert torch.equal(tidied[..., 70:, 70:], mask[..., 70:, 70:])
    assert tidy(torch.zeros(1, 1, 64, 64)).max() == 0 and tidy(torch.ones(1, 1, 64, 64)).min() == 1
