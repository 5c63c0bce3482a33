"""The compact pack's face parser on synthetic faces, and what it is trained with."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from styleclip_core import packs, weights
from styleclip_core.evaluation import measure
from styleclip_core.faces import detect
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.packs.compact import PARSER, compact_parser
from styleclip_core.training import parser as training
from styleclip_core.training import parsing_labels

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))
MISSING = ("glasses", "earring", "necklace", "hat")  # classes that have no labels
ID = {name: i for i, name in enumerate(CLASSES)}


@pytest.fixture(scope="module")
def parser():
    return compact_parser()


@pytest.fixture(scope="module")
def faces():
    pictures = [np.asarray(Image.open(file).convert("RGB").resize((256, 256))) for file in EXAMPLES]
    assert len(pictures) >= 4
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def found(parser, faces):
    with torch.no_grad():
        return parser.parse(faces)


def center(mask):
    """Mean row and column of a bool mask ``[H,W]``."""
    assert mask.any()
    return mask.nonzero().float().mean(0).tolist()


def test_the_pack_has_the_parser_and_it_is_small():
    assert weights.CHECKPOINTS[PARSER].bytes < 3e6
    parser = packs.load_pack("compact", "cpu").parser
    assert parser.classes == CLASSES
    assert not parser.training and not any(p.requires_grad for p in parser.parameters())


def test_probabilities_for_every_pixel(found, faces):
    assert found.shape == (len(faces), 19, 256, 256) and found.dtype == torch.float32
    assert found.min() >= 0
    assert torch.allclose(found.sum(1), torch.ones(()), atol=1e-4)


def test_shares_are_those_of_a_portrait(found):
    winner = found.argmax(1)
    share = {name: [(w == i).float().mean().item() for w in winner] for name, i in ID.items()}
    ranges = {
        "skin": (0.12, 0.45),
        "hair": (0.06, 0.6),
        "background": (0.03, 0.7),
        "nose": (0.01, 0.06),
        "left eye": (0.001, 0.012),
        "right eye": (0.001, 0.012),
        "left brow": (0.0005, 0.02),  # bangs hide one of them
        "right brow": (0.0005, 0.02),
        "upper lip": (0.001, 0.02),
        "lower lip": (0.001, 0.03),
        "neck": (0.005, 0.2),
    }
    for name, (low, high) in ranges.items():
        assert low < min(share[name]) and max(share[name]) < high, (name, share[name])
    for name in MISSING:
        assert max(share[name]) == 0, name


def test_parts_lie_where_faces_have_them(found):
    for winner in found.argmax(1):
        at = {name: center(winner == ID[name]) for name in ("nose", "upper lip", "lower lip", "skin")}
        for part in ("eye", "brow"):
            left, right = center(winner == ID[f"left {part}"]), center(winner == ID[f"right {part}"])
            assert left[1] < at["nose"][1] < right[1]
            assert abs(left[0] - right[0]) < 12  # aligned faces are upright
            at[part] = left
        assert at["brow"][0] < at["eye"][0] < at["nose"][0] < at["upper lip"][0] < at["lower lip"][0]
        middle = winner[:, round(at["nose"][1])].tolist()
        assert middle.index(ID["hair"]) < middle.index(ID["skin"]) < middle.index(ID["nose"])
        rows, columns = (winner == ID["skin"]).nonzero().T
        for name in ("left eye", "right eye", "nose", "upper lip"):
            y, x = (winner == ID[name]).nonzero().T
            assert rows.min() < y.min() and columns.min() < x.min() and x.max() < columns.max()
        assert (winner[:40, [0, -1]] == ID["skin"]).sum() == 0


@torch.no_grad()
def test_a_mirrored_face_has_left_and_right_swapped(parser, faces, found):
    mirrored = parser.parse(faces.flip(3)).flip(3)[:, training.MIRRORED[: len(CLASSES)].tolist()]
    assert (mirrored.argmax(1) == found.argmax(1)).float().mean() > 0.95
    for part in ("left eye", "right eye", "left brow", "right brow"):
        here, there = found[:, ID[part]] > 0.5, mirrored[:, ID[part]] > 0.5
        assert (here & there).sum() > 0.6 * (here | there).sum(), part


@torch.no_grad()
def test_faces_do_not_change_each_other(parser, faces, found):
    for i in range(len(faces)):
        assert torch.allclose(parser.parse(faces[i : i + 1])[0], found[i], atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("size", [(192, 192), (96, 96), (500, 375), (1024, 1024), (17, 33)])
def test_any_size(parser, faces, found, size):
    face = F.interpolate(faces[:1], size, mode="bilinear", antialias=True)
    probabilities = parser.parse(face)
    assert probabilities.shape == (1, 19, *size)
    assert torch.allclose(probabilities.sum(1), torch.ones(()), atol=1e-4)
    if min(size) >= 96:
        resized = F.interpolate(probabilities, (256, 256), mode="bilinear", antialias=True)
        assert (resized.argmax(1) == found[:1].argmax(1)).float().mean() > 0.93


def test_logits_are_those_of_the_probabilities(parser, faces):
    with torch.no_grad():
        small = F.interpolate(faces[:1], (96, 96), mode="bilinear", antialias=True)
        assert torch.allclose(parser.logits(small).softmax(1), parser.parse(small), atol=1e-4)
        assert parser.logits(faces[:1]).shape == (1, 19, 256, 256)


def test_mirrored_ids_swap_sides_only():
    swapped = [CLASSES[i] for i in training.MIRRORED[: len(CLASSES)]]
    assert swapped == [n.replace("left", "?").replace("right", "left").replace("?", "right") for n in CLASSES]
    assert training.MIRRORED[parsing_labels.IGNORED] == parsing_labels.IGNORED


def test_spoilt_pictures_keep_their_labels():
    image, classes = np.full((256, 256, 3), 20, np.uint8), np.full((256, 256), ID["skin"], np.uint8)
    image[90:120, 60:100], classes[90:120, 60:100] = 230, ID["left eye"]
    sides = set()
    for seed in range(12):
        picture, labels = training.spoil(image, classes, image, 192, np.random.default_rng(seed))
        assert picture.shape == (192, 192, 3) and labels.shape == (96, 96)
        eye = np.isin(labels, (ID["left eye"], ID["right eye"]))
        small = picture.reshape(96, 2, 96, 2, 3).mean((1, 3, 4))
        assert small[eye].mean() > 2 * small[labels == ID["skin"]].mean()
        left = np.argwhere(eye)[:, 1].mean() < 48
        assert (labels[eye] == ID["left eye" if left else "right eye"]).all()
        sides.add(bool(left))
    assert sides == {True, False}


def test_losses_do_not_count_what_is_left_out():
    classes = torch.tensor([[[0, 1, 17, 255]]])
    logits = 50 * F.one_hot(torch.tensor([[[0, 1, 17, 4]]]), 19).permute(0, 3, 1, 2).float()
    assert training.overlap_loss(logits, classes) < 1e-4
    assert training.overlap_loss(logits.roll(1, 1), classes) > 0.9
    weight = training.class_weights(classes.byte().numpy())
    assert weight[[0, 1, 17]].min() > 0 and weight[[4, 18]].max() == 0


def test_the_measure_counts_hits():
    class Half:
        def parse(self, images):  # skin on the left, hair on the right
            out = torch.zeros(len(images), 19, *images.shape[-2:])
            out[:, ID["skin"], :, :4], out[:, ID["hair"], :, 4:] = 1, 1
            return out

    labels = np.full((1, 8, 8), ID["skin"], np.uint8)
    labels[:, :, 6:], labels[:, 0] = ID["hair"], parsing_labels.IGNORED
    scores = training.intersection_over_union(Half(), np.zeros((1, 8, 8, 3), np.uint8), labels)
    assert scores["skin"] == pytest.approx(4 / 6) and scores["hair"] == pytest.approx(2 / 4)
    assert np.isnan(scores["hat"])


def test_labels_follow_the_mesh(monkeypatch):
    """With a made-up hair mask: hair above the brows only, and a beard that must not become hair."""

    def hair(image, _):
        mask = np.zeros((256, 256), np.float32)
        mask[:60] = mask[190:] = 1
        return mask

    monkeypatch.setattr(measure, "hair_probability", hair)
    labels = parsing_labels.label(parsing_labels.read(EXAMPLES[0]), "")
    for left, right in (("left eye", "right eye"), ("left brow", "right brow")):
        assert center(torch.from_numpy(labels == ID[left]))[1] < center(torch.from_numpy(labels == ID[right]))[1]
    assert (labels == ID["skin"]).mean() > 0.1 and (labels == ID["nose"]).mean() > 0.01
    assert (labels[:30] == ID["hair"]).mean() > 0.5
    chin = labels[190:210, 118:138]
    assert (chin == ID["hair"]).mean() == 0
    assert parsing_labels.label(np.full((256, 256, 3), 128, np.uint8), "") is None
    detect._landmarker.cache_clear()  # closed while MediaPipe can still do it
