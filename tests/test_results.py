"""What an edit was drawn from can be saved, loaded, drawn again bit for bit, and be the start of the next edit."""

import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import InvertSettings, OptimizeSettings, load_state, load_studio, save_state
from styleclip_core.edits.local import EditMask
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
    assert grey_levels(start.image, edit.image) <= 1  # outside a region the generator draws, where the edit kept bits
    assert start.photo is edit.photo and start.aligned.size == (1024, 1024)
    still = studio.slide(start, {})
    assert grey_levels(still.image, start.image) == 0 and grey_levels(still.photo, edit.photo) == 0
    older = studio.slide(start, {"mapper:old": 1})
    assert older.scores["identity"] < 0.99 and grey_levels(older.image, start.image) > 20


def test_a_region_on_a_region_is_inverted_anew(studio, face, monkeypatch):
    first = EDITS["region"](studio, face)
    start = studio.start_from(first)
    second = studio.slide(start, {"boundary:lipstick": 2}, mask=studio.region(start, "lips"))
    with pytest.raises(UnsupportedByPack, match="on top of another"):
        studio.face(second.state)
    inverted = []
    monkeypatch.setattr(studio, "invert", lambda photo: inverted.append(photo) or face)
    assert studio.start_from(second) is face and inverted == [second.photo]


def test_every_part_of_a_state_is_kept(tmp_path):
    rng = torch.Generator().manual_seed(0)
    inner = DrawnState(
        torch.randn(18, 512, generator=rng), weights={"feature_residual.offset": torch.ones(1, 2).half()}
    )
    mask = EditMask(torch.rand(1, 1, 1024, 1024, generator=rng), 8)
    styles = tuple(
        torch.randn(1, 4 + i, generator=rng) for i in range(11)
    )  # more than ten: sorted by number, not by name
    state = DrawnState(torch.randn(18, 512, generator=rng), styles, {"convs.0.bias": torch.ones(3).half()}, mask, inner)
    save_state(state, tmp_path / "state.npz")
    again = load_state(tmp_path / "state.npz")
    assert torch.equal(again.w_plus, state.w_plus) and torch.equal(again.start.w_plus, inner.w_plus)
    assert all(torch.equal(a, b) for a, b in zip(again.styles, styles, strict=True))
    assert torch.equal(again.mask.mask, mask.mask) and again.mask.shared == 8
    for found, kept in ((again.weights, state.weights), (again.start.weights, inner.weights)):
        assert found.keys() == kept.keys()
        assert all(torch.equal(found[name], kept[name]) and found[name].dtype == kept[name].dtype for name in kept)
    assert again.start.styles is None and again.start.mask is None and again.start.start is None


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


CODE = np.zeros((18, 512), np.float32)
REGION = {"start.w_plus": CODE, "shared": np.array(4)}


@pytest.mark.parametrize(
    "arrays",
    [
        {"w_plus": np.full((18, 512), np.inf, np.float32)},
        {"w_plus": CODE.astype(complex)},
        {"w_plus": CODE.astype("U1")},
        {"w_plus": np.float32(1)},
        {"w_plus": CODE, "styles.0": np.zeros((2, 512), np.float32)},
        {"w_plus": CODE, "styles.0": np.full((1, 512), np.nan, np.float32)},
        {"w_plus": CODE, "styles.1": np.zeros((1, 512), np.float32)},
        {"w_plus": CODE, "weights.feature_residual.offset": np.full((1, 4), np.nan, np.float16)},
        {"w_plus": CODE, "weights.feature_residual.offset": np.array([object()])},
        {"w_plus": CODE, "mask": np.zeros((1, 1, 64, 64), np.float32)} | REGION,
        {"w_plus": CODE, "mask": np.full((1, 1, 1024, 1024), 7, np.float32)} | REGION,
        {"w_plus": CODE, "mask": np.zeros((1, 1, 1024, 1024), np.float32), "start.w_plus": CODE},
        {"w_plus": CODE, "mask": np.zeros((1, 1, 1024, 1024), np.float32)} | REGION | {"start.w_plus": CODE[:, :3]},
    ],
)
def test_parts_that_cannot_be_meant_are_refused(arrays, tmp_path):
    np.savez_compressed(tmp_path / "odd.npz", **arrays)
    with pytest.raises(BadCheckpoint, match="odd.npz is not a code"):
        load_state(tmp_path / "odd.npz")


def test_damage_anywhere_is_refused_or_does_no_harm(tmp_path):
    save_state(DrawnState(torch.zeros(18, 512), (torch.ones(1, 8),)), tmp_path / "whole.npz")
    whole, random, refused = (tmp_path / "whole.npz").read_bytes(), np.random.default_rng(0), 0
    for place in random.integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        (tmp_path / "damaged.npz").write_bytes(damaged)
        try:
            load_state(tmp_path / "damaged.npz")
        except BadCheckpoint:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("count", [10**9, 10**13, 10**30])
def test_an_array_that_claims_to_be_huge_is_refused(count, tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (count, 512)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("w_plus.npy", header.getvalue() + bytes(100))
    with pytest.raises(BadCheckpoint, match="huge.npz is not a code"):
        load_state(tmp_path / "huge.npz")


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    save_state(DrawnState(torch.zeros(18, 512)), tmp_path / "bomb.npz")
    monkeypatch.setattr("styleclip_core.results.MAX_STATE_BYTES", 1000)
    with pytest.raises(BadCheckpoint, match="too large"):
        load_state(tmp_path / "bomb.npz")
