"""Captions, labels and losses that FaceCLIP is trained with."""

import re

import numpy as np
import torch

from styleclip_core.evaluation.zero_shot import PROMPTS, auc
from styleclip_core.training import captions, face_clip
from styleclip_core.training.attributes import RECIPES
from styleclip_core.training.augment import augment

A = captions.ATTRIBUTES


def test_every_attribute_has_a_recipe_and_there_are_enough():
    assert set(A) == set(RECIPES)
    assert len(A) >= 35
    assert set(PROMPTS) <= set(A)


def test_evaluation_prompts_are_no_training_texts():
    known = {p[1:].lower() for pair in captions.PHRASES.values() for phrases in pair for p in phrases}
    known |= {caption.text.lower().strip(".") for caption in captions.sentences()}
    asked = {text.lower().strip(".") for wordings in PROMPTS.values() for pair in wordings for text in pair}
    assert len(asked) >= 180 and not known & asked


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


def test_mirroring_swaps_left_and_right_only():
    scores = np.random.default_rng(0).standard_normal((3, len(A)))
    flipped = face_clip.flip(scores, np.array([True, False, True]))
    left, right = A.index("turned left"), A.index("turned right")
    assert np.array_equal(flipped[0, [left, right]], scores[0, [right, left]])
    assert np.array_equal(flipped[1], scores[1])
    rest = [a for a in range(len(A)) if a not in (left, right)]
    assert np.array_equal(flipped[:, rest], scores[:, rest])


def test_balancing_makes_an_attribute_independent_of_gender_and_age():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((20000, len(A))).astype(np.float32)
    beard, male = A.index("beard"), A.index("male")
    scores[:, beard] = 0.7 * scores[:, male] + 0.7 * scores[:, beard]
    state = captions.holds(scores)
    weight = face_clip._balance(state, scores)[:, beard]
    there = state[:, beard] == 1
    plain = scores[there, male].mean()
    balanced = np.average(scores[there, male], weights=weight[there])
    assert plain > 0.8
    assert abs(balanced) < 0.5 * plain  # within a bin of gender some dependence stays


def test_the_pair_loss_ignores_undecided_pairs_and_rewards_the_truth():
    truth = torch.tensor([[1.0, 0.0], [0.0, 1.0], [float("nan"), 0.0]])
    right, wrong = 4 * (truth.nan_to_num(0.5) - 0.5), -4 * (truth.nan_to_num(0.5) - 0.5)
    weight = torch.ones(3, 2)
    assert face_clip.pair_loss(right, truth, weight) < face_clip.pair_loss(wrong, truth, weight)
    changed = right.clone()
    changed[2, 0] = 100
    assert torch.equal(face_clip.pair_loss(right, truth, weight), face_clip.pair_loss(changed, truth, weight))


def test_augmentation_mirrors_where_told():
    images = torch.zeros(2, 3, 64, 64)
    images[..., :32] = 1
    flipped = torch.tensor([False, True])
    out = augment(images, flipped, 48, torch.Generator().manual_seed(0))
    assert out.shape == (2, 3, 48, 48)
    halves = out.mean((1, 2))
    assert halves[0, :16].mean() > halves[0, -16:].mean() and halves[1, :16].mean() < halves[1, -16:].mean()


def test_auc_counts_ties_half():
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auc(np.ones(4), np.array([True, False, True, False])) == 0.5
