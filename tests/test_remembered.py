"""A photo that an edit gave is known again, exactly and by its pixels alone; what is remembered is bounded."""

import gc

import numpy as np
import pytest
from PIL import Image

from styleclip_core import InvertSettings, load_studio
from styleclip_core.recent import Recent
from styleclip_core.remembered import EditedPhotos


class Key:
    pass


def test_the_least_recently_used_is_dropped():
    computed, keys, recent = [], [Key() for _ in range(3)], Recent(2)
    for i in (0, 1, 0, 2, 0, 1):
        assert recent.of(keys[i], lambda i=i: computed.append(i) or i) == i
    assert computed == [0, 1, 2, 1] and len(recent) == 2


def test_nothing_outlives_its_key():
    recent, key = Recent(), Key()
    recent.of(key, lambda: "known")
    del key
    gc.collect()
    assert len(recent) == 0


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def photo(studio):
    """Two faces in one photo."""
    photo = Image.new("RGB", (1500, 800), "teal")
    for seed, x, size in ((11, 40, 720), (3, 800, 640)):
        photo.paste(studio.random_face(seed).image.resize((size, size)), (x, 60))
    return photo


@pytest.fixture(scope="module")
def edit(studio, photo):
    return studio.slide(studio.invert(photo, settings=InvertSettings(steps=0)), {"mapper:smiling": 1})


def stages(run):
    return [getattr(step, "stage", "") for step in run]


def test_an_edited_photo_goes_on_exactly(studio, edit, tmp_path):
    edit.save(tmp_path / "edit.png")
    *progress, face = studio.invert_steps(tmp_path / "edit.png")
    assert len(progress) == 1, "nothing is inverted"
    assert np.array_equal(face.image, edit.image) and face.faces == 2
    assert np.array_equal(face.photo, edit.photo) and face.aligned is not None
    still = studio.slide(face, {})
    assert np.array_equal(still.photo, edit.photo)


def test_another_face_of_it_is_inverted(studio, edit):
    other = studio.invert(edit.photo, face=1, settings=InvertSettings(steps=0))
    assert not np.array_equal(other.image, edit.image)


def test_what_was_asked_for_otherwise_is_inverted(studio, edit):
    plain = studio.invert(edit.photo, settings=InvertSettings(steps=0, faithful=0))
    assert not plain.weights and not np.array_equal(plain.image, edit.image)


def test_one_other_pixel_makes_it_another_photo(studio, edit):
    changed = edit.photo.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    steps = stages(studio.invert_steps(changed, settings=InvertSettings(steps=0)))
    assert len(steps) > 2, "it is inverted"


def test_the_picture_of_a_random_face_goes_on_too(studio):
    edit = studio.slide(studio.random_face(7), {"boundary:age": 1})
    face = studio.invert(edit.photo)
    assert np.array_equal(face.image, edit.image) and face.photo is None


def test_an_edit_that_changes_nothing_is_not_remembered(studio):
    face = studio.random_face(5)
    edit = studio.slide(face, {})
    assert np.array_equal(edit.photo, face.image) and studio._edited.find(edit.photo) is None


def test_the_number_of_edits_is_bounded(studio, edit):
    known = EditedPhotos(2)
    edits = [studio.slide(studio.random_face(seed), {"boundary:age": 1}) for seed in range(3)]
    for each in edits:
        known.add(studio.pack, each)
    assert len(known) == 2 and known.find(edits[0].photo) is None and known.find(edits[2].photo)
