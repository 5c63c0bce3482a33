"""The reading of prompts, with the shipped weights: concepts with signs and amounts, and what is not known."""

import time
from dataclasses import replace

import pytest
import torch

from styleclip_core import EmptyPrompt, UnsupportedByPack
from styleclip_core.edits import concepts, wordings
from styleclip_core.training import captions


@pytest.mark.parametrize(
    "prompt, changes",
    [
        ("smile", {"smiling": 1}),
        ("beard", {"beard": 1}),
        ("glasses", {"eyeglasses": 1}),
        ("blonde", {"blond hair": 1}),
        ("not wearing lipstick", {"lipstick": -1}),
        ("a face without a beard", {"beard": -1}),
        ("get rid of the hat", {"hat": -1}),
        ("stop smiling", {"smiling": -1}),
        ("less smiling", {"smiling": -0.6}),
        ("a bit older", {"old": 0.5}),
        ("much older", {"old": 1.4}),
        ("fuller lips", {"full lips": 1}),
        ("remove the glasses and the hat", {"eyeglasses": -1, "hat": -1}),
        ("remove the glasses and add a hat", {"eyeglasses": -1, "hat": 1}),
        ("long curly red hair", {"long hair": 1, "curly hair": 1, "red hair": 1}),
        ("shave off the beard but keep the moustache", {"beard": -1, "moustache": 1}),
        ("A   SMILING   PERSON!!", {"smiling": 1}),
    ],
)
def test_a_prompt_is_read_into_signed_concepts(pack, prompt, changes):
    reading = concepts.read(pack, prompt)
    assert reading.changes == pytest.approx(changes) and not reading.unknown and not reading.sentence()
    assert {name for names in reading.phrases.values() for name in names} == set(changes)


def test_the_gender_of_the_person_is_a_wish_only_if_nothing_else_is_asked_for(pack):
    reading = concepts.read(pack, "a smiling woman with curly red hair")
    assert reading.context == {"male": -1} and reading.changes == {"smiling": 1, "curly hair": 1, "red hair": 1}
    for prompt, sign in (("a woman", -1), ("turn this person into a guy", 1), ("make him a woman", -1)):
        assert concepts.read(pack, prompt).changes == {"male": sign}
    assert concepts.read(pack, "make her smile").context == {"male": -1}
    assert not concepts.read(pack, "a person").changes


@pytest.mark.parametrize(
    "prompt, years",
    [
        *(("60 years old", 60), ("make her 80", 80), ("a man in his late fifties", 58), ("a 25-year-old", 25)),
        *(("in her 30s", 35), ("aged 70", 70), ("a 20yo girl", 20), ("make them look about 80", 80)),
        *(("an old man", None), ("ten years younger", None), ("the 1980s", None), ("200 years old", None)),
    ],
)
def test_ages_in_numbers(pack, prompt, years):
    reading = concepts.read(pack, prompt)
    assert reading.age == years
    if years:
        assert (reading.changes["old"] > 0) == (years > concepts.MIDDLE_AGE) and not reading.unknown


def test_years_older_or_younger_are_a_difference(pack):
    assert concepts.read(pack, "ten years younger").changes == pytest.approx({"old": -1 / 3})
    assert concepts.read(pack, "age her by forty years").changes == pytest.approx({"old": 4 / 3})


@pytest.mark.parametrize(
    "prompt, color",
    [
        *(("purple hair", "purple"), ("dye the hair pink", "pink"), ("make it blonde", "blond"), ("a redhead", "red")),
        *(("auburn hair", "auburn"), ("platinum blonde", "platinum"), ("green eyes", None), ("no grey hair", None)),
    ],
)
def test_colours_of_hair(pack, prompt, color):
    reading = concepts.read(pack, prompt)
    assert reading.hair_color == color and not reading.unknown


@pytest.mark.parametrize(
    "prompt, phrase, changes",
    [
        ("a smiling zombie", "zombie", {"smiling": 1}),
        ("glasses and a parrot", "parrot", {"eyeglasses": 1}),
        ("a man with a beard and a cyberpunk visor", "cyberpunk visor", {"beard": 1}),
        ("a red car", "red car", {}),
        ("blorp snazzle", "blorp snazzle", {}),
        ("das Wetter ist heute schön", "wetter", {}),
        ("!!! ???", "!!!", {}),
        ("🚗🏠🌳", "🚗", {}),
    ],
)
def test_what_is_not_known_is_said(pack, prompt, phrase, changes):
    reading = concepts.read(pack, prompt)
    assert reading.changes == changes and phrase in " ".join(unknown.phrase for unknown in reading.unknown)
    assert phrase in reading.sentence() and all(len(unknown.nearest) <= 3 for unknown in reading.unknown)
    assert all(name in captions.ATTRIBUTES for unknown in reading.unknown for name in unknown.nearest)


def test_empty_and_long_prompts(pack):
    with pytest.raises(EmptyPrompt):
        concepts.read(pack, "  ")
    assert concepts.read(pack, ("smiling, " * 60)[:500]).changes["smiling"] == 1
    assert concepts.read(pack, "x" * 500).unknown


def test_a_reading_is_quick_and_kept(pack):
    prompt, start = "a smiling woman with curly red hair and round glasses", time.perf_counter()
    first = concepts.read(pack, prompt)
    assert time.perf_counter() - start < 2  # 50 ms on an idle core
    assert concepts.read(pack, prompt) is first


def test_other_text_models_do_not_read(pack):
    other = replace(pack, clip=torch.nn.Identity())
    assert concepts.can_read(pack) and not concepts.can_read(other)
    with pytest.raises(UnsupportedByPack, match="sentence encoder"):
        concepts.read(other, "a smile")


def test_the_reader_knows_the_concepts_of_training(pack):
    assert concepts.load_reader(pack.device).names == captions.ATTRIBUTES


@pytest.mark.parametrize(
    "text, parts",
    [
        ("without makeup or lipstick", ["makeup", "lipstick"]),
        ("neither a beard nor a moustache", ["beard", "moustache"]),
        ("no hat, no glasses, smiling", ["hat", "glasses", "smiling"]),
        ("a happy person with a hat", ["a happy person", "a hat"]),
    ],
)
def test_prompts_are_split_and_negations_found(text, parts):
    assert [piece.core for piece in wordings.pieces(text)] == parts
