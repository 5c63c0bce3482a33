"""Style and region residuals, from which an edit in StyleSpace or in a region goes on, in both generators."""

import pytest
import torch

from styleclip_core.checkpoints.stylegan2 import stylegan2_from_rosinality
from styleclip_core.networks.adapted import adapted
from styleclip_core.networks.blend import Blend
from styleclip_core.packs.compact import compact_generator
from support.rosinality import CHANNELS, rosinality_state


@pytest.fixture(scope="module", params=["mobile_stylegan", "stylegan2"])
def generator(request):
    if request.param == "mobile_stylegan":
        return compact_generator()
    return stylegan2_from_rosinality(rosinality_state(CHANNELS), torch.zeros(512))


@pytest.fixture(scope="module")
def size(generator):
    return 128 if generator.resolution == 1024 else generator.resolution


@pytest.fixture(scope="module")
@torch.no_grad()
def codes(generator):
    """Three faces ``[3,L,512]``."""
    z = torch.randn(3, 512, generator=torch.Generator().manual_seed(5))
    return generator.map(z, 0.7)[:, None].repeat(1, generator.num_layers, 1)


@pytest.fixture(scope="module")
@torch.no_grad()
def offsets(generator, codes):
    """What leads from the style vectors of the first face to those of the second, one ``[1,C_i]`` each."""
    return [style[1:2] - style[:1] for style in generator.styles(codes)]


def with_residual(generator, name, offsets, **more):
    named = {f"{name}.offset_{i}": offset for i, offset in enumerate(offsets)}
    return adapted(generator, named | {f"{name}.{key}": value for key, value in more.items()})


def assert_same(found, wanted, tolerance=1e-4):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < tolerance * wanted.abs().max()


def half_mask():
    """1 in the right half."""
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 32:] = 1
    return mask


@torch.no_grad()
def test_a_style_residual_is_added_to_every_code(generator, size, codes, offsets):
    own = with_residual(generator, "style_residual", offsets)
    for plain, moved, offset in zip(generator.styles(codes), own.styles(codes), offsets, strict=True):
        assert torch.equal(moved, plain + offset)
    assert_same(own.synthesize(codes[:1], size), generator.synthesize(codes[1:2], size))
    given = generator.styles(codes[2:])
    assert torch.equal(own.synthesize(given, size), generator.synthesize(given, size)), (
        "style vectors are drawn as given"
    )


@torch.no_grad()
def test_a_style_residual_may_be_of_some_vectors_only(generator, codes, offsets):
    own = adapted(generator, {"style_residual.offset_2": offsets[2]})
    for i, (plain, moved) in enumerate(zip(generator.styles(codes), own.styles(codes), strict=True)):
        assert torch.equal(moved, plain) == (i != 2)


@torch.no_grad()
def test_a_region_of_everything_adds_the_offsets_everywhere(generator, size, codes, offsets):
    everywhere = with_residual(generator, "region_residual", offsets, mask=torch.ones(1, 1, 64, 64))
    plain = with_residual(generator, "style_residual", offsets)
    assert_same(everywhere.synthesize(codes, size), plain.synthesize(codes, size))
    styles = generator.styles(codes)
    moved = [style + offset for style, offset in zip(styles, offsets, strict=True)]
    assert_same(everywhere.features(styles, 16), generator.features(moved, 16))


@torch.no_grad()
def test_a_region_of_nothing_changes_nothing(generator, size, codes, offsets):
    nowhere = with_residual(generator, "region_residual", offsets, mask=torch.zeros(1, 1, 64, 64))
    assert_same(nowhere.synthesize(codes, size), generator.synthesize(codes, size))
    styles = generator.styles(codes)
    assert_same(nowhere.features(styles, 16), generator.features(styles, 16))


@torch.no_grad()
def test_without_a_mask_there_is_no_region(generator, size, codes, offsets):
    own = with_residual(generator, "region_residual", offsets)
    assert torch.equal(own.synthesize(codes[:1], size), generator.synthesize(codes[:1], size))


@torch.no_grad()
def test_a_region_draws_what_a_blend_drew(generator, codes, offsets):
    """At full size too, where an edit in a region is taken up."""
    own = with_residual(generator, "region_residual", offsets, mask=half_mask())
    for size in (8 if 8 in generator.preview_resolutions else 128, generator.resolution):
        blend = Blend(generator.styles(codes[:1]), half_mask())
        assert_same(own.synthesize(codes[:1], size), generator.synthesize(codes[1:2], size, blend))


@torch.no_grad()
def test_blends_work_on_top_of_a_region(generator, size, codes, offsets):
    own = with_residual(generator, "region_residual", offsets, mask=half_mask())
    kept, edited = (own.synthesize(codes[i : i + 1], size) for i in (0, 2))
    styles = own.styles(codes[:1])

    def blended(mask):
        return own.synthesize(codes[2:], size, Blend(styles, mask))

    assert_same(blended(torch.ones(1, 1, 64, 64)), edited)
    assert_same(blended(torch.zeros(1, 1, 64, 64)), kept)
    top = torch.zeros(1, 1, 64, 64)
    top[..., :32, :] = 1
    mixed, quarter = blended(top), size // 4
    assert (mixed - edited)[..., :quarter, :].abs().mean() < 0.3 * (edited - kept)[..., :quarter, :].abs().mean()
    assert (mixed - kept)[..., -quarter:, :].abs().mean() < 0.3 * (edited - kept)[..., -quarter:, :].abs().mean()


def test_gradients_go_through_a_region(generator, size, codes, offsets):
    own = with_residual(generator, "region_residual", offsets, mask=half_mask())
    code = codes[:1].clone().requires_grad_()
    own.synthesize(code, size).square().mean().backward()
    assert code.grad.isfinite().all() and code.grad[:, : generator.visible_layers(size)].abs().amax(2).min() > 0


def test_a_generator_as_it_is_has_no_residuals(generator):
    assert not [name for name in generator.state_dict() if "residual" in name]
