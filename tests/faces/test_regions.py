"""Named regions: algebra on a drawn face, geometry on synthetic faces, words of prompts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import StudioError, UnknownRegion
from styleclip_core.faces.regions import REGIONS, feather, grow, region, regions_in
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.packs.compact import compact_parser

EXAMPLES = Path(__file__).parents[2] / "examples"
BOXES = {  # top, bottom, left, right in 64ths
    "cloth": (56, 64, 8, 56),
    "hair": (4, 20, 14, 50),
    "neck": (52, 60, 24, 40),
    "skin": (16, 54, 16, 48),
    "left brow": (22, 24, 20, 29),
    "right brow": (22, 24, 35, 44),
    "left eye": (26, 29, 21, 28),
    "right eye": (26, 29, 36, 43),
    "nose": (27, 38, 29, 35),
    "upper lip": (42, 43, 26, 38),
    "mouth": (43, 45, 27, 37),
    "lower lip": (45, 47, 26, 38),
}


@pytest.fixture(scope="module")
def drawn():
    classes = torch.zeros(64, 64, dtype=torch.long)
    for name, (top, bottom, left, right) in BOXES.items():
        classes[top:bottom, left:right] = CLASSES.index(name)
    return torch.nn.functional.one_hot(classes, 19).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module")
def photos():
    files = sorted(EXAMPLES.glob("*.jpg"))
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB").resize((256, 256))) for file in files])
    with torch.no_grad():
        return compact_parser().parse(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1).split(1)


def at(mask, row, column):
    """The mask's value at a point in 64ths."""
    return mask[0, 0, int((row + 0.5) * 16), int((column + 0.5) * 16)].item()


@pytest.mark.parametrize("name", REGIONS)
def test_every_region_is_a_mask(drawn, name):
    mask = region(drawn, name)
    assert mask.shape == (1, 1, 1024, 1024) and mask.dtype == torch.float32
    assert mask.min() >= 0 and mask.max() <= 1
    assert (mask.max() == 1) == (name != "ears")  # of which the drawing has none


def test_parts_cover_what_they_name(drawn):
    inside = {
        "hair": (10, 30),
        "eyes": (27, 24),
        "brows": (22, 40),
        "nose": (32, 32),
        "mouth": (44, 32),
        "lips": (42, 32),
        "neck": (57, 30),
        "clothes": (62, 12),
        "background": (1, 1),
    }
    for name in inside:
        mask = region(drawn, name)
        for other, where in inside.items():
            expected = name == other or (name, other) == ("mouth", "lips")
            assert (at(mask, *where) > 0.5) == expected, (name, other)
    face = region(drawn, "face")
    assert all(at(face, *inside[name]) == 1 for name in ("eyes", "brows", "nose", "mouth"))
    assert at(face, *inside["hair"]) == at(face, *inside["neck"]) == 0


def test_union_and_difference(drawn):
    hair, brows, face, eyes = (region(drawn, name) for name in ("hair", "brows", "face", "eyes"))
    assert torch.allclose(region(drawn, "hair+brows"), (hair + brows).clamp(max=1), atol=1e-5)
    assert torch.allclose(region(drawn, " Face - eyes"), (face - eyes).clamp(min=0), atol=1e-5)
    assert torch.allclose(region(drawn, "whole-face+face"), torch.ones(()), atol=1e-5)
    assert region(drawn, "eyes-face").max() < 1e-5


def test_neighbours_join_without_a_seam():
    soft = torch.zeros(1, 19, 64, 64)
    ramp = torch.linspace(0, 1, 64)
    soft[:, CLASSES.index("hair")], soft[:, CLASSES.index("skin")] = ramp, 1 - ramp
    assert region(soft, "hair+face").min() > 0.999


def test_left_is_the_pictures_left(drawn):
    for part in ("eye", "brow"):
        left, right = region(drawn, f"left {part}"), region(drawn, f"right {part}")
        both = region(drawn, f"{part}s")
        assert torch.allclose(left + right, both, atol=1e-5)
        assert left[..., 512:].max() == 0 and right[..., :512].max() == 0 and left.max() == right.max() == 1
    swapped = drawn[
        :, [CLASSES.index(n.replace("left", "?").replace("right", "left").replace("?", "right")) for n in CLASSES]
    ]
    assert torch.equal(region(swapped, "left eye"), region(drawn, "left eye"))  # by place, whatever a parser calls it


def test_the_beard_grows_below_the_nose_and_not_on_lips(drawn):
    beard = region(drawn, "beard")
    assert min(at(beard, 40, 32), at(beard, 50, 32), at(beard, 46, 18), at(beard, 46, 46)) > 0.9
    assert max(at(beard, 44, 32), at(beard, 30, 24), at(beard, 18, 32), at(beard, 58, 32)) < 0.1


def test_glasses_cover_eyes_and_bridge(drawn):
    glasses = region(drawn, "glasses")
    assert min(at(glasses, 27, 24), at(glasses, 27, 40), at(glasses, 28, 32)) > 0.9
    assert max(at(glasses, 44, 32), at(glasses, 18, 32), at(glasses, 37, 32)) < 0.1


def test_nothing_to_see_gives_an_empty_mask():
    nothing = torch.zeros(1, 19, 32, 32)
    nothing[:, 0] = 1
    for name in REGIONS:
        assert region(nothing, name).max() == (1 if name in ("whole", "background") else 0), name
    assert region(nothing, "left eye").max() == 0


def test_synthetic_faces(photos):
    for probabilities in photos:
        beard, glasses, face = (region(probabilities, name)[0, 0] > 0.5 for name in ("beard", "glasses", "face"))
        eyes, nose = region(probabilities, "eyes")[0, 0] > 0.5, region(probabilities, "nose")[0, 0] > 0.5
        assert (eyes & glasses).sum() > 0.97 * eyes.sum()
        assert 0.01 < glasses.float().mean() < 0.1 and 0.02 < beard.float().mean() < 0.2
        assert (beard & face).sum() > 0.99 * beard.sum()
        middle = nose.nonzero()[:, 1].float().mean().long()
        under = beard[:, middle].nonzero()
        assert under.min() > nose.nonzero()[:, 0].max() - 20


@pytest.mark.parametrize("name", ["", "elbow", "hair+", "+hair", "left hair", "left", "hair+tail", "hair,eyes"])
def test_unknown_names_say_which_there_are(drawn, name):
    with pytest.raises(UnknownRegion) as error:
        region(drawn, name)
    assert isinstance(error.value, StudioError)
    assert all(known in str(error.value) for known in (*REGIONS, "left eye", "right brow"))


def disc(radius, size=256):
    rows, columns = torch.meshgrid(*2 * [torch.arange(size) - size / 2 + 0.5], indexing="ij")
    return ((rows.square() + columns.square()).sqrt() <= radius).float()[None, None]


@pytest.mark.parametrize("px", [-40, -8, 0, 4, 8, 32, 100])
def test_growing_moves_the_outline_by_so_many_of_1024(px):
    grown = grow(disc(40), px)
    radius = (grown.sum() / torch.pi).sqrt().item()
    assert radius == pytest.approx(40 + px / 4, abs=0.05 * abs(px) / 4 + 1)
    assert (grown - disc(40)).min() >= 0 if px >= 0 else (grown - disc(40)).max() <= 0
    assert torch.equal(grown, grown.flip(2)) and torch.equal(grown, grown.mT)


def test_growing_keeps_soft_edges_and_full_masks():
    soft = feather(disc(40), 16)
    grown = grow(soft, 20)
    assert ((grown > 0.2) & (grown < 0.8)).any() and (grown >= soft).all()
    for value in (0.0, 1.0):
        flat = torch.full((1, 1, 128, 128), value)
        assert torch.equal(grow(flat, 30), flat) and torch.equal(grow(flat, -30), flat)
        assert torch.equal(feather(flat, 30), flat)


@pytest.mark.parametrize("px", [0, 4, 16, 60])
def test_feathering_reaches_so_far_and_no_further(px):
    edge = torch.zeros(1, 1, 1024, 1024)
    edge[..., 512:] = 1
    ramp = feather(edge, px)[0, 0, 500]
    assert (ramp.diff() >= 0).all() and ramp[: 512 - px].max() == 0 and ramp[512 + px :].min() == 1
    between = ((ramp > 0) & (ramp < 1)).sum().item()
    assert between == pytest.approx(2 * px, abs=2)


@pytest.mark.parametrize(
    "prompt, expected",
    [
        ("Make the hair blond", "hair"),
        ("BLONDE", "hair"),
        ("a bald man", "hair"),
        ("with bangs", "hair"),
        ("a man with a beard", "beard"),
        ("facial hair", "beard"),
        ("a big moustache", "beard"),
        ("mustache", "beard"),
        ("clean-shaven", "beard"),
        ("red lipstick", "lips"),
        ("full lips", "lips"),
        ("blue eyes", "eyes"),
        ("bushy eyebrows", "brows"),
        ("eyeglasses", "glasses"),
        ("wearing sunglasses", "glasses"),
        ("a big nose", "nose"),
        ("dark background", "background"),
        ("heavy make-up", "face"),
        ("makeup", "face"),
        ("a smile", "face"),
        ("an open mouth", "mouth"),
        ("pale skin", "skin"),
        ("pearl earrings", "ears"),
        ("a red shirt", "clothes"),
        ("a woman with red lips and blond hair", "lips+hair"),
        ("grey hair, blue eyes and glasses", "hair+eyes+glasses"),
        ("a smiling person with grey hair", "face+hair"),
        ("blond hair, black hair", "hair"),
        ("an old man", None),
        ("", None),
        ("a chair in despair", None),
        ("tired", None),
        ("she is a teacher", None),
    ],
)
def test_prompts_name_regions(prompt, expected):
    assert regions_in(prompt) == expected
    assert set((expected or "hair").split("+")) <= set(REGIONS)
