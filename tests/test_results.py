"""What an edit was drawn from can be saved, loaded, drawn again bit for bit, and be the start of the next edit."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import InvertSettings, OptimizeSettings, load_state, load_studio, save_state
from styleclip_core.errors import BadCheckpoint, UnsupportedByPack
from styleclip_core.results import DrawnState

PROMPT = "a person with red lipstick"


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio):
    """A face in a larger photo, with a feature residual of its own."""
    made = studio.random_face(11)
    photo = Image.new("RGB", (1400, 1200), "teal")
    photo.paste(made.image, (200, 100))
    return studio.invert(photo, settings=InvertSettings(steps=2))


EDITS = {
    "path A": lambda s, f: s.optimize(f, "a smiling person", OptimizeSettings(steps=1, views=0, resolution=128)),
    "sliders": lambda s, f: s.slide(f, {"mapper:smiling": 1, "boundary:age": -0.5}),
    "StyleSpace": lambda s, f: s.slide(f, {f"style:{PROMPT}": 1.5, "boundary:smile": 1}),
    "direction": lambda s, f: s.apply_direction(f, s.direction(PROMPT), 1.5),
    "region": lambda s, f: s.slide(f, {"boundary:blond hair": 2}, mask=s.region(f, "hair")),
    "region, StyleSpace": lambda s, f: s.slide(f, {f"style:{PROMPT}": 2}, mask=s.region(f, "lips")),
}


@pytest.fixture(scope="module", params=EDITS)
def edit(request, studio, face):
    return EDITS[request.param](studio, face)


def grey_levels(a, b):
    return np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16)).max()


def test_a_face_has_a_residual(face):
    assert any(name.endswith("offset") for name in face.weights)


def test_saved_loaded_drawn(studio, edit, tmp_path):
    save_state(edit.state, tmp_path / "edit.npz")
    again = load_state(tmp_path / "edit.npz")
    assert grey_levels(studio.render(again), edit.image) == 0
    assert grey_levels(studio.render(edit), edit.image) == 0
    assert torch.equal(again.w_plus, edit.latent) and (again.styles is None) == (edit.state.styles is None)
    assert np.load(tmp_path / "edit.npz")["w_plus"].shape == (18, 512)


def test_the_next_edit_starts_there(studio, edit):
    start = studio.start_from(edit)
    assert grey_levels(start.image, edit.image) <= 2  # outside a region the generator draws, where the edit kept bits
    assert start.photo is edit.photo and start.aligned.size == (1024, 1024)
    still = studio.slide(start, {})
    assert grey_levels(still.image, start.image) == 0 and grey_levels(still.photo, edit.photo) == 0
    older = studio.slide(start, {"mapper:old": 1})
    assert older.scores["identity"] < 0.99 and grey_levels(older.image, start.image) > 20


def test_a_region_on_a_region_is_inverted_anew(studio, face):
    first = EDITS["region"](studio, face)
    start = studio.start_from(first)
    second = studio.slide(start, {"boundary:lipstick": 2}, mask=studio.region(start, "lips"))
    with pytest.raises(UnsupportedByPack, match="on top of another"):
        studio.face(second.state)


def test_what_is_no_state_is_refused(tmp_path):
    good = tmp_path / "good.npz"
    save_state(DrawnState(torch.zeros(18, 512)), good)
    (tmp_path / "short.npz").write_bytes(good.read_bytes()[:200])
    (tmp_path / "text.npz").write_text("no code")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps([1]))
    np.savez(tmp_path / "object.npz", w_plus=np.array([{}], object))
    np.savez(tmp_path / "shape.npz", w_plus=np.zeros((3, 4), np.float32))
    np.savez(tmp_path / "nan.npz", w_plus=np.full((18, 512), np.nan, np.float32))
    np.savez(tmp_path / "other.npz", w=np.zeros((18, 512), np.float32))
    for name in ("short", "text", "pickle", "object", "shape", "nan", "other", "missing"):
        with pytest.raises(BadCheckpoint, match=f"{name}.npz is not a code"):
            load_state(tmp_path / f"{name}.npz")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    save_state(DrawnState(torch.zeros(18, 512)), tmp_path / "bomb.npz")
    monkeypatch.setattr("styleclip_core.results.MAX_STATE_BYTES", 1000)
    with pytest.raises(BadCheckpoint, match="too large"):
        load_state(tmp_path / "bomb.npz")
