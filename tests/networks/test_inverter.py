"""Learned steps of inversion, before training."""

import torch

from styleclip_core.networks.inverter import Inverter


def small() -> Inverter:
    torch.manual_seed(0)
    return Inverter(features=16, size=4, layers=3, components=12, free=4, width=16, depth=1)


def numbers(side: int, n: int = 2) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(1)
    pictures = (torch.rand(n, 3, side, side, generator=random) for _ in range(2))
    maps = (torch.randn(n, 16, 4, 4, generator=random) for _ in range(3))
    return *pictures, *maps, torch.randn(n, 3, 12, generator=random)


def test_a_step_has_the_shapes_of_code_and_residual_at_every_size_that_it_compares():
    inverter = small()
    assert inverter.steps == 4 and inverter.picture_sizes == (32, 32, 32, 64)
    for step, side in enumerate(inverter.picture_sizes):
        code, residual = inverter(step, *numbers(side))
        assert code.shape == (2, 3, 12) and residual.shape == (2, 16, 4, 4)


def test_before_training_it_goes_down_the_gradient_whatever_its_size():
    inverter, (photo, picture, features, residual, slope, code_slope) = small(), numbers(32)
    for scale in (1.0, 1e-4):
        code, moved = inverter(0, photo, picture, features, residual, scale * slope, scale * code_slope)
        assert (moved * slope).sum() < 0 and (code * code_slope).sum() < 0
    same = inverter(0, photo, picture, features, residual, slope, code_slope)
    assert torch.allclose(moved, same[1], atol=1e-3) and torch.allclose(code, same[0], atol=1e-3)


def test_faces_of_a_batch_do_not_mix():
    inverter, inputs = small(), numbers(32)
    both, second = inverter(1, *inputs), inverter(1, *(one[1:] for one in inputs))
    for a, b in zip(both, second, strict=True):
        assert torch.allclose(a[1:], b, atol=1e-5)


def test_a_stored_state_says_how_large_it_is():
    inverter = small()
    stored = Inverter.of({name: value.half() for name, value in inverter.state_dict().items()}, size=4)
    assert not stored.training and not any(parameter.requires_grad for parameter in stored.parameters())
    for a, b in zip(inverter(0, *numbers(32)), stored(0, *numbers(32)), strict=True):
        assert torch.allclose(a, b, atol=0.02)
