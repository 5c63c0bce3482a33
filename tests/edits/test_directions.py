"""GANSpace, InterFaceGAN and global directions, with the compact pack and what is shipped for it."""

import pickle
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from styleclip_core import BadCheckpoint, BadPrompt, BadSetting, EmptyPrompt, UnsupportedByPack, latents, load_pack
from styleclip_core.checkpoints.fs3 import load_fs3
from styleclip_core.edits import ganspace, global_directions, interfacegan, stored
from styleclip_core.faces import detect_faces
from styleclip_core.images import to_image
from styleclip_core.training import relevance
from styleclip_core.training.directions import MEASURED, READ, fit, run

SEEDS = (820_001, 820_002)


@pytest.fixture(scope="module")
def pack():
    return load_pack("compact", "cpu")


@pytest.fixture(scope="module")
def w(pack):
    with torch.no_grad():
        return torch.cat([latents.random_w(pack.generator, seed) for seed in SEEDS])


@pytest.fixture(scope="module")
def crowd(pack):
    """Codes of faces that nothing was fitted to, and their embeddings."""
    with torch.no_grad():
        codes = torch.cat([latents.random_w(pack.generator, 830_000 + i, 1.0) for i in range(16)])
        return codes, torch.cat([look(pack, part) for part in codes.split(8)])


@torch.no_grad()
def look(pack, latent):
    return pack.clip.encode_image(pack.generator.synthesize(latent, 128))


@torch.no_grad()
def says(pack, embeddings, text, opposite):
    """How much more the text fits than its opposite, in deviations over random faces, ``[N]``."""
    there, not_there = pack.clip.encode_text([text, opposite])
    return embeddings @ (there - not_there) / (pack.reference_faces.embeddings @ (there - not_there)).std()


class OtherGenerator(nn.Module):
    """A W that is not FFHQ's: two directions that vary much, the others little."""

    num_layers, style_sizes = 4, (8, 8)

    def __init__(self):
        super().__init__()
        self.register_buffer("w_avg", torch.randn(512, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("widths", torch.cat([torch.tensor([5.0, 3.0]), torch.full((510,), 0.1)]))

    def map(self, z, truncation=1.0):
        return self.w_avg + truncation * z * self.widths


def test_components_are_unit_vectors_at_right_angles_by_falling_variance(pack):
    axes, found = ganspace.components(pack), ganspace.component_space(pack)
    assert axes.shape == (ganspace.COUNT, 512)
    assert torch.allclose(axes @ axes.T, torch.eye(len(axes)), atol=1e-4)
    assert (found.deviations.diff() <= 0).all() and found.deviations[-1] > 0


@torch.no_grad()
def test_components_are_those_of_other_samples_too(pack):
    own = ganspace.measure(pack.generator, 3000, seed=77)
    assert ganspace.subspace_error(ganspace.components(pack)[:10], own.axes[:10]) < 0.05
    assert torch.allclose(ganspace.component_space(pack).deviations[:10], own.deviations[:10], rtol=0.08)
    few = (ganspace.measure(pack.generator, 600, seed=77, count=5) for _ in range(2))
    assert torch.equal(*(found.axes for found in few))


def test_a_pack_without_a_file_has_its_components_measured(pack, monkeypatch):
    monkeypatch.setattr(ganspace, "QUICK_SAMPLES", 1500)
    axes = ganspace.components(replace(pack, generator=OtherGenerator()))
    assert axes[0, 0] > 0.99 and axes[1, 1] > 0.99


def test_what_was_computed_for_another_pack_is_used(pack, monkeypatch, tmp_path):
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path))
    monkeypatch.setattr(ganspace, "SAMPLES", 1500)
    other = replace(pack, generator=OtherGenerator(), name="other", directions=tmp_path / "directions" / "other")
    run(other, ["ganspace"], None, None, 1, report=lambda _: None)
    assert (tmp_path / "directions" / "other" / ganspace.FILE).is_file()
    assert torch.equal(ganspace.components(other), stored.load(other, ganspace.FILE)["axes"])
    assert torch.allclose(ganspace.component_space(other).deviations[:2], torch.tensor([5.0, 3.0]), rtol=0.1)


def test_a_component_moves_the_layers_it_is_told_to(pack, w):
    w_plus = w[:, None].repeat(1, 18, 1)
    moved = ganspace.apply(pack, w_plus, 2, -1.5, 3, 6)
    expected = -1.5 * ganspace.component_space(pack).deviations[2] * ganspace.components(pack)[2]
    assert torch.allclose((moved - w_plus)[:, 3:6], expected.expand(2, 3, -1), atol=1e-5)
    assert torch.equal(moved[:, :3], w_plus[:, :3]) and torch.equal(moved[:, 6:], w_plus[:, 6:])
    for component, strength, first, last in [(80, 1, 0, 18), (-1, 1, 0, 18), (0, 1, 5, 5), (0, 99, 0, 18)]:
        with pytest.raises(BadSetting):
            ganspace.apply(pack, w_plus, component, strength, first, last)


def test_named_components_are_what_apply_takes(pack, w):
    assert len(ganspace.NAMED) >= 6 and len({slider.name for slider in ganspace.NAMED}) == len(ganspace.NAMED)
    for slider in ganspace.NAMED:
        up, down = (ganspace.apply_named(pack, w[:, None].repeat(1, 18, 1), slider, x) for x in (2, -2))
        assert slider.sign in (-1, 1) and not torch.equal(up, down)
        assert torch.allclose((up + down) / 2, w[:, None].expand(-1, 18, -1), atol=1e-5)


def test_every_boundary_is_a_unit_vector(pack):
    names = interfacegan.names(pack)
    assert names == sorted([*MEASURED, *READ])
    for name in names:
        assert abs(float(interfacegan.boundary(pack, name).norm()) - 1) < 1e-3
        assert 0.1 < interfacegan.load(pack, name).deviation < 5
    with pytest.raises(BadSetting, match="'wings'.*age"):
        interfacegan.boundary(pack, "wings")


@pytest.mark.parametrize(
    "name, text, opposite",
    [
        ("smile", "a smiling person", "a serious person"),
        ("age", "an old person", "a young person"),
        ("blond hair", "a person with blond hair", "a person with black hair"),
        ("eyeglasses", "a person with eyeglasses", "a person without glasses"),
    ],
)
def test_boundaries_order_faces_that_nothing_was_fitted_to(pack, crowd, name, text, opposite):
    pair = torch.stack([interfacegan.score(pack, name, crowd[0]), says(pack, crowd[1], text, opposite)])
    assert torch.corrcoef(pair)[0, 1] > 0.5


def test_about_half_of_all_faces_lie_beyond_a_boundary(pack, crowd):
    scores = interfacegan.score(pack, "smile", crowd[0])
    assert 0.25 < float((scores > 0).float().mean()) < 0.75 and 0.6 < float(scores.std()) < 1.5


def test_other_attributes_are_projected_out(pack):
    kept = ["age", "gender"]
    normal = interfacegan.boundary(pack, "eyeglasses", kept)
    assert abs(float(normal.norm()) - 1) < 1e-5
    for name in kept:
        assert abs(float(normal @ interfacegan.boundary(pack, name))) < 1e-4
    assert float(normal @ interfacegan.boundary(pack, "eyeglasses")) > 0.7
    with pytest.raises(BadSetting):
        interfacegan.boundary(pack, "age", ["age"])


def test_boundaries_are_not_handed_to_another_w(pack):
    with pytest.raises(UnsupportedByPack, match="FFHQ"):
        interfacegan.boundary(replace(pack, generator=OtherGenerator()), "age")


def test_the_smile_boundary_makes_faces_smile(pack, w):
    texts = ("a smiling person", "a serious person")
    w_plus = w[:1, None].repeat(1, 18, 1)
    less, more = (look(pack, interfacegan.apply(pack, w_plus, "smile", x)) for x in (-1.5, 1.5))
    assert (says(pack, more, *texts) > says(pack, less, *texts) + 1).all()


@torch.no_grad()
def test_the_pose_boundary_turns_faces(pack, w):
    def yaw(strength):
        moved = interfacegan.apply(pack, w[:1, None].repeat(1, 18, 1), "pose", strength)
        pose = detect_faces(to_image(pack.generator.synthesize(moved, 256)))[0].pose
        return np.degrees(np.arctan2(pose[0, 2], pose[2, 2]))

    assert yaw(1.5) - yaw(-1.5) > 15


def test_a_label_along_a_line_gives_that_line():
    codes = torch.randn(4000, 512, generator=torch.Generator().manual_seed(1))
    truth = torch.nn.functional.normalize(torch.randn(512, generator=torch.Generator().manual_seed(2)), dim=0)
    assert float(fit(codes, codes @ truth) @ truth) > 0.95


def test_relevance_is_that_of_small_steps(pack):
    """A step along the slopes themselves, so short that few of the many kinks of the networks lie on it."""
    content = relevance.measure(pack, faces=1, count=1, seed=2, report=lambda _: None)
    slopes = content["changes"][:, 0] * content["scales"] / content["deviations"]
    step = 0.003 * slopes / slopes.norm()
    with torch.no_grad():
        styles = pack.generator.styles(latents.random_w(pack.generator, 2))
        parts = step.split([style.shape[1] for style in styles])
        more, less = (look(pack, [s + x * p for s, p in zip(styles, parts, strict=True)]) for x in (1, -1))
    assert float((more - less) @ content["axes"].T) / 0.006 == pytest.approx(float(slopes.norm()), rel=0.15)


@pytest.mark.parametrize(
    "prompt, neutral, opposite",
    [
        ("a smiling person", "a person with a serious face", "a serious person"),
        ("a person with eyeglasses", "a person", "a person without glasses"),
        ("a person with blond hair", "a face", "a person with black hair"),
    ],
)
def test_a_prompt_becomes_a_slider(pack, w, prompt, neutral, opposite):
    start = time.perf_counter()
    found = global_directions.direction(pack, prompt, neutral)
    assert time.perf_counter() - start < 5  # a quarter of a second on an idle core
    styles = pack.generator.styles(w)
    less, usual, more = (
        says(pack, look(pack, global_directions.apply(found, styles, alpha)), prompt, opposite).mean()
        for alpha in (-1.5, 0, 1.5)
    )
    assert more > usual + 0.5 and less < usual


def test_alpha_0_is_the_unedited_picture(pack, w):
    styles = pack.generator.styles(w[:1])
    moved = global_directions.apply(global_directions.direction(pack, "a bald person"), styles, 0)
    assert torch.equal(pack.generator.synthesize(moved, 128), pack.generator.synthesize(styles, 128))


def test_beta_chooses_the_channels(pack):
    found = global_directions.direction(pack, "a person with a beard")
    assert found.scores.abs().max() <= 1 + 1e-5
    betas = (0, found.beta / 2, None, (1 + found.beta) / 2, 1)
    counts = [int(global_directions.step(found, beta).count_nonzero()) for beta in betas]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[1] > counts[2]
    assert counts[2] == global_directions.AUTOMATIC_CHANNELS and counts[4] == 0
    for beta in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadSetting, match="beta"):
            global_directions.step(found, beta)
    with pytest.raises(BadSetting, match="alpha"):
        global_directions.apply(found, [], 11)


def test_prompts_that_say_nothing_are_refused(pack):
    with pytest.raises(EmptyPrompt):
        global_directions.direction(pack, "  ")
    with pytest.raises(BadPrompt):
        global_directions.direction(pack, "a bald person", "A bald person")
    with pytest.raises(UnsupportedByPack, match="train-directions"):
        global_directions.direction(replace(pack, generator=OtherGenerator()), "a bald person")


SMALL = SimpleNamespace(style_sizes=(4, 3, 2), rgb_styles=(False, True, False), w_avg=torch.zeros(1))


@pytest.fixture
def official(tmp_path):
    """Files laid out as StyleCLIP's, of a generator with three layers, the second for colours."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "fs3.npy", rng.standard_normal((6, 5)))
    layers = [[rng.uniform(1, 2, (1, size)).astype(np.float32) for size in SMALL.style_sizes] for _ in range(2)]
    (tmp_path / "S_mean_std").write_bytes(pickle.dumps(layers, 2))
    return tmp_path, layers


def test_official_files_are_read(official):
    folder, layers = official
    known = load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)
    rows = torch.from_numpy(np.load(folder / "fs3.npy")).float()
    assert torch.allclose(known.changes[:4], torch.nn.functional.normalize(rows[:4], dim=1))
    assert not known.changes[4:7].any() and known.changes[7:].any()
    assert torch.equal(known.deviations, torch.from_numpy(np.concatenate(layers[1], 1)[0]))
    without_rgb = [[layers[i][0], layers[i][2]] for i in (0, 1)]
    (folder / "S_mean_std").write_bytes(pickle.dumps(without_rgb, 4))
    assert torch.equal(load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL).deviations[7:], known.deviations[7:])


class Hostile:
    def __reduce__(self):
        return print, ("the code of a pickle was run",)


@pytest.mark.parametrize(
    "name, content",
    [
        ("S_mean_std", pickle.dumps(Hostile())),
        ("S_mean_std", pickle.dumps([np.array([Hostile()], object)] * 6)),
        ("S_mean_std", pickle.dumps([[np.ones(4)], [np.ones(4)]])),
        ("S_mean_std", pickle.dumps([[np.full(s, np.nan) for s in (4, 3, 2)]] * 2)),
        ("S_mean_std", b""),
        ("fs3.npy", b"<html>not found</html>"),
        ("fs3.npy", pickle.dumps(np.ones((7, 5)))),
        ("fs3.npy", pickle.dumps(np.ones((6, 5), np.int64))),
    ],
)
def test_bad_official_files_are_refused(official, name, content, capsys):
    folder, _ = official
    (folder / name).write_bytes(content)
    with pytest.raises(BadCheckpoint, match=name):
        load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)
    assert "was run" not in capsys.readouterr().out


def test_missing_official_files_are_named(official):
    with pytest.raises(BadCheckpoint, match=r"none\.npy"):
        load_fs3(official[0] / "none.npy", official[0] / "S_mean_std", SMALL)
