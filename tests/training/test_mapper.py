"""Settings and losses of mapper training; `tests/edits/test_sliders.py` trains some."""

import pytest

from styleclip_core import BadSetting
from styleclip_core.edits.objective import make_objective
from styleclip_core.networks.mapper import level_sizes
from styleclip_core.packs import load_pack
from styleclip_core.training import mapper as training


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"faces": 1}, {"lr": -1}, {"lr": float("nan")}, {"batch": "two"}, {"losses": "l1"}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(BadSetting):
        training.MapperSettings(**wrong)


def test_an_edit_that_changes_nothing_costs_only_what_was_asked_for():
    pack = load_pack("compact", "cpu")
    settings = training.MapperSettings(faces=2, held_out=1)
    faces, _ = training.both_sets(pack, settings)
    terms = training.picture_losses(
        pack, make_objective(pack, "a person with purple hair"), faces.codes, faces, [0, 1], settings
    )
    assert terms["clip"] > 1 and terms["directional"] > 0.4
    assert all(abs(terms[name]) < 1e-3 for name in ("identity", "likeness", "preserve", "latent"))


def test_official_losses_are_styleclips():
    pack = load_pack("compact", "cpu")
    settings = training.MapperSettings(faces=2, held_out=1, losses="official")
    faces, _ = training.both_sets(pack, settings)
    objective = make_objective(pack, "a person with purple hair")
    terms = training.picture_losses(pack, objective, faces.codes + 0.2, faces, [0, 1], settings)
    images = faces.draw(faces.codes + 0.2, [0, 1])
    text, seen = pack.clip.encode_text(["a person with purple hair"]), pack.clip.encode_image(images)
    same = (pack.identity(images) * faces.unedited.identities).sum(1)
    wanted = {"clip": (1 - seen @ text.T).mean(), "identity": 0.1 * (1 - same).mean(), "latent": 0.8 * 0.2**2}
    assert {name: pytest.approx(float(value), rel=1e-3) for name, value in wanted.items()} == {
        name: float(value) for name, value in terms.items()
    }


def test_the_layers_of_a_step_belong_to_levels():
    assert level_sizes(18) == [4, 4, 10] and level_sizes(11) == [4, 4, 3]
