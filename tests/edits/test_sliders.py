"""Sliders: mappers, directions and components, alone and together, on the compact pack."""

import pytest
import torch

from styleclip_core import StudioError, UnknownMapper, load_studio
from styleclip_core.checkpoints import load_mapper, save_mapper
from styleclip_core.edits import mapper as path_b
from styleclip_core.edits import sliders
from styleclip_core.images import to_tensor
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.training import mapper as training


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio):
    return studio.random_face(5)


def likeness(studio, picture, text):
    """Deviations by which a picture looks more like a text than random faces do."""
    with torch.no_grad():
        words = studio.pack.clip.encode_text([text])
        cosines = (studio.pack.clip.encode_image(to_tensor(picture)) @ words.T)[:, 0]
        return studio.pack.reference_faces.z_score(cosines, words).item()


def test_every_slider_of_the_pack_moves_the_face_and_none_at_0(studio, face):
    still = studio.preview(face, {})
    found = sliders.available(studio.pack)
    assert len({slider.key for slider in found}) == len(found) > 30
    for slider in found:
        assert studio.preview(face, {slider.key: 0}) == still
        assert studio.preview(face, {slider.key: 1.5}) != still, slider


def test_every_shipped_mapper_does_what_it_was_trained_for(studio, face):
    names = studio.pack.mappers
    assert len(names) >= 16
    for name in names:
        prompt = sliders.shipped_mapper(studio.pack, name).opts["description"]
        down, up = (studio.preview(face, {f"mapper:{name}": strength}) for strength in (0, 1.5))
        assert likeness(studio, up, prompt) > likeness(studio, down, prompt) + 0.4, name


@pytest.mark.parametrize("source", ["text", "style"])
def test_a_prompt_becomes_a_slider_both_ways(studio, face, source):
    prompt = "a smiling person"
    less, more = (studio.preview(face, {f"{source}:{prompt}": strength}) for strength in (-1, 1))
    assert likeness(studio, more, prompt) > likeness(studio, less, prompt) + 0.8


def test_sliders_add_up(studio, face):
    code = face.w_plus[None]
    one, _ = sliders.move(studio.pack, code, {"boundary:age": 1.0})
    other, _ = sliders.move(studio.pack, code, {"component:3:0:8": -2.0})
    both, styles = sliders.move(studio.pack, code, {"boundary:age": 1.0, "component:3:0:8": -2.0})
    assert torch.allclose(both - code, (one - code) + (other - code), atol=1e-4) and styles is None
    moved, styles = sliders.move(studio.pack, code, {"boundary:age": 1.0, "style:blond hair": 1.0})
    assert torch.allclose(moved, one, atol=1e-5) and isinstance(styles, list)


def test_the_full_picture_looks_like_the_preview(studio, face):
    values = {"boundary:smile": 1.0}
    edit, small = studio.slide(face, values), studio.preview(face, values)
    difference = to_tensor(edit.image.resize(small.size)) - to_tensor(small)
    assert difference.abs().mean() < 0.05
    assert edit.photo is edit.image and 0 < edit.scores["identity"] < 1
    assert torch.equal(studio.slide(face, {}).latent, face.w_plus)


@pytest.mark.parametrize(
    "values",
    [
        {"mapper:nobody": 1},
        {"nonsense": 1},
        {"boundary:wealth": 1},
        {"component:999:0:4": 1},
        {"component:x": 1},
        {"boundary:age": float("nan")},
        {"boundary:age": 9},
        {"boundary:age": "much"},
        ["boundary:age"],
        {"text: ": 1},
        {"style:": 1},
        {f"component:{i}:0:4": 1 for i in range(80)},
    ],
)
def test_wrong_sliders_are_refused(studio, face, values):
    with pytest.raises(StudioError) as refused:
        studio.preview(face, values)
    assert len(str(refused.value)) > 20


def test_a_mapper_is_trained_kept_and_used(studio, face, tmp_path):
    """Few steps: the gallery's step is learned, and pictures do not unlearn it."""
    settings = training.MapperSettings(
        levels=("course", "medium"), steps=3, faces=2, held_out=1, batch=1, every=3, resolution=128
    )
    path = tmp_path / "smile.pt"
    training.run(studio.pack, "a smiling person", path, settings)
    assert {file.name for file in tmp_path.iterdir()} == {"smile.pt", "smile.losses.png", "smile.samples.jpg"}
    mapper = load_mapper(path)
    assert mapper.levels == ("course", "medium") and mapper.opts["description"] == "a smiling person"
    edit = studio.apply_mapper(face, mapper, 1.5)
    assert likeness(studio, edit.image, "a smiling person") > likeness(studio, face.image, "a smiling person") + 0.4
    assert torch.equal(edit.latent[8:], face.w_plus[8:]), "the fine layers were left out"


def test_a_stopped_training_goes_on_where_it_was(studio, tmp_path):
    settings = training.MapperSettings(levels=("fine",), steps=4, faces=2, held_out=1, batch=1, every=2, resolution=128)
    faces = training.both_sets(studio.pack, settings)
    whole, curve = training.train(studio.pack, "blond hair", settings, None, faces)

    class Stopped(Exception):
        pass

    def stop(step, text):
        if step == 3:
            raise Stopped

    with pytest.raises(Stopped):
        training.train(studio.pack, "blond hair", settings, tmp_path / "r.pt", faces, stop)
    resumed, again = training.train(studio.pack, "blond hair", settings, tmp_path / "r.pt", faces)
    assert [step for step, _ in again.held_out] == [step for step, _ in curve.held_out] == [0, 2, 4]
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-3)


def test_a_mapper_of_another_sort_is_refused(studio, face, tmp_path):
    (tmp_path / "no.pt").write_bytes(b"no weights")
    with pytest.raises(StudioError):
        load_mapper(tmp_path / "no.pt")
    with pytest.raises(UnknownMapper, match="choose from"):
        studio.apply_mapper(face, "nobody")
    mapper = LevelsMapper(("fine",))
    save_mapper(mapper, tmp_path / "own.pt")
    code = face.w_plus[None]
    moved, _ = sliders.move(studio.pack, code, {"mapper:own": 0.5}, {"own": load_mapper(tmp_path / "own.pt")})
    with torch.no_grad():
        assert torch.allclose(moved, path_b.apply(mapper, code, 0.5), atol=1e-5)
        mapper.opts[path_b.VISIBLE_LAYERS] = 11
        seen = path_b.apply(mapper, code, 0.5)
    assert torch.equal(seen[:, 11:], code[:, 11:]) and torch.allclose(seen[:, :11], moved[:, :11], atol=1e-5)
