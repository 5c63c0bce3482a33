"""Edits in the colours of their photo: what is taken out, what stays, and what an edit is about."""

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core.faces import tones
from styleclip_core.faces.align import Alignment, paste_back
from styleclip_core.faces.tones import PARTS, SIZE, free_regions, matched
from styleclip_core.networks.bisenet import CLASSES

SIDE = 512
ALIGNMENT = Alignment(np.array([[0, 0], [0, SIDE], [SIDE, SIDE], [SIDE, 0]], dtype=float), (SIDE, SIDE), SIDE)
HAIR, SKIN, SKY = (90, 60, 40), (200, 160, 140), (120, 150, 190)


def layout(hair_until: int = 96) -> np.ndarray:
    """Parts [P,256,256]: hair above, skin below, background on the right."""
    parts = np.zeros((len(PARTS), SIZE, SIZE), np.float32)
    names = list(PARTS)
    parts[names.index("hair"), :hair_until, :192] = 1
    parts[names.index("skin"), hair_until:, :192] = 1
    parts[names.index("background"), :, 192:] = 1
    return parts


def picture(hair=HAIR, skin=SKIN, sky=SKY, noise: int = 12) -> Image.Image:
    """A picture of `layout`, with grain that is always the same."""
    pixels = np.zeros((SIDE, SIDE, 3))
    pixels[:192, :384], pixels[192:, :384], pixels[:, 384:] = hair, skin, sky
    grain = np.random.default_rng(0).uniform(-noise, noise, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def pasted(photo, unedited, edited, parts=None, free=(), mask=None) -> np.ndarray:
    parts = (layout(),) * 3 if parts is None else parts
    new = matched(photo, unedited, edited, parts, frozenset(free))
    return np.asarray(paste_back(photo, new.edited, ALIGNMENT, mask, new.base, 16, new.kept), dtype=int)


def moved(color, *by):
    return tuple(np.add(color, by).tolist())


def drift(photo: Image.Image, result: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    return np.abs((result - np.asarray(photo, dtype=int))[rows, columns].mean((0, 1)))


IN_HAIR, IN_SKIN, IN_SKY = (
    (slice(40, 160), slice(40, 340)),
    (slice(230, 460), slice(40, 340)),
    (slice(40, 460), slice(410, 480)),
)


def test_an_unedited_square_leaves_every_bit():
    photo, rebuilt = picture(), picture(moved(HAIR, 30, 10, -5), moved(SKIN, -20, 0, 9), noise=3)
    assert (pasted(photo, rebuilt, rebuilt) == np.asarray(photo)).all()
    new = matched(photo, rebuilt, rebuilt, None)
    assert new.base.tobytes() == new.edited.tobytes() and not np.asarray(new.kept).any()


def test_the_inversions_error_of_tone_does_not_come_along():
    photo, off = picture(noise=3), moved(SKIN, -24, 6, 15)
    rebuilt = picture(moved(HAIR, 30, 10, -5), off, noise=3)
    edited = rebuilt.copy()
    edited.paste((60, 20, 20), (150, 350, 250, 400))  # a mouth
    result = pasted(photo, rebuilt, edited)
    round_the_mouth = np.abs(result - np.asarray(photo, dtype=int))[340:349, 150:250]
    assert round_the_mouth.mean() < 4  # before: half of the error, up to 20
    assert np.abs(result[370:380, 190:210].mean((0, 1)) - (60, 20, 20)).max() < 26  # it is drawn, in the photo's light


def test_a_shift_that_nobody_asked_for_is_taken_back():
    photo = picture()
    edited = picture(moved(HAIR, 25, 5, -20), moved(SKIN, 12, -9, 0), moved(SKY, -30, -30, -30))
    result = pasted(photo, photo, edited)
    for place in (IN_HAIR, IN_SKIN, IN_SKY):
        assert drift(photo, result, *place).max() < 1.5
    assert (result[:, 400:] == np.asarray(photo)[:, 400:]).all()  # the background is the photo's, bit for bit


def test_a_free_part_takes_its_new_colour():
    photo, red = picture(), (170, 40, 40)
    rebuilt = picture(moved(HAIR, 20, 20, 20))
    result = pasted(photo, rebuilt, picture(red, moved(SKIN, 12, -9, 0)), free=["hair"])
    assert np.abs(result[IN_HAIR].mean((0, 1)) - red).max() < 4
    assert drift(photo, result, *IN_SKIN).max() < 1.5
    result = pasted(photo, photo, picture(sky=red), free=["background"])
    assert np.abs(result[IN_SKY].mean((0, 1)) - red).max() < 4


def test_what_the_edit_draws_is_no_shift():
    photo = picture()
    edited = picture(skin=moved(SKIN, 6, 4, 0))
    edited.paste((70, 50, 45), (60, 380, 320, 470))  # a beard
    result = pasted(photo, photo, edited)
    assert np.abs(result[400:450, 100:280].mean((0, 1)) - (70, 50, 45)).max() < 8
    assert drift(photo, result, slice(220, 330), slice(40, 340)).max() < 2


def test_skin_that_becomes_hair_gets_the_tone_of_hair():
    photo, rebuilt = picture(), picture(moved(HAIR, 20, 20, 20), moved(SKIN, -30, -30, -30))
    longer = np.array(picture(moved(HAIR, 20, 20, 20), moved(SKIN, -30, -30, -30)))
    longer[192:300, :384] = longer[0:108, :384]
    result = pasted(photo, rebuilt, Image.fromarray(longer), (layout(), layout(), layout(150)))
    assert np.abs(result[230:270, 40:340].mean((0, 1)) - HAIR).max() < 6


def test_hair_that_is_removed_leaves_no_outline():
    parts = layout(), layout(), layout()
    parts[2][list(PARTS).index("background"), :96, 160:192] = 1
    parts[2][list(PARTS).index("hair"), :96, 160:192] = 0
    kept = np.asarray(matched(picture(), picture(), picture(), parts).kept)
    assert (kept[40:150, 330:386] < 20).all()  # also a margin beside the hair that was there
    assert (kept[:, 420:] > 250).all() and (kept[240:, 395:] > 250).all()


def test_outside_the_mask_every_bit_stays():
    photo, rebuilt = picture(), picture(moved(HAIR, 20, 20, 20), moved(SKIN, -30, -30, -30))
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (50, 50, 200, 150))
    result = pasted(photo, rebuilt, picture((170, 40, 40)), free=["hair"], mask=mask)
    changed = (result != np.asarray(photo)).any(-1)
    assert changed[50:150, 50:200].mean() > 0.8
    changed[49:151, 49:201] = False
    assert not changed.any()


def test_a_mask_frees_the_surroundings_that_it_picks_out():
    mask = Image.new("L", (1024, 1024))
    assert tones.painted(mask, layout()) == frozenset()
    mask.paste(255, (700, 0, 1024, 1024))
    assert tones.painted(mask, layout()) == {"background"}
    assert tones.painted(Image.new("L", (64, 64), 255), layout()) == frozenset()


def test_without_a_parser_only_the_error_is_matched():
    photo, rebuilt = picture(), picture(moved(HAIR, 10, 10, 10), moved(SKIN, 10, 10, 10), moved(SKY, 10, 10, 10))
    new = matched(photo, rebuilt, rebuilt, None)
    assert np.abs(np.asarray(new.base, dtype=int) - np.asarray(photo)).mean() < 1
    recolored = picture((220, 60, 40), (220, 60, 40), (220, 60, 40))
    new = matched(photo, rebuilt, recolored, None)
    assert np.abs(np.asarray(new.edited, dtype=int).mean((0, 1)) - (220, 60, 40)).max() < 6


@pytest.mark.parametrize("side", [64, 256, 300, 1024])
def test_any_size_and_parts_of_a_pixel(side):
    size = min(side, SIZE)
    parts = np.zeros((len(PARTS), size, size), np.float32)
    parts[0] = 1
    for i in range(1, len(PARTS)):
        parts[:, i, i], parts[i, i, i] = 0, 1
    photo = picture().resize((side, side))
    new = matched(photo, photo, photo.rotate(180), (parts, parts, np.roll(parts, 3, 1)), frozenset({"hair"}))
    assert new.base.size == new.edited.size == new.kept.size == (side, side)


class Halves:
    """A parser that sees hair above and skin below, softly."""

    def parse(self, images: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(1, len(CLASSES), *images.shape[-2:])
        found[:, CLASSES.index("hair")] = torch.linspace(1.5, -0.5, images.shape[-2])[:, None].clamp(0, 1)
        found[:, CLASSES.index("skin")] = 1 - found[:, CLASSES.index("hair")]
        return found


def test_parts_follow_the_edges_of_the_picture():
    parts = tones.parts_of(picture(noise=0), Halves(), torch.device("cpu"))
    assert parts.shape == (len(PARTS), SIZE, SIZE) and parts.dtype == np.float32
    assert np.allclose(parts.sum(0), 1, atol=1e-3) and parts.min() >= 0
    hair = parts[list(PARTS).index("hair"), :, 50]
    step = hair[93] - hair[98]
    assert step > 3 * (hair[60] - hair[65])  # where the picture has its edge, not evenly


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("a smiling person", ""),
        ("a man with a beard and eyeglasses", ""),
        ("curly hair", ""),
        ("a man with blond hair", "hair brows"),
        ("black_hair", "hair brows"),
        ("grey curly hair and red lips", "hair brows lips"),
        ("wearing red lipstick", "lips"),
        ("makeup", "lips eyes brows"),
        ("old", "hair brows"),
        ("skin tone", "skin"),
        ("a tanned person", "skin"),
        ("a woman with dark skin", "skin"),
        ("a smile, in front of a dark background", "background"),
        ("a black suit", "clothes"),
        ("a woman", "lips eyes brows"),
        ("a pencil sketch", " ".join(PARTS)),
        ("a zombie", "hair hat skin brows eyes lips"),
        ("", "hair hat skin brows eyes lips"),
    ],
)
def test_what_a_text_is_about(text, free):
    assert free_regions(text) == frozenset(free.split())
