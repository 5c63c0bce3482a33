"""Interpolation between strengths, and intervals over faces."""

import numpy as np
import pytest

from styleclip_core.evaluation.equal_gain import at_crossing, crossing, over_faces


def test_a_rising_gain_is_crossed_between_two_strengths() -> None:
    place = crossing([0.0, 1.0, 2.0, 1.0], 1.5)
    assert place == (1, 0.5)
    assert at_crossing([1.0, 0.9, 0.7, 0.2], place) == pytest.approx(0.8)


def test_a_falling_likeness_is_crossed_downwards() -> None:
    assert crossing([1.0, 0.8, 0.6], 0.7) == (1, pytest.approx(0.5))


def test_the_first_crossing_counts() -> None:
    assert crossing([0.0, 2.0, 0.0, 2.0], 1.0) == (0, 0.5)


@pytest.mark.parametrize("values", [[0.0, 0.4, 1.4], [0.0, -1.0, -2.0], [0.0, float("nan")]])
def test_what_never_reaches_the_target_has_no_crossing(values: list[float]) -> None:
    assert crossing(values, 1.5) is None


def test_intervals_are_over_faces_not_over_edits() -> None:
    """Twenty edits of one face say no more than one of it does: the interval spans the two faces' means."""
    pairs = [("a", 0.0)] * 20 + [("b", 1.0)] * 20
    mean, low, high = over_faces(pairs)
    assert (mean, low, high) == (0.5, 0.0, 1.0)


def test_the_interval_narrows_with_more_faces() -> None:
    def width(faces: int) -> float:
        figures = np.random.default_rng(0).normal(size=faces)
        _, low, high = over_faces([(str(i), float(v)) for i, v in enumerate(figures)])
        return high - low

    assert width(200) < 0.5 * width(20)


def test_no_figures_have_no_mean() -> None:
    assert np.isnan(over_faces([])).all()


def test_one_face_has_a_mean_but_no_interval() -> None:
    mean, low, high = over_faces([("a", 1.0), ("a", 2.0)])
    assert mean == 1.5 and np.isnan([low, high]).all()
