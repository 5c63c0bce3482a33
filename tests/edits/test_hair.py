"""Hair from another photo: its readings and its colour come nearer, and nothing but the hair changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import BadSetting, Studio, UnknownRegion, UnsupportedByPack
from styleclip_core.edits import hair

SHORT, CURLS, BLOND = 12, 21, 7  # random faces


@pytest.fixture(scope="module")
def studio(pack) -> Studio:
    return Studio(pack)


@pytest.fixture(scope="module")
def faces(studio):
    return {seed: studio.random_face(seed) for seed in (SHORT, CURLS, BLOND)}


def gaps(one: hair.Hair, other: hair.Hair) -> dict[str, float]:
    """Between readings, in deviations over random faces."""
    return {key: abs(one.readings[key] - other.readings[key]) for key in one.readings}


def test_shape_and_colour_come_nearer(studio, faces):
    face, wanted = faces[SHORT], studio.hair_of(faces[CURLS].image)
    edit = studio.hair_from(face, wanted)
    before, after = studio.hair_of(face.image), studio.hair_of(edit.image)
    assert sum(gaps(after, wanted).values()) < 0.7 * sum(gaps(before, wanted).values())
    assert edit.mask is not None and edit.scores["identity"] > 0.8
    kept = np.asarray(edit.mask.resize(face.image.size)) == 0
    assert kept.mean() > 0.3 and (np.asarray(edit.image)[kept] == np.asarray(face.image)[kept]).all()


def test_colour_alone_moves_no_outline(studio, faces):
    face, wanted = faces[SHORT], studio.hair_of(faces[BLOND].image)
    edit = studio.hair_from(face, wanted, shape=False)
    before, after = studio.hair_of(face.image), studio.hair_of(edit.image)
    apart = [torch.dist(each.color, wanted.color).item() for each in (before, after)]
    assert apart[1] < 0.6 * apart[0], "it is paler, as far as this face's hair can be"
    assert abs(after.readings["hair_length"] - before.readings["hair_length"]) < 0.5


def test_what_cannot_be_taken_is_refused(studio, faces):
    with pytest.raises(UnknownRegion, match="hardly any hair"):
        hair.hair_of(studio.pack, Image.new("RGB", (1024, 1024), (200, 160, 140)))
    with pytest.raises(BadSetting, match="shape, its colour"):
        studio.hair_from(faces[SHORT], studio.hair_of(faces[CURLS].image), False, False)
    with pytest.raises(UnsupportedByPack, match="cannot take hair"):
        hair.check(replace(studio.pack, parser=None))
