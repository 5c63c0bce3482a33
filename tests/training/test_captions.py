"""Captions: what they claim, and when that is true of a face."""

import re

import numpy as np

from styleclip_core.evaluation.zero_shot import PROMPTS
from styleclip_core.training import captions
from styleclip_core.training.attributes import RECIPES

A = captions.ATTRIBUTES


def test_every_attribute_has_a_recipe_and_there_are_enough():
    assert set(A) == set(RECIPES)
    assert len(A) >= 35
    assert set(PROMPTS) <= set(A)


def test_free_wordings_name_known_attributes_both_ways():
    claims = {claim for caption in captions.sentences() for claim in caption.claims}
    for attribute in PROMPTS:
        assert {(A.index(attribute), True), (A.index(attribute), False)} <= claims, attribute


def test_captions_are_reproducible_and_claim_what_they_say():
    first, again = (captions.compose(np.random.default_rng(1), 300) for _ in range(2))
    assert first == again
    free = {caption.text.lower().strip(".") for caption in captions.sentences()}
    for caption in first:
        about = [a for a, _ in caption.claims]
        assert about and len(about) == len(set(about))
        if any(text in caption.text.lower() for text in free):
            continue
        for a, there in caption.claims:
            phrases = captions.PHRASES[A[a]][0 if there else 1]
            # "=a businessperson" may have become "a heavy businessperson"
            words = [set(p[1:].lower().split()) - {"a", "an"} for p in phrases]
            assert any(w <= set(re.findall(r"[\w'’-]+", caption.text.lower())) for w in words), caption


def test_the_truth_of_a_caption_needs_every_claim():
    smiling, glasses = A.index("smiling"), A.index("eyeglasses")
    caption = captions.Caption("a smiling person without glasses", ((smiling, True), (glasses, False)))
    state = np.zeros((4, len(A)), np.int8)
    state[0, [smiling, glasses]] = 1, -1
    state[1, [smiling, glasses]] = 1, 1
    state[2, [smiling, glasses]] = -1, 0
    state[3, smiling] = 1
    result = captions.truth(state, captions.claim_matrix([caption]))[:, 0]
    assert result[:3].tolist() == [1, 0, 0] and np.isnan(result[3])
