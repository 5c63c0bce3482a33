"""Fast drawing and previews of the compact generator, compared with plain PyTorch at full size."""

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import BadSetting, latents, rendering
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.packs.compact import compact_generator
from styleclip_core.rendering import Preview, Renderer


@pytest.fixture(scope="module")
def generator():
    return compact_generator().requires_grad_(False)


@pytest.fixture(scope="module")
def codes(generator):
    """Two faces ``[2,18,512]``, the second an edit of the first a few standard deviations long."""
    first, towards = (latents.random_w(generator, seed) for seed in (3, 4))
    return torch.stack([first, torch.lerp(first, towards, 0.15)]).expand(2, 18, 512)


@pytest.fixture(scope="module")
@torch.no_grad()
def pictures(generator, codes):
    return generator.synthesize(codes)


def test_previews_look_like_full_pictures_averaged_down(generator, codes, pictures):
    for size in (256, 128, 100):
        small = F.adaptive_avg_pool2d(pictures, size)
        preview = Preview(generator, codes[:1], size)
        with torch.no_grad():
            plain, better = generator.synthesize(codes, size), preview(codes)
        assert (better[:1] - small[:1]).abs().max() < 1e-4
        moved = (better[1] - small[1]).square().mean().sqrt()
        assert moved < 0.12 and moved < 0.8 * (plain[1] - small[1]).square().mean().sqrt()
        quick = Preview(generator, codes[:1], size, quick=True)
        with torch.no_grad():
            softer = quick(codes)
        assert softer.shape == better.shape and (softer[:1] - small[:1]).abs().max() < 1e-4
        assert moved <= (softer[1] - small[1]).square().mean().sqrt() < 0.15
    large = Preview(generator, codes[:1], 512)  # the generator cannot stop early here
    with torch.no_grad():
        assert torch.equal(large(codes[:1]), generator.synthesize(codes[:1], 512))


def test_previews_are_differentiable(generator, codes):
    code = codes[:1].clone().requires_grad_()
    Preview(generator, codes[:1], 128)(code).square().mean().backward()
    assert code.grad[:, :10].abs().sum() > 0


def test_one_picture_and_many_have_the_same_gradients(generator, codes):
    """One alone is drawn with its style in the weights, several with theirs in the features."""
    one, many = codes[:1].clone().requires_grad_(), codes.clone().requires_grad_()
    for code in (one, many):
        generator.synthesize(code, 128)[:1].square().mean().backward()
    assert (one.grad[0] - many.grad[0]).abs().max() < 1e-4 * one.grad.abs().max()


def test_a_folded_network_computes_the_same():
    network, image = EfficientNetLite0().eval().requires_grad_(False), torch.rand(1, 3, 64, 64)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.normal_(module.bias, std=0.1)
    before = [network(image), *network.taps(image)]
    assert network.fold() is network and not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    for a, b in zip(before, [network(image), *network.taps(image)], strict=True):
        assert (a - b).abs().max() < 1e-4 * a.abs().max()


def test_a_speedup_that_fails_is_given_up_quietly(generator, codes, pictures, monkeypatch):
    plain = Renderer(generator, "auto")
    assert (plain(codes[:1]) - pictures[:1]).abs().max() < 1e-3 and (plain.speedup, plain.note) == ("eager", "")
    monkeypatch.setattr(rendering, "compiled", lambda *_: 1 / 0)
    renderer = Renderer(generator, "compile")
    for latent in (codes[:1], generator.styles(codes[:1])):
        assert torch.equal(renderer(latent), plain(latent))
    assert renderer.speedup == "eager" and "division by zero" in renderer.note
    with pytest.raises(BadSetting, match="choose one of"):
        Renderer(generator, "warp")
