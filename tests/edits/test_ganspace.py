"""GANSpace: principal components of W, shipped or measured, and moves along them."""

from dataclasses import replace

import pytest
import torch

from styleclip_core import BadSetting
from styleclip_core.edits import ganspace, stored
from styleclip_core.training.directions import run
from support.directions import OtherGenerator


def test_components_are_unit_vectors_at_right_angles_by_falling_variance(pack):
    axes, found = ganspace.components(pack), ganspace.component_space(pack)
    assert axes.shape == (ganspace.COUNT, 512)
    assert torch.allclose(axes @ axes.T, torch.eye(len(axes)), atol=1e-4)
    assert (found.deviations.diff() <= 0).all() and found.deviations[-1] > 0


@torch.no_grad()
def test_components_are_those_of_other_samples_too(pack):
    own = ganspace.measure(pack.generator, 3000, seed=77)
    assert ganspace.subspace_error(ganspace.components(pack)[:10], own.axes[:10]) < 0.05
    assert torch.allclose(ganspace.component_space(pack).deviations[:10], own.deviations[:10], rtol=0.08)
    few = (ganspace.measure(pack.generator, 600, seed=77, count=5) for _ in range(2))
    assert torch.equal(*(found.axes for found in few))


def test_a_pack_without_a_file_has_its_components_measured(pack, monkeypatch):
    monkeypatch.setattr(ganspace, "QUICK_SAMPLES", 1500)
    axes = ganspace.components(replace(pack, generator=OtherGenerator()))
    assert axes[0, 0] > 0.99 and axes[1, 1] > 0.99


def test_what_was_computed_for_another_pack_is_used(pack, monkeypatch, tmp_path):
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path))
    monkeypatch.setattr(ganspace, "SAMPLES", 1500)
    other = replace(pack, generator=OtherGenerator(), name="other", directions=tmp_path / "directions" / "other")
    run(other, ["ganspace"], None, None, 1, report=lambda _: None)
    assert (tmp_path / "directions" / "other" / ganspace.FILE).is_file()
    assert torch.equal(ganspace.components(other), stored.load(other, ganspace.FILE)["axes"])
    assert torch.allclose(ganspace.component_space(other).deviations[:2], torch.tensor([5.0, 3.0]), rtol=0.1)


def test_a_component_moves_the_layers_it_is_told_to(pack, w):
    w_plus = w[:, None].repeat(1, 18, 1)
    moved = ganspace.apply(pack, w_plus, 2, -1.5, 3, 6)
    expected = -1.5 * ganspace.component_space(pack).deviations[2] * ganspace.components(pack)[2]
    assert torch.allclose((moved - w_plus)[:, 3:6], expected.expand(2, 3, -1), atol=1e-5)
    assert torch.equal(moved[:, :3], w_plus[:, :3]) and torch.equal(moved[:, 6:], w_plus[:, 6:])
    for component, strength, first, last in [(80, 1, 0, 18), (-1, 1, 0, 18), (0, 1, 5, 5), (0, 99, 0, 18)]:
        with pytest.raises(BadSetting):
            ganspace.apply(pack, w_plus, component, strength, first, last)


def test_named_components_are_what_apply_takes(pack, w):
    assert len(ganspace.NAMED) >= 6 and len({slider.name for slider in ganspace.NAMED}) == len(ganspace.NAMED)
    for slider in ganspace.NAMED:
        up, down = (ganspace.apply_named(pack, w[:, None].repeat(1, 18, 1), slider, x) for x in (2, -2))
        assert slider.sign in (-1, 1) and not torch.equal(up, down)
        assert torch.allclose((up + down) / 2, w[:, None].expand(-1, 18, -1), atol=1e-5)
