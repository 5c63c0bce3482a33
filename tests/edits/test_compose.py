"""Edits composed of sliders whose effects were measured: what is asked for comes, the rest stays."""

import numpy as np
import pytest
import torch

from styleclip_core import OptimizeSettings, Progress, Studio
from styleclip_core.edits import compose, sliders, start, text
from styleclip_core.edits import optimize as path_a
from styleclip_core.faces.readings import read

FOUND = compose.effects()


@pytest.fixture(scope="module")
def studio(pack) -> Studio:
    return Studio(pack)


CONCEPTS = """smiling;eyeglasses;blond hair;grey hair;beard;old;bangs;surprised;bald;lipstick;curly hair;long hair;
black hair;red hair;moustache;makeup;blue eyes;angry;sad""".replace("\n", "").split(";")


def expected(values: dict[str, float]) -> dict[str, float]:
    """The changes that sliders bring by the measured effects."""
    total = np.zeros(len(FOUND.concepts))
    for key, value in values.items():
        rows = [i for i, (name, strength) in enumerate(FOUND.sliders) if name == key and strength * value > 0]
        total += FOUND.changes[rows[0]] * value / FOUND.sliders[rows[0]][1]
    return dict(zip(FOUND.concepts, total.tolist(), strict=True))


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("confined", [False, True])
def test_what_is_asked_for_comes_by_few_sliders(concept: str, confined: bool) -> None:
    shown = compose.shown_with([concept]) if confined else None
    values = compose.compose(FOUND, {concept: 1}, shown=shown)
    assert expected(values)[concept] > 0.4 * compose.WANTED
    assert 1 <= len(values) <= compose.MOST and max(map(abs, values.values())) <= sliders.MAX_STRENGTH


def test_age_brings_no_glasses_and_opposites_are_opposite() -> None:
    alone = expected({"boundary:age": 1.5})
    old = expected(compose.compose(FOUND, {"old": 1}))
    assert old["eyeglasses"] / old["old"] < alone["eyeglasses"] / alone["old"] and abs(old["male"]) < 0.5
    assert expected(compose.compose(FOUND, {"old": -1}))["old"] < -1.2
    both = expected(compose.compose(FOUND, {"smiling": 1, "blond hair": 1}))
    assert both["smiling"] > 1.2 and both["blond hair"] > 1.2


def test_only_known_concepts_and_usable_sliders_are_composed() -> None:
    assert compose.compose(FOUND, {"three heads": 1}) == {}
    usable = np.array([key.startswith("boundary:") for key, _ in FOUND.sliders])
    values = compose.compose(FOUND, {"eyeglasses": 1}, usable)
    assert values and all(key.startswith("boundary:") for key in values)


def test_a_text_slider_is_the_sum_of_the_sliders_that_it_is_composed_of(studio) -> None:
    face = studio.random_face(3)
    code, parts = face.w_plus[None], text.recipe(studio.pack, "a person with eyeglasses")
    assert any(key.endswith("eyeglasses") for key in parts)
    moved, styles = sliders.move(studio.pack, code, {"text:a person with eyeglasses": 0.5})
    others, other_styles = sliders.move(studio.pack, code, {key: value / 2 for key, value in parts.items()})
    assert torch.allclose(moved, others)
    for a, b in zip(styles or [], other_styles or [], strict=True):
        assert torch.allclose(a, b)


def test_what_no_slider_is_known_for_becomes_its_direction(studio) -> None:
    assert text.recipe(studio.pack, "qwertyuiop") == {"style:qwertyuiop": 1}


def test_the_first_picture_shows_what_is_asked_for_in_its_place_only(studio) -> None:
    face = studio.random_face(103)
    reports = list(studio.optimize_steps(face, "a smiling person"))
    assert isinstance(reports[0], Progress) and reports[0].preview
    assert len(reports) == 2, "what shows at once needs no refinement"
    edit, before = reports[-1], read(face.image, studio.pack.parser)
    after = read(edit.image, studio.pack.parser)
    assert before and after and after["smile"] > before["smile"] + 0.3
    share = np.asarray(edit.mask) / 255
    changed = np.abs(np.asarray(edit.image, float) - np.asarray(face.image, float)).max(2)
    assert 0.05 < (share > 0).mean() < 0.6 and changed[share == 0].max() == 0


def test_a_refinement_that_shows_less_is_not_kept(studio, monkeypatch: pytest.MonkeyPatch) -> None:
    face, tried = studio.random_face(103), []

    def undo(pack, w_plus, *args):
        tried.append(args)
        yield Progress("Editing", 1, 1, w_plus=w_plus)

    monkeypatch.setattr(path_a, "optimize", undo)
    monkeypatch.setattr(start, "PLAIN", 100.0)  # so that no first picture is enough
    monkeypatch.setattr(start, "PRESENT", {})
    edit = studio.optimize(face, "an angry person", OptimizeSettings(steps=1))
    assert tried and edit.scores["distance"] > 0.05


def test_nothing_known_is_guided_and_refined(studio) -> None:
    settings = OptimizeSettings(steps=1, views=0, resolution=128)
    first, *_, edit = studio.optimize_steps(studio.random_face(103), "qwertyuiop", settings)
    assert first.stage == "First picture" and edit.mask is not None  # the person, not the background
    assert studio.optimize(edit.face, "qwertyuiop", settings, region="everywhere").mask is None
