"""StyleGAN2: the published networks, number for number, the textbook's arithmetic, and the contract that edits need."""

import copy

import pytest
import torch
import torch.nn.functional as F

from styleclip_core.checkpoints.stylegan2 import stylegan2_from_rosinality
from styleclip_core.networks.blend import Blend
from styleclip_core.networks.cpu_convs import Winograd
from styleclip_core.networks.stylegan2 import StyleGAN2
from support.rosinality import CHANNELS, FIR, assert_close, rosinality_state


def textbook(state, w_plus):
    """Pictures as the paper has them: modulated weights, one group of a convolution for each sample."""
    n, levels = len(w_plus), 2 + sum(name.endswith("upsample.kernel") for name in state) - 1

    def convolve(name, x, w, up=False, demodulate=True):
        weight = state[f"{name}.conv.weight"]
        style = F.linear(w, state[f"{name}.conv.modulation.weight"] / 512**0.5, state[f"{name}.conv.modulation.bias"])
        weight = weight / weight[0, 0].numel() ** 0.5 * style[:, None, :, None, None]
        if demodulate:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        x = x.reshape(1, -1, *x.shape[2:])
        if up:
            x = F.conv_transpose2d(x, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=n)
            x = F.conv2d(F.pad(x, (1, 1, 1, 1)), 4 * FIR.expand(x.shape[1], 1, 4, 4), groups=x.shape[1])
        else:
            x = F.conv2d(x, weight.flatten(0, 1), padding=weight.shape[-1] // 2, groups=n)
        return x.view(n, -1, *x.shape[2:])

    def activate(name, x, noise):
        x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{noise}"]
        return F.leaky_relu(x + state[f"{name}.activate.bias"].view(1, -1, 1, 1), 0.2) * 2**0.5

    def colours(name, x, w):
        return convolve(name, x, w, demodulate=False) + state[f"{name}.bias"]

    x = state["input.input"].expand(n, -1, -1, -1)
    x = activate("conv1", convolve("conv1", x, w_plus[:, 0]), 0)
    image = colours("to_rgb1", x, w_plus[:, 1])
    for k in range(1, levels):
        for j in (2 * k - 2, 2 * k - 1):
            x = activate(f"convs.{j}", convolve(f"convs.{j}", x, w_plus[:, j + 1], up=j % 2 == 0), j + 1)
        stuffed = image.new_zeros(n, 3, 8 << (k - 1), 8 << (k - 1))
        stuffed[..., ::2, ::2] = image
        image = F.conv2d(F.pad(stuffed, (2, 1, 2, 1)), 4 * FIR.expand(3, 1, 4, 4), groups=3)
        image = image + colours(f"to_rgbs.{k - 1}", x, w_plus[:, 2 * k + 1])
    return image


@pytest.fixture(scope="module")
def state():
    return rosinality_state(CHANNELS)


@pytest.fixture(scope="module")
def generator(state):
    return stylegan2_from_rosinality(state, torch.zeros(512))


@pytest.fixture(scope="module")
def w_plus(generator):
    return torch.randn(3, generator.num_layers, 512, generator=torch.Generator().manual_seed(1))


# What the textbook says


@torch.no_grad()
def test_the_arithmetic_is_the_textbooks(generator, state, w_plus):
    assert_close(generator.synthesize(w_plus), textbook(state, w_plus))


def test_gradients_are_the_textbooks(generator, state, w_plus):
    """Frozen weights go special ways on CPUs, weights that train the plain one."""
    target = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    trainable = copy.deepcopy(generator).requires_grad_()
    found = []
    for synthesize in (lambda w: textbook(state, w), generator.synthesize, trainable.synthesize):
        code = w_plus.clone().requires_grad_()
        (synthesize(code) * target).sum().backward()
        found.append(code.grad)
    assert_close(found[1], found[0], 2e-3)  # here and there rounding decides on which side of 0 a feature is
    assert_close(found[2], found[0], 2e-3)
    assert all(parameter.grad is None for parameter in generator.parameters())
    unused = ("mapping.", "w_avg")
    assert all(p.grad.abs().sum() > 0 for n, p in trainable.named_parameters() if not n.startswith(unused))


@torch.no_grad()
def test_weights_that_were_tuned_are_used(generator, w_plus):
    tuned = copy.deepcopy(generator)
    tuned.synthesize(w_plus)
    for convs in tuned.convs:
        for conv in convs:
            conv.weight.mul_(torch.linspace(0.5, 2, conv.weight.shape[1])[:, None, None])
    fresh = StyleGAN2(32, CHANNELS).requires_grad_(False)
    fresh.load_state_dict(tuned.state_dict())
    assert torch.equal(tuned.synthesize(w_plus), fresh.synthesize(w_plus))
    assert (tuned.synthesize(w_plus) - generator.synthesize(w_plus)).abs().mean() > 0.01


@pytest.mark.parametrize("size", [(1, 4, 4), (3, 16, 8), (2, 40, 36)])
def test_winograd_is_as_exact_as_a_direct_convolution(size):
    n, height, width = size
    random = torch.Generator().manual_seed(0)
    x = torch.randn(n, 64, height, width, generator=random).requires_grad_()
    weight = torch.randn(48, 64, 3, 3, generator=random)
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    direct, fast = F.conv2d(x, weight, padding=1), Winograd(weight)(x)
    error = (direct - exact).abs().max()
    # Which kernels sum, and in which order, depends on the processor: float32 is good to 3e-6 of the largest value.
    assert (fast - exact).abs().max() < max(3 * error, 3e-6 * exact.abs().max())
    upstream = torch.randn(exact.shape, generator=random)
    wanted, found = (torch.autograd.grad(y, x, upstream)[0] for y in (direct, fast))
    assert_close(found, wanted, 1e-5)


# The contract


def test_style_space_is_as_published():
    with torch.device("meta"):
        generator = StyleGAN2()
    assert len(generator.style_sizes) == 26 and sum(generator.style_sizes) == 9088
    assert sum(s for s, rgb in zip(generator.style_sizes, generator.rgb_styles, strict=True) if not rgb) == 6048
    assert generator.num_layers == 18
    assert generator.style_layers[:8] == (0, 1, 1, 2, 3, 3, 4, 5) and generator.style_layers[-1] == 17
    assert generator.preview_resolutions == (4, 8, 16, 32, 64, 128, 256, 512)
    assert [i for i, rgb in enumerate(generator.rgb_styles) if rgb] == list(range(1, 26, 3))


@torch.no_grad()
def test_layers_that_a_preview_does_not_show_are_known(generator):
    code = torch.randn(1, generator.num_layers, 512, generator=torch.Generator().manual_seed(3))
    seen = generator.visible_layers(8)
    assert seen == 4 and generator.visible_layers(generator.resolution) == generator.num_layers
    for layer in (seen - 1, seen):
        moved = code.clone()
        moved[:, layer] += 1
        assert torch.equal(generator.synthesize(moved, 8), generator.synthesize(code, 8)) == (layer == seen)


@torch.no_grad()
def test_batches_and_code_forms_agree(generator):
    w = torch.randn(2, 512, generator=torch.Generator().manual_seed(3))
    both, one = generator.synthesize(w), generator.synthesize(w[1:])
    spread = generator.synthesize(w[1:, None].expand(-1, 8, -1))
    styles = generator.synthesize(generator.styles(w[1:]))
    for other in (both[1:], spread, styles):
        assert_close(other, one, 1e-5)
    assert [s.shape[1] for s in generator.styles(w)] == list(generator.style_sizes)
    with pytest.raises(ValueError, match="w_plus must be"):
        generator.synthesize(torch.zeros(1, 7, 512))


@torch.no_grad()
def test_an_early_exit_is_the_smaller_network(generator, state, w_plus):
    kept = ("style.", "input.", "conv1.", "to_rgb1.", "convs.0.", "convs.1.", "to_rgbs.0.")
    noises = tuple(f"noises.noise_{i}" for i in range(3))
    part = stylegan2_from_rosinality({k: v for k, v in state.items() if k.startswith((*kept, *noises))})
    assert part.resolution == 8
    assert torch.equal(generator.synthesize(w_plus, 8), part.synthesize(w_plus[:, :4]))
    pooled = F.adaptive_avg_pool2d(generator.synthesize(w_plus, 16), 12)
    assert torch.equal(generator.synthesize(w_plus, 12), pooled)
    assert generator.features(generator.styles(w_plus), 16).shape == (3, 128, 16, 16)


@torch.no_grad()
@pytest.mark.parametrize("resolution", [16, 32])
def test_blend_keeps_what_the_mask_leaves_out(generator, w_plus, resolution):
    kept, edited = (generator.synthesize(w_plus[i : i + 1], resolution) for i in (0, 1))
    styles = generator.styles(w_plus[:1])

    def blended(mask, resolutions=None):
        return generator.synthesize(w_plus[1:2], resolution, Blend(styles, mask, resolutions))

    assert_close(blended(torch.ones(1, 1, 64, 64)), edited, 1e-5)
    assert_close(blended(torch.zeros(1, 1, 64, 64)), kept, 1e-5)
    assert_close(blended(torch.zeros(1, 1, 64, 64), ()), edited, 1e-5)
    half = torch.zeros(1, 1, 64, 64)
    half[..., 32:] = 1
    mixed, quarter = blended(half), resolution // 4
    assert (mixed - kept)[..., :quarter].abs().mean() < 0.3 * (edited - kept)[..., :quarter].abs().mean()
    assert (mixed - edited)[..., -quarter:].abs().mean() < 0.3 * (edited - kept)[..., -quarter:].abs().mean()
    coarse = blended(half, (4, 8))  # features of 4 and 8 px mixed, later ones not
    assert (coarse - mixed).abs().mean() > 1e-3


@torch.no_grad()
def test_truncation_draws_towards_the_mean(state):
    generator = stylegan2_from_rosinality(state)
    z = torch.randn(4096, 512, generator=torch.Generator().manual_seed(0))
    w = generator.map(z)
    assert (w.mean(0) - generator.w_avg).norm() < 0.2 * w.norm(dim=1).mean()
    assert torch.allclose(generator.map(z[:4], 0.0), generator.w_avg.expand(4, -1))
    assert torch.allclose(generator.map(z[:4], 0.5), (w[:4] + generator.w_avg) / 2, atol=1e-4)


def test_it_compiles_without_graph_breaks(generator, w_plus):
    mask = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    def picture(code):
        blend = Blend(generator.styles(w_plus[:1]), mask)
        return generator.synthesize(code, 16, blend) + generator.synthesize(code, 16)

    compiled = torch.compile(picture, fullgraph=True, backend="eager")
    with torch.no_grad():
        assert_close(compiled(w_plus[1:2]), picture(w_plus[1:2]))


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close_and_never_overflows(dtype):
    generator = stylegan2_from_rosinality(rosinality_state((16, 16, 16, 16)), torch.zeros(512))
    w_plus = torch.randn(1, 8, 512, generator=torch.Generator().manual_seed(1))
    half = copy.deepcopy(generator).set_precision(dtype, levels=2)
    assert [conv.weight.dtype for convs in half.convs for conv in convs] == [torch.float32] * 3 + [dtype] * 4
    wanted, found = generator.synthesize(w_plus), half.synthesize(w_plus)
    assert found.dtype == torch.float32
    assert (found - wanted).abs().mean() < 0.02 * wanted.abs().mean()
    loud = [style if rgb else style * 1e5 for style, rgb in zip(generator.styles(w_plus), half.rgb_styles, strict=True)]
    assert_close(half.synthesize(loud), found, 0.02)  # demodulation undoes what all channels share
    assert half.synthesize([style * 1e5 for style in generator.styles(w_plus)]).isfinite().all()
