"""Labels and losses that FaceCLIP is trained with."""

import numpy as np
import torch

from styleclip_core.training import captions, face_clip_data

A = captions.ATTRIBUTES


def test_mirroring_swaps_left_and_right_only():
    scores = np.random.default_rng(0).standard_normal((3, len(A)))
    flipped = face_clip_data.flip(scores, np.array([True, False, True]))
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
    weight = face_clip_data.balance_weights(state, scores)[:, beard]
    there = state[:, beard] == 1
    plain = scores[there, male].mean()
    balanced = np.average(scores[there, male], weights=weight[there])
    assert plain > 0.8
    assert abs(balanced) < 0.5 * plain  # within a bin of gender some dependence stays


def test_the_pair_loss_ignores_undecided_pairs_and_rewards_the_truth():
    truth = torch.tensor([[1.0, 0.0], [0.0, 1.0], [float("nan"), 0.0]])
    right, wrong = 4 * (truth.nan_to_num(0.5) - 0.5), -4 * (truth.nan_to_num(0.5) - 0.5)
    weight = torch.ones(3, 2)
    assert face_clip_data.pair_loss(right, truth, weight) < face_clip_data.pair_loss(wrong, truth, weight)
    changed = right.clone()
    changed[2, 0] = 100
    assert torch.equal(face_clip_data.pair_loss(right, truth, weight), face_clip_data.pair_loss(changed, truth, weight))
