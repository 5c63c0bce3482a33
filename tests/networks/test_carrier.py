"""How edits carry a residual along."""

import pytest
import torch
from torch import nn

from styleclip_core.networks.carrier import ResidualCarrier, faded


@pytest.fixture(scope="module")
def numbers():
    random = torch.Generator().manual_seed(0)
    return [torch.randn(2, 16, 8, 8, generator=random) for _ in range(3)]


def test_before_training_it_is_the_rule(numbers):
    residual, features, change = numbers
    carrier = ResidualCarrier(16, 8, 2)
    for strength in (0.2, 0.6):
        edited = features + strength * change
        assert torch.allclose(carrier(residual, features, edited), faded(residual, features, edited), atol=0.05)


def test_without_an_edit_it_changes_nothing_whatever_it_has_learned(numbers):
    residual, features, _ = numbers
    carrier = ResidualCarrier(16, 8, 2)
    for parameter in carrier.parameters():
        nn.init.normal_(parameter, std=0.3)
    assert torch.equal(carrier(residual, features, features), residual)
    edited = features.clone()
    edited[:, :, :, 4:] += 0.5
    carried = carrier(residual, features, edited)
    assert torch.equal(carried[:, :, :, :4], residual[:, :, :, :4])
    assert not torch.allclose(carried[:, :, :, 4:], residual[:, :, :, 4:], atol=0.1)


def test_one_residual_serves_several_edits(numbers):
    residual, features, change = (one[:1] for one in numbers)
    carrier = ResidualCarrier(16, 8, 2)
    edited = torch.cat([features + change, features - change])
    carried = carrier(residual, features, edited)
    assert carried.shape == edited.shape
    assert torch.allclose(carried[1:], carrier(residual, features, edited[1:]), atol=1e-5)


def test_a_stored_state_says_how_large_it_is(numbers):
    carrier = ResidualCarrier(16, 8, 2)
    stored = ResidualCarrier.of({name: value.half() for name, value in carrier.state_dict().items()})
    assert torch.allclose(stored(*numbers), carrier(*numbers), atol=0.02)
