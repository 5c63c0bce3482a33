"""Global directions: prompts as sliders in StyleSpace, with the compact pack and what is shipped for it."""

import time
from dataclasses import replace

import pytest
import torch

from styleclip_core import BadPrompt, BadSetting, EmptyPrompt, UnsupportedByPack
from styleclip_core.checkpoints.fs3 import ChannelEffects
from styleclip_core.edits import global_directions
from support.directions import OtherGenerator, embed, fits_better


@pytest.mark.parametrize(
    "prompt, neutral, opposite",
    [
        ("a smiling person", "a person with a serious face", "a serious person"),
        ("a person with eyeglasses", "a person", "a person without glasses"),
        ("a person with blond hair", "a face", "a person with black hair"),
    ],
)
def test_a_prompt_becomes_a_slider(pack, w, prompt, neutral, opposite):
    start = time.perf_counter()
    found = global_directions.direction(pack, prompt, neutral)
    assert time.perf_counter() - start < 5  # a quarter of a second on an idle core
    styles = pack.generator.styles(w)
    less, usual, more = (
        fits_better(pack, embed(pack, global_directions.apply(found, styles, alpha)), prompt, opposite).mean()
        for alpha in (-1.5, 0, 1.5)
    )
    assert more > usual + 0.5 and less < usual


def test_alpha_0_is_the_unedited_picture(pack, w):
    styles = pack.generator.styles(w[:1])
    moved = global_directions.apply(global_directions.direction(pack, "a bald person"), styles, 0)
    assert torch.equal(pack.generator.synthesize(moved, 128), pack.generator.synthesize(styles, 128))


def test_beta_chooses_the_channels(pack):
    found = global_directions.direction(pack, "a person with a beard")
    assert found.scores.abs().max() <= 1 + 1e-5
    betas = (0, found.beta / 2, None, (1 + found.beta) / 2, 1)
    counts = [int(global_directions.step(found, beta).count_nonzero()) for beta in betas]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[1] > counts[2]
    assert counts[2] == global_directions.AUTOMATIC_CHANNELS and counts[4] == 0
    for beta in (-0.1, 1.1, float("nan")):
        with pytest.raises(BadSetting, match="beta"):
            global_directions.step(found, beta)
    with pytest.raises(BadSetting, match="alpha"):
        global_directions.apply(found, [], 11)


def test_prompts_that_say_nothing_are_refused(pack):
    with pytest.raises(EmptyPrompt):
        global_directions.direction(pack, "  ")
    with pytest.raises(BadPrompt):
        global_directions.direction(pack, "a bald person", "A bald person")
    with pytest.raises(UnsupportedByPack, match="train-directions"):
        global_directions.direction(replace(pack, generator=OtherGenerator()), "a bald person")


def test_the_automatic_beta_of_official_files_is_styleclips(pack):
    few = torch.cat([torch.full((21,), -0.135), torch.full((300,), 0.105), torch.zeros(1000)])
    assert global_directions.official_threshold(few, "face") == 0.13
    assert global_directions.official_threshold(few, "car") == 0.1
    assert global_directions.official_threshold(few[21:], "face") == 0.1
    assert global_directions.official_threshold(few * 0.1, "face") == 0.1, "and too few channels reach it"
    assert global_directions.official_threshold(few.sign(), "face") == 0.29

    own = global_directions.relevance(pack)
    random = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(len(own.deviations), 256, generator=random), dim=1)
    official = global_directions.official_relevance(ChannelEffects(rows, own.deviations))
    found = global_directions.direction(pack, "a bald person", "a person with hair", official)
    cosines = rows @ global_directions.text_direction(pack, "a bald person", "a person with hair")
    assert torch.allclose(found.scores, cosines, atol=1e-5), "StyleCLIP's relevance is a plain cosine"
    assert found.beta == global_directions.official_threshold(cosines, "face")
    moved = global_directions.step(found)
    assert torch.equal(moved != 0, cosines.abs() >= found.beta)
    most = cosines.abs().argmax()
    assert moved[most].abs() == pytest.approx(4 * float(own.deviations[most]), rel=1e-5)
