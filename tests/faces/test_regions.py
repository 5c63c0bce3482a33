"""Named regions: algebra on a drawn face, geometry on synthetic faces, the place that an edit needs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import StudioError, UnknownRegion
from styleclip_core.faces.regions import REGIONS, auto, edited_region, region
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


def classes_of(boxes):
    """Probabilities ``[1,19,64,64]`` of classes drawn as boxes; the last one that covers a pixel wins."""
    classes = torch.zeros(64, 64, dtype=torch.long)
    for name, (top, bottom, left, right) in boxes:
        classes[top:bottom, left:right] = CLASSES.index(name)
    return torch.nn.functional.one_hot(classes, 19).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module")
def drawn():
    return classes_of(BOXES.items())


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
        assert region(nothing, name).max() == (name in ("everywhere", "background")), name
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


def test_the_person_is_all_but_the_background(drawn):
    person, background = region(drawn, "person"), region(drawn, "background")
    assert torch.allclose(person + background, torch.ones(()), atol=1e-5)
    assert at(person, 62, 12) == 1 and at(person, 1, 1) == 0
    assert region(drawn, "whole").min() == region(drawn, "everywhere").min() == 1


def test_the_head_has_a_bit_of_the_neck_and_no_clothes(drawn):
    head = region(drawn, "head")
    assert min(at(head, 10, 30), at(head, 27, 24), at(head, 50, 32), at(head, 55, 30)) > 0.9
    assert max(at(head, 62, 12), at(head, 1, 1)) < 0.1


def test_a_hat_has_its_place_above_the_brows(drawn):
    hat = region(drawn, "hat")
    assert min(at(hat, 10, 30), at(hat, 2, 32)) > 0.9
    assert max(at(hat, 27, 24), at(hat, 44, 32), at(hat, 62, 12)) < 0.1


def test_longer_hair_has_its_place(drawn):
    longer = classes_of([*BOXES.items(), ("hair", (10, 60, 12, 18)), ("hair", (10, 60, 46, 52))])
    mask = edited_region(drawn, longer, "hair")
    assert mask.shape == (1, 1, 1024, 1024) and mask.min() >= 0 and mask.max() == 1
    assert min(at(mask, 10, 30), at(mask, 50, 14), at(mask, 58, 50)) == 1
    assert max(at(mask, 40, 32), at(mask, 60, 4)) == 0
    shorter = edited_region(longer, drawn, "hair")
    assert torch.equal(shorter, mask), "what the hair uncovers has its place too"


def test_an_open_mouth_takes_the_chin_along(drawn):
    lower = classes_of([*BOXES.items(), ("skin", (54, 57, 20, 44)), ("mouth", (43, 51, 27, 37))])
    mask = edited_region(drawn, lower, auto("an open mouth"))
    assert min(at(mask, 56, 32), at(mask, 49, 32)) == 1 and at(mask, 1, 1) == 0
    assert at(edited_region(drawn, drawn, "face"), 59, 32) == 0


def test_an_edited_region_has_a_little_room(drawn):
    for name in ("hair", "eyes", "mouth", "face"):
        before, place = region(drawn, name), edited_region(drawn, drawn, name)
        assert (place >= before - 1e-5).all() and place.sum() > before.sum(), name
    assert torch.equal(edited_region(drawn, drawn, "everywhere"), torch.ones(1, 1, 1024, 1024))


def test_background_is_that_of_the_unedited_face(drawn):
    smaller = classes_of([(name, box) for name, box in BOXES.items() if name != "cloth"])
    mask = edited_region(drawn, smaller, "background")
    assert at(mask, 62, 12) == 0 and at(mask, 1, 1) == 1


def test_stray_patches_do_not_show(drawn):
    strays = [("hair", (50, 52, 2, 5)), ("skin", (40, 46, 58, 62)), ("hair", (60, 61, 40, 41))]
    spotted = classes_of([*BOXES.items(), *strays])
    for name in ("hair", "face", "person", "head"):
        mask = edited_region(drawn, spotted, name)
        assert max(at(mask, 51, 3), at(mask, 43, 60)) == 0, name
    assert at(edited_region(spotted, spotted, "hair"), 60, 40) == 0, "a speck of hair on the clothes"
    assert at(edited_region(spotted, spotted, "background"), 51, 3) == 1


def test_both_eyes_stay_though_they_are_small_beside_hair(drawn):
    mask = edited_region(drawn, drawn, "hair+eyes")
    assert at(mask, 27, 24) == at(mask, 27, 40) == at(mask, 10, 30) == 1
