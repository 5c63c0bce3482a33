"""One suite for every implementation of a contract: generators, text-image models, parsers, encoders, identity."""

import inspect
from itertools import zip_longest

import pytest
import torch

from styleclip_core.checkpoints.open_clip import load_open_clip
from styleclip_core.checkpoints.stylegan2 import stylegan2_from_rosinality
from styleclip_core.latents import w_space
from styleclip_core.networks.bisenet import BiSeNetParser
from styleclip_core.networks.blend import Blend
from styleclip_core.packs import base
from styleclip_core.packs.compact import compact_encoder, compact_generator, compact_parser, face_clip
from support.rosinality import CHANNELS, rosinality_state


def assert_implements(thing, protocol):
    """Every attribute of a Protocol is there, and what it says of a method's arguments holds."""
    for name in inspect.get_annotations(protocol):
        assert hasattr(thing, name), name
    for name, member in vars(protocol).items():
        if isinstance(member, property):
            assert hasattr(thing, name), name
        if not inspect.isfunction(member) or (name.startswith("_") and name != "__call__"):
            continue
        asked = list(inspect.signature(member).parameters.values())[1:]
        given = list(inspect.signature(thing if name == "__call__" else getattr(thing, name)).parameters.values())
        for ours, theirs in zip_longest(asked, given):
            if ours is None:
                assert theirs.default is not theirs.empty, f"{name} needs {theirs.name}"
            else:
                assert theirs is not None and (theirs.name, theirs.default) == (ours.name, ours.default), name


@pytest.fixture(scope="module", params=["mobile", "stylegan2"])
def generator(request):
    if request.param == "mobile":
        return compact_generator()
    return stylegan2_from_rosinality(rosinality_state(CHANNELS), torch.zeros(512))


@pytest.fixture(scope="module")
def small(generator):
    """A size at which synthesis can stop."""
    return 128 if generator.resolution == 1024 else 16


@pytest.fixture(scope="module")
@torch.no_grad()
def w_plus(generator):
    z = torch.randn(2, 512, generator=torch.Generator().manual_seed(0))
    return generator.map(z, 0.7)[:, None].repeat(1, generator.num_layers, 1)


def test_generators_implement_the_protocol(generator):
    assert_implements(generator, base.Generator)


def test_its_attributes_are_consistent(generator):
    count = len(generator.style_sizes)
    assert len(generator.style_layers) == len(generator.rgb_styles) == count
    assert all(isinstance(rgb, bool) for rgb in generator.rgb_styles) and any(generator.rgb_styles)
    assert 0 <= min(generator.style_layers) and max(generator.style_layers) < generator.num_layers
    sizes = generator.preview_resolutions
    assert sizes == tuple(sorted(sizes)) and all(size < generator.resolution for size in sizes)
    assert generator.w_avg.shape == (512,) and generator.w_avg.dtype == torch.float32
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())


def test_an_exit_is_always_a_size(generator):
    for size in generator.preview_resolutions:
        assert generator.exit_resolution(size) == size
    assert generator.exit_resolution(generator.resolution) == generator.resolution
    assert generator.visible_layers(generator.resolution) == generator.num_layers
    seen = [generator.visible_layers(size) for size in generator.preview_resolutions]
    assert seen == sorted(seen) and all(isinstance(count, int) for count in seen)


@torch.no_grad()
def test_truncation(generator):
    z = torch.randn(3, 512, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(generator.map(z, 0.0), generator.w_avg.expand(3, -1))
    halfway = (generator.map(z) + generator.w_avg) / 2
    assert torch.allclose(generator.map(z, 0.5), halfway, atol=1e-5)


@torch.no_grad()
def test_codes_and_their_styles_draw_the_same(generator, small, w_plus):
    styles = generator.styles(w_plus)
    assert [style.shape for style in styles] == [(2, size) for size in generator.style_sizes]
    picture = generator.synthesize(w_plus, small)
    assert picture.shape == (2, 3, small, small) and picture.dtype == torch.float32 and picture.isfinite().all()
    assert torch.equal(generator.synthesize(styles, small), picture)
    assert torch.allclose(generator.synthesize(w_plus[:, 0], small), picture, atol=1e-5)
    with pytest.raises(ValueError, match="w_plus must be"):
        generator.styles(w_plus[:, :-1])


@torch.no_grad()
def test_full_size_is_the_default(generator, w_plus):
    whole = generator.synthesize(w_plus[:1])
    assert whole.shape == (1, 3, generator.resolution, generator.resolution)
    assert torch.equal(whole, generator.synthesize(w_plus[:1], generator.resolution))
    assert torch.equal(whole, generator.synthesize(w_plus[:1], None)), "the same code gives the same picture"


@torch.no_grad()
@pytest.mark.parametrize("size", [4, 8, 16])
def test_features_have_the_size_that_was_asked_for(generator, w_plus, size):
    features = generator.features(generator.styles(w_plus), size)
    assert features.ndim == 4 and features.shape[0] == 2 and features.shape[-2:] == (size, size)


@torch.no_grad()
def test_only_visible_layers_move_a_small_picture(generator, small, w_plus):
    count, before = generator.visible_layers(small), generator.synthesize(w_plus, small)
    assert count < generator.num_layers
    for layers, moves in ((slice(count - 1, count), True), (slice(count, None), False)):
        moved = w_plus.clone()
        moved[:, layers] += 0.5
        assert torch.equal(generator.synthesize(moved, small), before) != moves


@torch.no_grad()
def test_a_blend_keeps_what_is_outside(generator, small, w_plus):
    kept, edited = w_plus[:1], w_plus[1:]
    for value, shown in ((0.0, kept), (1.0, edited)):
        blend = Blend(generator.styles(kept), torch.full((1, 1, 64, 64), value))
        found = generator.synthesize(edited, small, blend)
        assert torch.allclose(found, generator.synthesize(shown, small), atol=1e-4)
        size = generator.exit_resolution(small)
        blend = Blend(generator.styles(kept), torch.full((1, 1, 64, 64), value))
        features = generator.features(generator.styles(edited), size, blend)
        assert torch.allclose(features, generator.features(generator.styles(shown), size), atol=1e-3)


def test_gradients_reach_the_code(generator, small, w_plus):
    code = w_plus[:1].clone().requires_grad_()
    generator.synthesize(code, small).square().mean().backward()
    count = generator.visible_layers(small)
    assert code.grad[:, :count].abs().amax(2).min() > 0 and code.grad[:, count:].abs().max() == 0


@torch.no_grad()
def test_a_fitted_head_reads_the_picture(generator, small, w_plus):
    styles = generator.styles(w_plus[:1])
    picture = torch.nn.functional.adaptive_avg_pool2d(generator.synthesize(w_plus[:1]), small)
    head = generator.fitted_head(styles, picture, small)
    shown = generator.synthesize(styles, small) if head is None else head(generator.features(styles, small))
    general = generator.synthesize(styles, small)
    assert shown.shape == picture.shape
    assert (shown - picture).square().mean() <= (general - picture).square().mean()


@pytest.fixture(scope="module", params=["face_clip", "open_clip"])
def text_image_model(request):
    return face_clip()[0] if request.param == "face_clip" else load_open_clip("ViT-S-32-alt", tag="")


def test_text_image_models_implement_the_protocol(text_image_model):
    assert_implements(text_image_model, base.TextImageModel)
    assert not text_image_model.training and not any(p.requires_grad for p in text_image_model.parameters())


@torch.no_grad()
def test_texts_and_pictures_share_a_space_of_unit_vectors(text_image_model):
    assert text_image_model.reads_all("a smiling person") and not text_image_model.reads_all("smiling " * 80)
    texts = text_image_model.encode_text(["a smiling person", "a person with grey hair", "x"])
    images = torch.rand(2, 3, 200, 200, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = text_image_model.encode_image(images)
    assert texts.dtype == seen.dtype == torch.float32 and texts.shape[1] == seen.shape[1]
    assert len(texts) == 3 and len(seen) == 2
    for vectors in (texts, seen):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-4)
    assert torch.allclose(text_image_model.encode_text(["x"]), texts[2:], atol=1e-4)
    assert text_image_model.encode_image(images[:1, :, :90, :90]).shape == (1, seen.shape[1])


def test_pictures_have_gradients(text_image_model):
    images = (torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(1)) * 2 - 1).requires_grad_()
    text_image_model.encode_image(images)[:, 0].sum().backward()
    assert images.grad.isfinite().all() and images.grad.abs().max() > 0


@torch.no_grad()
@pytest.mark.parametrize("make", [compact_parser, BiSeNetParser], ids=["compact", "bisenet"])
def test_parsers_return_probabilities_of_the_same_classes(make):
    images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(2)) * 2 - 1
    parser = make().eval()
    assert_implements(parser, base.FaceParser)
    found = parser.parse(images)
    assert found.shape == (1, 19, 96, 96) and found.min() >= 0
    assert torch.allclose(found.sum(1), torch.ones(1, 96, 96), atol=1e-4)


@pytest.fixture(params=["compact", "e4e"])
def encoder_and_layers(request, pack):
    """An encoder and the number of layers of its codes; of e4e, with random weights."""
    if request.param == "e4e":
        return pack.encoder, pack.generator.num_layers
    generator = compact_generator()
    return compact_encoder(w_space(generator, samples=600)), generator.num_layers


@torch.no_grad()
def test_encoders_give_codes_for_pictures_of_any_size(encoder_and_layers):
    encoder, layers = encoder_and_layers
    for count, size in ((1, 96), (2, 256)):
        images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(3)) * 2 - 1
        codes = encoder(images)
        assert codes.shape == (count, layers, 512) and codes.dtype == torch.float32 and codes.isfinite().all()
    assert torch.allclose(encoder(images[:1]), codes[:1], atol=1e-3), "pictures of a batch do not change each other"


@pytest.mark.parametrize("kind", ["compact", "arcface"])
def test_identity_models_give_differentiable_unit_vectors(kind, pack):
    identity = pack.identity if kind == "arcface" else face_clip()[0].encode_identity
    images = (torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(4)) * 2 - 1).requires_grad_()
    people = identity(images)
    assert people.ndim == 2 and people.dtype == torch.float32
    assert torch.allclose(people.norm(dim=1), torch.ones(2), atol=1e-4)
    people[:, 0].sum().backward()
    assert images.grad.isfinite().all() and (images.grad.flatten(1).abs().amax(1) > 0).all()
