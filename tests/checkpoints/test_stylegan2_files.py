"""Published StyleGAN2 generators, number for number, and files that are something else."""

import argparse

import pytest
import torch
import torch.nn.functional as F

from styleclip_core.checkpoints.stylegan2 import load_generator, stylegan2_from_rosinality
from styleclip_core.errors import BadCheckpoint
from support import goldens
from support.rosinality import CHANNELS, assert_close, rosinality_state


@pytest.fixture(scope="module")
def state():
    return rosinality_state(CHANNELS)


@pytest.fixture(scope="module")
def generator(state):
    return stylegan2_from_rosinality(state, torch.zeros(512))


@torch.no_grad()
def assert_golden(generator, golden):
    assert_close(generator.map(golden["z"]), golden["w"], 1e-3)
    image = generator.synthesize(golden["w_plus"])
    corner = generator.resolution // 2 - 16
    assert_close(F.adaptive_avg_pool2d(image, 64), golden["image_64"], 1e-3)
    assert_close(image[..., corner : corner + 32, corner : corner + 32], golden["image_crop"], 1e-3)


@pytest.mark.parametrize("name", ["stylegan2_church_256", "stylegan2_car_512", "stylegan2_ffhq_1024"])
def test_matches_the_reference_outputs(name, tmp_path):
    state, golden = goldens.weights(name), goldens.load(name)
    if name == "stylegan2_ffhq_1024":  # as in e4e's file, between other weights
        decoder = {f"decoder.{key}": value for key, value in state.items()}
        opts = argparse.Namespace(stylegan_size=1024)
        state = {"encoder.x": torch.zeros(1)} | decoder
        torch.save({"state_dict": state, "latent_avg": torch.ones(18, 512), "opts": opts}, tmp_path / "model.pt")
    else:  # rosinality's files are of before zipped ones
        content = {"g_ema": state, "latent_avg": torch.ones(512)}
        torch.save(content, tmp_path / "model.pt", _use_new_zipfile_serialization=False)
    generator = load_generator(tmp_path / "model.pt")
    assert torch.equal(generator.w_avg, torch.ones(512))
    assert_golden(generator, golden)


def test_what_a_file_lacks_or_has_too_much_is_named(state, tmp_path):
    for change, message in (
        (lambda s: s.pop("convs.3.activate.bias"), "missing: convs.3.activate.bias"),
        (lambda s: s.update({"convs.9.extra": torch.zeros(1)}), "not known: convs.9.extra"),
        (lambda s: s.update({"to_rgbs.1.bias": torch.zeros(4)}), r"to_rgbs.1.bias \[4\] instead of \[1, 3, 1, 1\]"),
        (lambda s: s.update({"to_rgbs.1.upsample.kernel": torch.ones(4, 4)}), "to_rgbs.1.upsample.kernel"),
        (lambda s: s.update({"conv1.noise.weight": torch.full((1,), torch.nan)}), "conv1.noise.weight"),
        (lambda s: s.update({"conv1.conv.weight": torch.zeros(3)}), "conv1"),
        (lambda s: s.update({"conv1.conv.weight": "none"}), "conv1.conv.weight"),
    ):
        changed = dict(state)
        change(changed)
        torch.save({"g_ema": changed, "latent_avg": torch.zeros(512)}, tmp_path / "model.pt")
        with pytest.raises(BadCheckpoint, match=f"model.pt: .*{message}"):
            load_generator(tmp_path / "model.pt")
    torch.save({"g_ema": state, "latent_avg": torch.zeros(7)}, tmp_path / "model.pt")
    with pytest.raises(BadCheckpoint, match="mean of W"):
        load_generator(tmp_path / "model.pt")


def test_a_bare_state_dict_is_a_generator_and_other_weights_are_not(state, generator, tmp_path):
    torch.save(state, tmp_path / "bare.pt")
    loaded = load_generator(str(tmp_path / "bare.pt"))
    assert torch.equal(loaded.convs[3][1].weight, generator.convs[3][1].weight)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    torch.save({"state_dict": {"encoder.weight": torch.zeros(2)}, "latent_avg": None}, tmp_path / "other.pt")
    with pytest.raises(BadCheckpoint, match="other.pt: no StyleGAN2 generator"):
        load_generator(tmp_path / "other.pt")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        load_generator(tmp_path / "nowhere.pt")


def test_files_without_fixed_noise_get_it_from_a_seed(state, tmp_path):
    torch.save({"g_ema": {k: v for k, v in state.items() if not k.startswith("noises.")}}, tmp_path / "old.pt")
    first, again = (load_generator(tmp_path / "old.pt") for _ in range(2))
    picture = first.synthesize(first.w_avg[None])
    assert picture.isfinite().all() and torch.equal(picture, again.synthesize(again.w_avg[None]))
    for k, convs in enumerate(first.convs):  # normal, times the strength of 0.3 and the gain of the activation
        assert all(conv.noise.shape[-1] == 4 << k for conv in convs)
    assert first.convs[3][1].noise.std().item() == pytest.approx(0.3 * 2**0.5, rel=0.1)
    torch.save({"g_ema": {k: v for k, v in state.items() if k != "noises.noise_3"}}, tmp_path / "part.pt")
    with pytest.raises(BadCheckpoint, match="missing: noises.noise_3"):
        load_generator(tmp_path / "part.pt")
