"""Training of learned inversion and of the carrying of residuals, a few steps on a few faces."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from styleclip_core.edits.invert import FEATURE_SIZE
from styleclip_core.networks.carrier import faded
from styleclip_core.packs import Pack, load_pack
from styleclip_core.settings import InvertSettings
from styleclip_core.training import carrier as carrying
from styleclip_core.training import common
from styleclip_core.training import inverter as inverting
from styleclip_core.training.scenes import Scenes


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("compact", "cpu")


@pytest.fixture(scope="module")
def faces(pack: Pack) -> inverting.Faces:
    """Three faces."""
    codes = pack.generator.map(torch.randn(3, 512, generator=torch.Generator().manual_seed(0)), 0.7)
    w_plus = codes[:, None].expand(-1, pack.generator.num_layers, -1).contiguous()
    images = torch.cat([pack.generator.synthesize(one[None], 256) for one in w_plus])
    return inverting.Faces(((images.clamp(-1, 1) + 1) * 127.5).round().byte(), w_plus)


@pytest.fixture(autouse=True)
def one_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (inverting, carrying):
        monkeypatch.setattr(module, "HELD_OUT", 1)


def test_scenes_have_the_same_things_in_them_for_the_same_seed(faces: inverting.Faces) -> None:
    images = (faces.images.float() / 127.5 - 1)[[0, 1, 2] * 4]
    first, second = (Scenes(torch.Generator().manual_seed(1)).compose(x, images) for x in (images, images.clone()))
    assert torch.equal(first, second) and first.min() >= -1 and first.max() <= 1
    other = Scenes(torch.Generator().manual_seed(2)).compose(images, images)
    changed = (first - images).abs().mean((1, 2, 3))
    assert not torch.equal(first, other) and (changed > 0.02).sum() >= 6


def test_training_of_learned_steps_goes_on_where_it_was_interrupted(
    pack: Pack, faces: inverting.Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "SAVE_SECONDS", -1)
    whole, state = inverting.train(pack, faces, 2, 1), tmp_path / "state"
    with pytest.raises(InterruptedError):
        inverting.train(pack, Interrupted(faces, 4), 2, 1, state=state)  # type: ignore[arg-type]
    assert state.exists(), "the first chain was whole"
    again = inverting.train(pack, faces, 2, 1, state=state)
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert pack.generator.feature_residual.offset is None


class Interrupted:
    """Faces that can be read a few times only."""

    def __init__(self, faces: inverting.Faces, times: int):
        self.faces, self.times = faces, times

    @property
    def w_plus(self) -> torch.Tensor:
        return self.faces.w_plus

    @property
    def images(self) -> torch.Tensor:
        self.times -= 1
        if self.times < 0:
            raise InterruptedError
        return self.faces.images


def test_the_shipped_steps_lower_the_loss_of_a_face_at_each_step(pack: Pack, faces: inverting.Faces) -> None:
    assert pack.inverter is not None
    batch = inverting.batch_of(pack, faces, [2], pack.inverter, torch.Generator().manual_seed(0))
    values, *_ = inverting.chain(pack.inverter, batch, InvertSettings(), None)
    small = values[: pack.inverter.steps - 1]
    assert small == sorted(small, reverse=True) and small[-1] < 0.75 * small[0]
    assert values[-1] < values[-2], "the last two are those of larger pictures"


def test_an_edited_scene_is_the_same_scene_with_the_face_edited(
    pack: Pack, faces: inverting.Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "EDITS", 1)
    assert pack.inverter is not None
    (scene,) = carrying.scenes(pack, faces, pack.inverter, [2], torch.Generator().manual_seed(3))
    assert scene.residual.shape[-1] == FEATURE_SIZE and scene.residual.abs().max() > 0
    assert not torch.equal(scene.features, scene.edited) and scene.truth.shape == (1, 3, 128, 128)
    bare = carrying.distance(pack, scene, lambda residual, *_: torch.zeros_like(residual))
    assert carrying.distance(pack, scene, faded) < bare, "the residual helps to draw the edited scene too"
    carrier = carrying.train(pack, faces, pack.inverter, rounds=1, batch=1)
    carried = carrier(scene.residual, scene.features, scene.edited)
    assert carried.isfinite().all() and not torch.equal(carried, faded(scene.residual, scene.features, scene.edited))


def test_carrying_needs_learned_steps(pack: Pack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(carrying, "load_pack", lambda name: replace(pack, inverter=None))
    with pytest.raises(carrying.UnsupportedByPack, match="train-inverter comes first"):
        carrying.run(tmp_path)
