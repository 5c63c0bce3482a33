"""Generators adapted to one photo, on a small StyleGAN2 with random weights."""

import pytest
import torch
from torch import nn

from styleclip_core.networks.adapted import FEATURE_SIZE, FeatureResidual, adapted, shallow_copy
from styleclip_core.networks.stylegan2 import StyleGAN2


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    generator = StyleGAN2(32, (8, 8, 8, 8), depth=2).eval().requires_grad_(False)
    for parameter in generator.parameters():
        nn.init.normal_(parameter, std=0.3)
    return generator


@pytest.fixture(scope="module")
def code():
    return torch.randn(1, 8, 512, generator=torch.Generator().manual_seed(1))


def features(generator, code, size=FEATURE_SIZE):
    return generator.features(generator.styles(code), size)


def test_a_shallow_copy_shares_everything_until_it_is_replaced(generator, code):
    other = shallow_copy(generator)
    assert torch.equal(other.synthesize(code), generator.synthesize(code))
    addresses = [p.data_ptr() for p in generator.parameters()]
    assert [p.data_ptr() for p in other.parameters()] == addresses
    before = generator.synthesize(code)
    offset = torch.ones(1, 8, FEATURE_SIZE, FEATURE_SIZE).half()
    weights = {"convs.1.0.bias": torch.ones(1, 8, 1, 1).half(), "feature_residual.offset": offset}
    own = adapted(generator, weights)
    assert own.convs[1][0].bias.dtype == torch.float32 and own.convs[1][0].bias.mean() == 1
    assert (own.synthesize(code) - before).abs().max() > 0.01
    assert torch.equal(generator.synthesize(code), before) and generator.feature_residual.offset is None
    assert [p.data_ptr() for p in own.parameters()] != addresses == [p.data_ptr() for p in generator.parameters()]


def test_the_offset_is_whole_at_the_face_and_gone_far_away(generator, code):
    plain, far = features(generator, code), features(generator, code + 3)
    offset = torch.randn(plain.shape, generator=torch.Generator().manual_seed(2))
    own = adapted(generator, {"feature_residual.offset": offset, "feature_residual.features": plain})
    assert torch.allclose(features(own, code), plain + offset, atol=1e-5)
    near = (features(own, code + 0.01) - features(generator, code + 0.01)).norm() / offset.norm()
    gone = (features(own, code + 3) - far).norm() / offset.norm()
    assert gone < 0.3 < 0.9 < near
    everywhere = adapted(generator, {"feature_residual.offset": offset})
    assert torch.allclose(features(everywhere, code + 3), far + offset, atol=1e-4)


def test_other_sizes_and_generators_without_an_offset_are_left_alone(generator, code):
    own = adapted(generator, {"feature_residual.offset": torch.ones(1, 8, FEATURE_SIZE, FEATURE_SIZE)})
    assert torch.equal(features(own, code, 8), features(generator, code, 8))
    x = torch.randn(1, 4, FEATURE_SIZE, FEATURE_SIZE)
    assert FeatureResidual()(x) is x
    assert not [name for name in generator.state_dict() if name.startswith("feature_residual.")]
