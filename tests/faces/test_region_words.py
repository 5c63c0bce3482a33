"""Which region a prompt is about."""

import pytest

from styleclip_core.faces.region_words import CONCEPT_REGIONS
from styleclip_core.faces.regions import auto, check, resolve


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
        ("closed eyes", "eyes"),
        ("bushy eyebrows", "brows"),
        ("raised eyebrows", "brows+glasses"),
        ("eyeglasses", "glasses"),
        ("wearing sunglasses", "glasses"),
        ("bags under the eyes", "glasses+eyes"),
        ("a big nose", "nose"),
        ("dark background", "background"),
        ("heavy make-up", "face"),
        ("makeup", "face"),
        ("a smile", "face"),
        ("an open mouth", "face"),
        ("her mouth is wide open", "face"),
        ("white teeth", "mouth"),
        ("pale skin", "skin"),
        ("rosy cheeks", "skin+face"),
        ("pearl earrings", "ears"),
        ("a red shirt", "clothes"),
        ("a person wearing a hat", "hat"),
        ("a chubby person", "head+neck"),
        ("an old man", "head+neck"),
        ("a young woman", "head+neck"),
        ("a double chin", "face+neck"),
        ("a narrow face", "head"),
        ("turned to the left", "everywhere"),
        ("a person with the head turned", "everywhere"),
        ("turned head and blond hair", "everywhere"),
        ("looking up", "everywhere"),
        ("in bright sunlight", "everywhere"),
        ("a woman with red lips and blond hair", "lips+hair"),
        ("grey hair, blue eyes and glasses", "hair+eyes+glasses"),
        ("a smiling person with grey hair", "face+hair"),
        ("an old man with a beard and grey hair", "head+neck"),
        ("blond hair, black hair", "hair"),
        ("lipstick and a smile", "face"),
        ("a woman", "person"),
        ("a vampire", "person"),
        ("", "person"),
        ("a chair in despair", "person"),
        ("she is a teacher", "person"),
    ],
)
def test_auto_reads_the_prompts_words(prompt, expected):
    assert auto(prompt) == resolve("auto", prompt) == expected
    check(expected)


def test_auto_unites_concepts_and_words():
    assert auto("peroxide", {"blond hair": 1.0}) == "hair"
    assert auto("blue eyes, please", {"smiling": -1.0, "beard": 0.0}) == "face"
    assert auto("a red shirt", {"lipstick": 1.0}) == "lips+clothes"
    assert auto("blond hair", {"male": -1.0}) == "person"
    assert auto("he becomes a she", {"male": -1.0}) == auto("", {}) == auto("", {"unheard of": 1.0}) == "person"
    assert resolve("left eye", "blond hair") == "left eye"


def test_every_concept_has_its_place():
    attributes = pytest.importorskip("styleclip_core.training.attributes")
    assert CONCEPT_REGIONS.keys() == attributes.RECIPES.keys()
    for expression in CONCEPT_REGIONS.values():
        check(expression)
