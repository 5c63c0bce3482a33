"""Local edits: what is outside the mask stays, bit by bit; inside the edit is as strong as everywhere."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from styleclip_core import BadImage, BadSetting, InvertSettings, OptimizeSettings, UnknownRegion, load_studio
from styleclip_core.edits.local import edit_mask, read_mask
from styleclip_core.latents import random_w
from styleclip_core.networks.stylegan2 import StyleGAN2
from styleclip_core.settings import LocalSettings

FAST = OptimizeSettings(steps=4, views=1, resolution=128, patience=0)
SHARP = LocalSettings(grow=0, feather=0)


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio):
    """A face in a larger photo, found again."""
    made = studio.random_face(11)
    photo = Image.new("RGB", (1400, 1200), "teal")
    photo.paste(made.image, (200, 100))
    return studio.invert(photo, settings=InvertSettings(steps=0))


def pixels(picture):
    return np.asarray(picture.convert("RGB"), np.float32)


def test_only_the_region_changes(studio, face):
    values = {"boundary:blond hair": 2.5}
    where = studio.region(face, "hair")
    whole, part = studio.slide(face, values), studio.slide(face, values, mask=where)
    mask = np.asarray(part.mask)
    before, inside = pixels(face.image), mask > 250
    assert 0.03 < inside.mean() < 0.7
    assert np.abs(pixels(part.image) - before)[mask == 0].max() == 0
    change, full = (np.abs(pixels(edit.image) - before)[inside].mean() for edit in (part, whole))
    assert change > 0.9 * full > 2
    assert part.scores["distance"] < whole.scores["distance"]
    assert part.scores["identity"] > whole.scores["identity"] - 0.01


def test_the_photo_outside_the_mask_keeps_every_bit(studio, face):
    mask = Image.new("L", (300, 300))
    ImageDraw.Draw(mask).ellipse([40, 150, 140, 280], fill=255)
    edit = studio.edit_region(face, "a person with blond hair", mask=mask, settings=FAST)
    outside = np.asarray(edit.mask) == 0
    assert (pixels(edit.image) == pixels(face.image))[outside].all()
    moved = (pixels(edit.photo) != pixels(face.photo)).any(-1)
    assert moved.any()
    rows, columns = np.nonzero(moved)
    corners = face.alignment.to_photo @ np.array([[110, 485, 1], [505, 980, 1]]).T  # the ellipse and its feather
    assert columns.min() > corners[0].min() - 8 and columns.max() < corners[0].max() + 8
    assert rows.min() > corners[1].min() - 8 and rows.max() < corners[1].max() + 8


def test_empty_full_and_odd_masks(studio, face):
    with pytest.raises(UnknownRegion, match="empty"):
        studio.region(face, mask=Image.new("L", (64, 64)))
    with pytest.raises(UnknownRegion, match="empty"):
        studio.region(face, mask=Image.new("RGBA", (64, 64), (255, 255, 255, 0)))
    with pytest.raises(BadImage):
        studio.region(face, mask=b"no picture")
    with pytest.raises(UnknownRegion, match="hair"):
        studio.region(face, "elbow")
    with pytest.raises(BadSetting):
        studio.region(face, "hair", settings=LocalSettings(feather=float("nan")))
    values = {"boundary:age": 2.0}
    everywhere = studio.region(face, mask=Image.new("L", (20, 90), 255))
    whole, full = (studio.slide(face, values, mask=where) for where in (None, everywhere))
    assert np.abs(pixels(whole.image) - pixels(full.image)).max() <= 2, "a full mask is no mask"


def test_what_counts_as_painted():
    painted = Image.new("RGBA", (100, 200), (0, 0, 0, 0))
    painted.paste((0, 0, 0, 255), (0, 0, 100, 100))  # black paint is paint
    mask = read_mask(painted)
    assert mask.shape == (1, 1, 1024, 1024) and mask[..., :500, :].min() == 1 and mask[..., 524:, :].max() == 0
    grey = Image.new("L", (50, 50))
    grey.paste(255, (25, 0, 50, 50))
    assert torch.equal(read_mask(grey)[..., 0], torch.zeros(1, 1, 1024)) and read_mask(grey)[..., -1].min() == 1


def test_the_prompt_chooses_the_region(studio, face):
    hair = studio.region(face, "hair").mask
    assert torch.equal(studio.region(face, "auto", "a person with curly red hair").mask, hair)
    assert torch.equal(studio.region(face, "auto", "an old person").mask, studio.region(face, "head+neck").mask)


def test_previews_are_confined_too(studio, face):
    where = studio.region(face, "hair", settings=SHARP)
    still, moved = (studio.preview(face, values, mask=where) for values in ({}, {"boundary:blond hair": 2.5}))
    inside = np.asarray(where.picture().resize(still.size)) > 0
    change = np.abs(pixels(moved) - pixels(still))
    assert change[~inside].mean() < 1.5 and change[inside].mean() > 2


@torch.no_grad()
def test_on_stylegan2_too():
    torch.manual_seed(0)
    generator = StyleGAN2(64, channels=(32, 32, 32, 32, 16)).eval()
    for weight in generator.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    first, second = (random_w(generator, seed).expand(1, 10, 512) for seed in (1, 2))
    mask = torch.zeros(1, 1, 1024, 1024)
    mask[..., :512] = 1
    blend = edit_mask(mask, SHARP).blend(generator, first)
    mixed, a, b = generator.synthesize(second, blend=blend), generator.synthesize(first), generator.synthesize(second)
    assert torch.equal(mixed[..., 33:], a[..., 33:]) and not torch.equal(mixed, a)
    inside = (mixed - a)[..., :24].abs().mean()
    assert inside > 0.5 * (b - a)[..., :24].abs().mean()
    assert torch.equal(generator.synthesize(second, blend=blend), mixed), "what is kept is kept for the next edit"
