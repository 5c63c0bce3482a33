"""The compact generator: the published network, number for number, and the contract that edits rely on."""

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import latents
from styleclip_core.checkpoints.mobile_stylegan import load_mobile_stylegan
from styleclip_core.errors import WeightsUnavailable
from styleclip_core.networks.blend import Blend
from styleclip_core.networks.mobile_stylegan import idwt
from styleclip_core.packs.compact import compact_generator
from support import goldens


@pytest.fixture(scope="module")
def generator():
    return compact_generator()


@pytest.fixture(scope="module")
def w(generator):
    return latents.random_w(generator, 3)


@torch.no_grad()
@pytest.mark.parametrize("code", ["w", "w_plus"])
def test_matches_the_reference_outputs(generator, code):
    golden = goldens.load("mobile_stylegan_ffhq_1024")
    assert torch.allclose(generator.map(golden["z"]), golden["w"], atol=1e-3)
    image = generator.synthesize(golden[code])
    assert torch.allclose(F.adaptive_avg_pool2d(image, 64), golden[f"image_64_{code}"], atol=1e-3)
    assert torch.allclose(image[..., 496:528, 496:528], golden[f"image_crop_{code}"], atol=1e-3)


@torch.no_grad()
def test_a_seed_gives_the_face_it_always_gave(generator, w):
    image = generator.synthesize(w)
    assert image.shape == (1, 3, 1024, 1024)
    # Values of this picture when it was checked against the reference implementation.
    small = F.adaptive_avg_pool2d(image, 2).flatten()
    expected = torch.tensor(PIXELS)
    assert torch.allclose(small, expected, atol=1e-3), small.tolist()


PIXELS = [-0.1321, 0.1362, 0.337, 0.3785, -0.3896, 0.0743, -0.0577, 0.1134, -0.5336, -0.3537, -0.3039, -0.0217]


@torch.no_grad()
def test_batches_and_code_forms_agree(generator):
    w = torch.cat([latents.random_w(generator, seed) for seed in (0, 1)])
    both = generator.synthesize(w, 256)
    one = generator.synthesize(w[1:], 256)
    spread = generator.synthesize(w[1:, None].expand(-1, 18, -1), 256)
    styles = generator.synthesize(generator.styles(w[1:]), 256)
    for other in (both[1:], spread, styles):
        assert torch.allclose(one, other, atol=1e-4)
    assert [s.shape[1] for s in generator.styles(w)] == list(generator.style_sizes)


@torch.no_grad()
def test_truncation_draws_towards_the_mean(generator):
    z = torch.randn(4, 512, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(generator.map(z, 0.0), generator.w_avg.expand(4, -1))
    full, half = generator.map(z) - generator.w_avg, generator.map(z, 0.5) - generator.w_avg
    assert torch.allclose(half, full / 2, atol=1e-5)


def test_the_picture_is_differentiable_in_the_code(generator, w):
    code = w.clone().requires_grad_()
    generator.synthesize(code, 128).square().mean().backward()
    assert code.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in generator.parameters())


@torch.no_grad()
def test_previews_look_like_the_full_picture(generator, w):
    full = generator.synthesize(w)
    assert generator.preview_resolutions == (128, 256)
    for size in (64, 128, 256):
        preview = generator.synthesize(w, size)
        assert preview.shape[-1] == size
        assert (preview - F.adaptive_avg_pool2d(full, size)).abs().mean() < 0.15


@torch.no_grad()
@pytest.mark.parametrize("resolution", [128, 256])
def test_layers_that_a_preview_does_not_show_are_known(generator, w, resolution):
    code, seen = w.expand(1, 18, 512), latents.visible_layers(generator, resolution)
    moved = torch.randn(code.shape, generator=torch.Generator().manual_seed(0))
    last = (torch.arange(18)[:, None] == seen.sum() - 1).float()
    pictures = [generator.synthesize(code + by * moved, resolution) for by in (0, 1 - seen, last)]
    assert torch.equal(pictures[0], pictures[1]) and not torch.equal(pictures[0], pictures[2])


@torch.no_grad()
@pytest.mark.parametrize("resolution", [256, 1024])
def test_blend_keeps_what_the_mask_leaves_out(generator, w, resolution):
    other = latents.random_w(generator, 5)
    edited, kept = generator.synthesize(other, resolution), generator.synthesize(w, resolution)

    def blended(mask):
        return generator.synthesize(other, resolution, Blend(generator.styles(w), mask))

    assert torch.allclose(blended(torch.ones(1, 1, 64, 64)), edited, atol=1e-4)
    assert torch.allclose(blended(torch.zeros(1, 1, 64, 64)), kept, atol=1e-4)
    half = torch.zeros(1, 1, 64, 64)
    half[..., 32:] = 1
    mixed, quarter = blended(half), resolution // 8
    assert (mixed - kept)[..., :quarter].abs().mean() < 0.2 * (edited - kept)[..., :quarter].abs().mean()
    assert (mixed - kept)[..., -quarter:].abs().mean() > 0.5 * (edited - kept)[..., -quarter:].abs().mean()


def test_the_inverse_wavelet_transform_keeps_energy_and_puts_low_bands_everywhere():
    x = torch.randn(2, 12, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(idwt(x).square().sum(), x.square().sum(), rtol=1e-5)
    x[:, 3:] = 0
    assert torch.allclose(idwt(x), F.interpolate(x[:, :3], scale_factor=2) / 2)


def test_a_code_of_the_wrong_shape_is_refused(generator):
    with pytest.raises(ValueError, match="w_plus must be"):
        generator.synthesize(torch.zeros(1, 14, 512))


def test_files_that_are_not_the_model_are_refused(tmp_path):
    for part in ("Mapping", "Synthesis"):
        (tmp_path / f"{part}Network.xml").write_text("<net><layers/><edges/></net>")
        (tmp_path / f"{part}Network.bin").write_bytes(b"")
    with pytest.raises(WeightsUnavailable, match="does not hold MobileStyleGAN"):
        load_mobile_stylegan(tmp_path)


def test_whitened_coordinates_go_there_and_back(generator):
    space = latents.w_space(generator, components=512)
    w = torch.cat([latents.random_w(generator, seed, 1.0) for seed in range(200)])
    white = space.whiten(w)
    assert torch.allclose(space.unwhiten(white), w, atol=1e-3)
    assert 0.8 < white[:, :64].std().item() < 1.2
    assert torch.allclose(space.axes @ space.axes.T, torch.eye(512), atol=1e-4)
    assert (space.deviations.diff() <= 1e-6).all()
