"""CLIP by open_clip behind our interface. The published weights are not needed: random ones show the plumbing."""

import logging
import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from styleclip_core.checkpoints import load_open_clip
from styleclip_core.errors import BadCheckpoint, BadSetting
from styleclip_core.networks.open_clip import area_resize

SMALL = "ViT-S-32-alt"


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    return load_open_clip()


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return load_open_clip(SMALL)


@pytest.mark.parametrize("size", [256, 1024])
def test_shrinking_is_styleclips_enlarging_and_pooling(size):
    images = torch.rand(1, 2, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wanted = F.avg_pool2d(F.interpolate(images, scale_factor=7), size // 32)
    assert torch.allclose(area_resize(images, 224, 224), wanted, atol=1e-5)


def test_shrinking_keeps_means_at_sizes_that_do_not_divide():
    images = torch.rand(1, 2, 31, 50, generator=torch.Generator().manual_seed(0))
    shrunk = area_resize(images, 7, 20)
    assert shrunk.shape == (1, 2, 7, 20)
    assert torch.allclose(shrunk.mean((2, 3)), images.mean((2, 3)), atol=1e-6)
    ramp = torch.arange(50.0)[None, None, None].expand(1, 1, 31, 50)
    assert torch.allclose(area_resize(ramp, 7, 20)[0, 0, 3], torch.arange(20) * 2.5 + 0.75, atol=0.2)


def test_shrinking_in_inference_first_leaves_gradients_possible():
    images = torch.rand(1, 1, 23, 23)
    with torch.inference_mode():
        area_resize(images, 5, 5)
    images.requires_grad_()
    area_resize(images, 5, 5).sum().backward()
    assert torch.allclose(images.grad, torch.full_like(images, (5 / 23) ** 2))


def test_images_are_seen_as_clip_was_trained(clip):
    import open_clip

    assert not clip.training and not any(p.requires_grad for p in clip.parameters())
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mean, std = (torch.tensor(v)[:, None, None] for v in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD))
    with torch.no_grad():
        wanted = F.normalize(clip.model.encode_image(((images + 1) / 2 - mean) / std))
        assert torch.allclose(clip.encode_image(images), wanted, atol=1e-5)
        assert torch.allclose(clip.encode_image(F.interpolate(images, scale_factor=2)), wanted, atol=1e-4)
        raw = clip.encode_image_as_styleclip(images)
        assert torch.allclose(raw, F.normalize(clip.model.encode_image(images)), atol=1e-5)
        assert not torch.allclose(raw, wanted, atol=1e-2)


def test_both_towers_give_unit_vectors_and_the_image_tower_a_gradient(clip):
    with torch.no_grad():
        texts = clip.encode_text(["a face", "a smiling person with grey hair"])
    images = torch.rand(2, 3, 300, 260, generator=torch.Generator().manual_seed(0)).mul(2).sub(1).requires_grad_()
    seen = clip.encode_image(images)
    assert texts.shape == seen.shape == (2, 512)
    for vectors in (texts, seen):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)
    (seen * texts).sum().backward()
    assert (images.grad.flatten(1).abs().amax(1) > 0).all()
    assert all(parameter.grad is None for parameter in clip.parameters())


@torch.no_grad()
def test_long_prompts_are_cut_and_small_pictures_enlarged(small):
    long = "a face " * 100
    longer, short = small.encode_text([long + "with a hat", long]), small.encode_text(["a face"])
    assert small.reads_all("a face " * 37 + "a") and not small.reads_all(long), "75 tokens, and one at each end"
    assert torch.equal(longer[0], longer[1]) and not torch.allclose(longer[0], short[0], atol=1e-3)
    assert small.encode_image(torch.zeros(1, 3, 64, 64)).norm().item() == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_half_precision_answers_in_float32(small):
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    exact, texts = small.encode_image(images), small.encode_text(["a face"])
    small.bfloat16()
    try:
        half = small.encode_image(images)
        assert half.dtype == torch.float32
        assert F.cosine_similarity(half, exact).item() > 0.99
        assert F.cosine_similarity(small.encode_text(["a face"]), texts).item() > 0.99
    finally:
        small.float()


@torch.no_grad()
def test_a_file_is_loaded_by_its_content(small, tmp_path):
    state = {name: value.contiguous() for name, value in small.model.state_dict().items()}
    save_file(state, tmp_path / "open_clip_model.safetensors")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "epoch.weights")
    wanted = small.encode_text(["a face"])
    for name in ("open_clip_model.safetensors", "epoch.weights"):
        loaded = load_open_clip(SMALL, tmp_path / name)
        assert torch.allclose(loaded.encode_text(["a face"]), wanted, atol=1e-5)
        assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    with pytest.raises(BadCheckpoint, match="unknown keys.*ln_extra"):
        save_file(state | {"ln_extra": torch.zeros(1)}, tmp_path / "extra.safetensors")
        load_open_clip(SMALL, tmp_path / "extra.safetensors")


@torch.no_grad()
def test_openais_own_state_dict_is_read_and_its_program_is_not_run(small, tmp_path):
    sizes = {
        "input_resolution": torch.tensor(224),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
    }
    torch.save({name: value.half() for name, value in small.model.state_dict().items()} | sizes, tmp_path / "clip.pt")
    loaded = load_open_clip(SMALL, tmp_path / "clip.pt")
    assert F.cosine_similarity(loaded.encode_text(["a face"]), small.encode_text(["a face"])).item() > 0.999

    class Program(torch.nn.Module):
        def forward(self, x):
            return x + 1

    torch.jit.save(torch.jit.script(Program()), tmp_path / "program.pt")
    with pytest.raises(BadCheckpoint, match="program.pt is a TorchScript program.*open_clip_model.safetensors"):
        load_open_clip(SMALL, tmp_path / "program.pt")


def test_files_that_are_no_clip_are_refused(tmp_path):
    (tmp_path / "page.safetensors").write_text("<html>Not found</html>")
    torch.save({}, tmp_path / "empty.pt")
    for name in ("page.safetensors", "empty.pt", "missing.safetensors"):
        with pytest.raises(BadCheckpoint, match=name.replace(".", r"\.")):
            load_open_clip(SMALL, tmp_path / name)


def test_models_are_chosen_by_name_and_tag():
    for name, tag, reason in [
        ("ViT-Z", "openai", "no model"),
        ("hf-hub:a/b", "openai", "no model"),
        ("ViT-B-16-SigLIP", "webli", "tokenizer"),
        ("coca_ViT-B-32", "openai", "captioning"),
        ("ViT-B-32-quickgelu", "laion9", "choose a tag of openai"),
    ]:
        with pytest.raises(BadSetting, match=reason):
            load_open_clip(name, tag=tag)


def test_the_wrong_activation_is_warned_of(monkeypatch, small):
    monkeypatch.setattr("styleclip_core.checkpoints.open_clip._create", lambda name: small.model)
    with pytest.warns(UserWarning, match="use ViT-B-32-quickgelu"):
        load_open_clip("ViT-B-32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_open_clip("ViT-B-32", tag="laion2b_s34b_b79k")
        load_open_clip("ViT-B-32-quickgelu")


def test_loading_leaves_logging_as_it_was(small):
    assert logging.root.manager.disable == logging.NOTSET
    assert math.isclose(small.encode_text(["x"]).norm().item(), 1, abs_tol=1e-5)
