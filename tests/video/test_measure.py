"""Smoothing over time, and the measures of steadiness, on numbers that are known."""

import numpy as np
import pytest
import torch

from styleclip_core.video.measure import flicker, steadiness
from styleclip_core.video.smoothing import smoothed, weights


def test_smoothing_keeps_what_is_steady_and_quietens_noise():
    noise = np.random.default_rng(0).normal(size=(200, 2))
    assert np.allclose(smoothed(np.full((20, 3), 4.0), 2), 4)
    assert smoothed(noise, 3).std() < 0.45 * noise.std() and np.allclose(smoothed(noise, 0), noise)
    assert weights([0, 2, 4], 3, 1.0) @ [0, 2, 4] == pytest.approx(3, abs=0.1), "between known frames it interpolates"


def test_steadiness_of_an_equal_and_of_a_restless_clip():
    source = torch.nn.functional.normalize(
        torch.ones(6, 4) + 0.05 * torch.randn(6, 4, generator=torch.manual_seed(0)), dim=1
    )
    restless = torch.nn.functional.normalize(source + 0.5 * torch.randn(6, 4, generator=torch.manual_seed(1)), dim=1)
    assert steadiness(source, source) == pytest.approx((1, 1))
    assert max(steadiness(source, restless)) < 0.95
    two = source[:2], restless[:2]
    expected = (two[1][0] @ two[1][1] / (two[0][0] @ two[0][1])).item()
    assert steadiness(*two) == pytest.approx((expected, expected))


def test_flicker_follows_what_moves():
    picture = np.random.default_rng(0).integers(0, 255, (80, 160, 3)).astype(np.uint8)
    import cv2

    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    source = [picture[8:72, 20 + 2 * t : 120 + 2 * t] for t in range(4)]
    marked = picture.copy()
    marked[30:50, 60:90] = np.clip(marked[30:50, 60:90].astype(int) + 60, 0, 255).astype(np.uint8)
    steady = [marked[8:72, 20 + 2 * t : 120 + 2 * t] for t in range(4)]
    blinking = [b if t % 2 else a for t, (a, b) in enumerate(zip(source, steady, strict=True))]
    assert flicker(source, source) == 0
    assert flicker(source, steady) < 0.4 * flicker(source, blinking)
