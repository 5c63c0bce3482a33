"""Figures of edits and sliders."""

import numpy as np
import pytest

from styleclip_core.evaluation.metrics import LABELS, REQUESTS, auc, has_room, judge_edit, judge_slider


def test_auc_counts_ties_half():
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auc(np.ones(4), np.array([True, False, True, False])) == 0.5


def measured(**changed):
    """Measurements of an average face, as far as the metrics look at them."""
    names = (
        "age male yaw pitch hair_L hair_a hair_b skin_L jaw_L lips_a lips_L skin_a skin_b bridge_edges hair_top".split()
    )
    names += [f"background_{c}" for c in "Lab"]
    return dict.fromkeys(names, 0.5) | {"bs_mouthSmileLeft": 0.2, "bs_mouthSmileRight": 0.4} | changed


def test_a_slider_is_judged_by_its_label_and_reports_the_drift_of_the_others():
    before, after = measured(age=30), measured(age=55.4, yaw=11.8)
    result = judge_slider("boundary:age", 2, "age", 1, before, after, 0.8, (None, None))
    assert result.gain == pytest.approx(2)  # deviations of 12.7 years
    assert set(result.drift) == {"gender", "pose", "skin tone"} and result.drift["pose"] == pytest.approx(1)
    assert judge_slider("boundary:age", 2, "age", -1, before, after, 0.8, (None, None)).gain == pytest.approx(-2)
    lost = judge_slider("boundary:age", 2, "age", 1, before, None, 0.8, (None, None))
    assert lost.gain == 0 and lost.drift == {}


def test_room_for_an_edit():
    assert has_room("age", 1, measured(age=20)) and not has_room("age", 1, measured(age=60))
    assert has_room("age", -1, measured(age=60))
    assert has_room("beard", 1, measured(male=0.9)) and not has_room("beard", 1, measured(male=0.1))


def test_an_edit_is_plain_if_what_was_asked_for_rose_enough():
    request = next(request for request in REQUESTS if request.prompt == "smiling")
    before, little, much = (measured(bs_mouthSmileLeft=x, bs_mouthSmileRight=x) for x in (0.1, 0.3, 0.9))
    assert request.suits(before) and not request.suits(much)
    assert not judge_edit(request, None, None, before, little).plain
    found = judge_edit(request, None, None, before, much | {"age": 40.5})
    assert found.plain and found.gain == pytest.approx(0.8) and found.drift["age"] == 40
    assert judge_edit(request, None, None, before, measured(bs_mouthSmileLeft=float("nan"))).gain == 0


def test_a_request_for_several_things_is_as_plain_as_the_least_of_them():
    request = next(request for request in REQUESTS if "curly red" in request.prompt)
    before = measured(male=0.1, hair_texture=8, hair_a=5)
    after = before | {"bs_mouthSmileLeft": 0.9, "bs_mouthSmileRight": 0.9, "hair_texture": 12, "hair_a": 7}
    assert request.suits(before) and not request.suits(before | {"hair_a": 20})
    assert not request.suits(before | {"male": 0.9})
    assert (
        request.gain(before, after) == pytest.approx(0.5) and not judge_edit(request, None, None, before, after).plain
    )
    assert request.gain(before, after | {"hair_a": 12}) > 1


def test_grey_hair_is_light_and_without_colour():
    grey, blond = measured(hair_L=70, hair_a=1, hair_b=2), measured(hair_L=70, hair_a=8, hair_b=30)
    assert LABELS["grey hair"].score(grey) > LABELS["grey hair"].score(blond) + 2
    assert LABELS["blond hair"].score(blond) > LABELS["blond hair"].score(grey)
