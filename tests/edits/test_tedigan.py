"""TediGAN's optimisation: its terms, its start, and what it does to a face."""

import pytest
import torch

from styleclip_core import BadSetting, Studio, TediGANSettings
from styleclip_core.edits.tedigan import optimize_tedigan
from styleclip_core.images import to_tensor
from styleclip_core.settings import OfficialSettings


@pytest.fixture(scope="module")
def studio(pack):
    return Studio(pack)


@pytest.fixture(scope="module")
def face(studio):
    return studio.random_face(3)


@pytest.mark.parametrize("start", ["mean", "face"])
def test_it_starts_where_it_is_told_and_becomes_like_the_photo(pack, face, start):
    settings, code = TediGANSettings(steps=12, clip=0, start=start, resolution=128), face.w_plus[None]
    steps = list(optimize_tedigan(pack, code, to_tensor(face.image), "an old person", settings))
    begin = pack.generator.w_avg.expand_as(code) if start == "mean" else code
    move = steps[1].w_plus - begin  # the first rates are 0 and a tenth of a step's
    assert torch.equal(steps[0].w_plus, begin) and 0 < move.abs().max() <= 0.11
    assert steps[-1].terms.keys() == {"clip", "pixel", "perceptual", "latent"}
    if start == "mean":
        first, last = (steps[i].terms["pixel"] + steps[i].terms["perceptual"] for i in (0, -1))
        assert last < 0.8 * first
    else:
        assert steps[0].terms["pixel"] < 0.05  # small pictures of this generator are not quite the full one


def test_the_text_moves_the_face(studio, face):
    edit = studio.optimize(face, "a person with grey hair", TediGANSettings(steps=14, start="face", resolution=128))
    assert edit.scores["clip_after"] > edit.scores["clip_before"] + 0.01
    assert edit.scores["plain_code"] == 1 and edit.state.mask is None


def test_settings_are_checked():
    with pytest.raises(BadSetting, match="start must be one of mean, face"):
        TediGANSettings(start="photo")
    with pytest.raises(BadSetting, match="mode must be one of edit, free_generation"):
        OfficialSettings(mode="")
