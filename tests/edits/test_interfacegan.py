"""InterFaceGAN: the shipped boundaries, and moves across them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from styleclip_core import BadSetting, UnsupportedByPack
from styleclip_core.edits import interfacegan
from styleclip_core.faces import detect_faces
from styleclip_core.images import to_image
from styleclip_core.training.directions import MEASURED, READ
from support.directions import OtherGenerator, embed, fits_better


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
def test_boundaries_order_faces_that_nothing_was_fitted_to(pack, unseen_faces, name, text, opposite):
    pair = torch.stack(
        [interfacegan.score(pack, name, unseen_faces[0]), fits_better(pack, unseen_faces[1], text, opposite)]
    )
    assert torch.corrcoef(pair)[0, 1] > 0.5


def test_about_half_of_all_faces_lie_beyond_a_boundary(pack, unseen_faces):
    scores = interfacegan.score(pack, "smile", unseen_faces[0])
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
    less, more = (embed(pack, interfacegan.apply(pack, w_plus, "smile", x)) for x in (-1.5, 1.5))
    assert (fits_better(pack, more, *texts) > fits_better(pack, less, *texts) + 1).all()


@torch.no_grad()
def test_the_pose_boundary_turns_faces(pack, w):
    def yaw(strength):
        moved = interfacegan.apply(pack, w[:1, None].repeat(1, 18, 1), "pose", strength)
        pose = detect_faces(to_image(pack.generator.synthesize(moved, 256)))[0].pose
        return np.degrees(np.arctan2(pose[0, 2], pose[2, 2]))

    assert yaw(1.5) - yaw(-1.5) > 15
