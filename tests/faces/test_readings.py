"""What measurably changed: readings of pictures, what prompts and sliders ask for, and the report of an edit."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import OptimizeSettings, load_studio, steps
from styleclip_core.edits import concepts
from styleclip_core.errors import WeightsUnavailable
from styleclip_core.evaluation import measure as evaluation
from styleclip_core.evaluation.metrics import blond_hair, lip_redness
from styleclip_core.faces import readings
from styleclip_core.faces.asked import ASKED, UNSURE, WORDS, asked, concepts_in, concepts_of_sliders
from styleclip_core.faces.changes import Change, changes, report
from styleclip_core.faces.instruments import INSTRUMENTS, UNREPORTED
from styleclip_core.training.attributes import RECIPES


@pytest.fixture(scope="module")
def studio():
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio):
    """A boy with his mouth a little open, who smiles a little."""
    return studio.random_face(8)


@pytest.fixture(scope="module")
def read(studio, face):
    found = readings.read(face.image, studio.pack.parser)
    assert found is not None
    return found


def test_every_instrument_reads_a_face(read):
    assert read.keys() == INSTRUMENTS.keys()
    assert 0.2 < read["smile"] < 0.6 and 10 < read["hair_L"] < 30 and read["rim_edges"] < 25
    assert all(isinstance(value, float) for value in read.values())


def test_without_a_parser_nothing_is_said_of_hair(face, read):
    found = readings.read(face.image, None)
    assert found is not None
    assert {name for name in read if name not in found} == {n for n in read if n.startswith("hair_")} | {
        "forehead_hair"
    }
    told = report(found, found, {"blond hair": 1})
    assert told.visible is None and told.sentence() == ""
    assert report(found, found, {"blond hair": 1, "smiling": 1}).unmoved == ("smiling",)


def test_no_face_no_readings(studio):
    assert readings.read(Image.new("RGB", (512, 512), "teal"), studio.pack.parser) is None


def test_readings_cost_little(studio, face, read):
    """In seconds of one core, since the machine may be busy: two pictures are read in less than 0.4 s."""
    assert read
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert min(_seconds(lambda: readings.read(face.image, studio.pack.parser)) for _ in range(5)) < 0.2
    finally:
        torch.set_num_threads(threads)


def _seconds(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def test_the_measurements_of_evaluation_are_the_same_functions(monkeypatch, studio, face, read):
    """With the same mask of the hair, `evaluation.measure` and `readings.read` agree exactly."""
    parser = studio.pack.parser
    monkeypatch.setattr(evaluation, "hair_probability", lambda pixels, _: readings.hair_mask(pixels, parser) * 1.0)
    monkeypatch.setattr(evaluation, "_age_and_gender", lambda: type("None_", (), {"predict": lambda *_: []})())
    measured = evaluation.measure(face.image, "")
    assert measured is not None and len(measured) == 106
    same = [name for name in measured if name in read]
    assert len(same) > 25 and all(measured[name] == read[name] for name in same)
    assert read["jaw_open"] == measured["bs_jawOpen"]
    assert read["lip_redness"] == lip_redness(measured) and read["hair_blond"] == blond_hair(measured)


def test_the_statistics_of_a_drawn_face_are_known():
    """Sums that no network takes part in: a mesh on a circle, two colours."""
    turn = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.stack([128 + 80 * np.cos(turn), 128 + 80 * np.sin(turn)], 1).astype(np.float32)
    points[10], points[152], points[234], points[454] = (128, 48), (128, 208), (48, 128), (208, 128)
    points[[105, 334]] = (128, 88)
    picture = np.full((256, 256, 3), 0.5, np.float32)
    picture[:60] = (0.2, 0.1, 0.05)
    lab, hair = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), np.zeros((256, 256), bool)
    hair[:60] = True
    found = readings.hair_statistics(lab, hair, points)
    assert found["hair_area"] == found["hair_top"] == pytest.approx(60 / 256)
    assert found["hair_length"] == -1 and found["hair_below_chin"] == 0
    assert found["hair_L"] == pytest.approx(float(lab[0, 0, 0]))
    assert readings.shape_statistics(points)["face_aspect"] == pytest.approx(1)
    colors = readings.color_statistics(lab, points, hair)
    assert colors["background_L"] == pytest.approx(float(lab[0, 0, 0])) and colors["brightness"] < 54
    pose = np.eye(4)
    pose[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(0.5), np.sin(0.5), -np.sin(0.5), np.cos(0.5)
    assert readings.angles(pose) == pytest.approx({"yaw": np.degrees(0.5), "pitch": 0, "roll": 0})


def test_the_tables_fit():
    assert ASKED.keys() <= RECIPES.keys() and set(UNSURE) <= ASKED.keys()
    assert {name for ways in ASKED.values() for name in ways} | set(UNREPORTED) <= INSTRUMENTS.keys()
    assert {concept for concept, _, _ in WORDS} <= ASKED.keys()
    assert asked({"smiling": -0.5, "old": 1, "bald": 0}) == {"smiling": {"smile": -1}}


@pytest.mark.parametrize(
    ("prompt", "concepts"),
    [
        ("a smiling person with grey hair", {"smiling": 1, "grey hair": 1}),
        ("a Person  without glasses", {"eyeglasses": -1}),
        ("a man who is not smiling", {"smiling": -1}),
        ("a clean-shaven man", {"beard": -1}),
        ("a closed mouth", {"mouth open": -1}),
        ("a person wearing red lipstick", {"lipstick": 1}),
        ("someone with no beard and long blond hair", {"beard": -1, "blond hair": 1}),
        ("an old person", {}),
        ("sadder days, unsmilingly", {}),
    ],
)
def test_words_of_prompts(prompt, concepts):
    assert concepts_in(prompt) == concepts


def test_sliders_name_concepts():
    values = {"mapper:blond_hair": 1, "boundary:pose": -2, "boundary:age": 1, "text:a smile": 1, "boundary:smile": 0.5}
    assert concepts_of_sliders(values) == {"blond hair": 1, "turned right": -2, "smiling": 1.5}
    of_prompt = {"odd": {"bald": 1.0}}.__getitem__
    assert concepts_of_sliders({"text:odd": 2, "style:odd": -1, "mapper:odd": 1}, of_prompt) == {"bald": 1}
    assert concepts_of_sliders({"component:3:0:8": 1, "boundary:eyes open": 1}) == {"eyes closed": -1}


def test_changes_are_sorted_and_named(read):
    found = changes(read, read | {"skin_L": read["skin_L"] + 12, "smile": read["smile"] + 0.3, "rim_edges": 90.0})
    assert [change.key for change in found[:3]] == ["rim_edges", "skin_L", "smile"]
    assert found[1].words == "skin lighter by 12" and found[1].deviations == pytest.approx(1.21, abs=0.01)
    assert Change("smile", 0.05, 0.71, 1.8).text == "smile 0.05 → 0.71"
    assert Change("yaw", 3.2, -8.4, -1).text == "head turn 3° → -8°"
    assert Change("mouth_open", 0.02, 0.121, 3).text == "mouth opening 2.0 % → 12.1 %"
    assert Change("corners_up", -0.0001, 0, 0).text == "mouth corners 0.0 % → 0.0 %"
    assert Change("rim_edges", 9, 60, 2.5).words == "edges as of glasses, 9 → 60"


def test_what_was_asked_for_is_told_from_what_drifted(read):
    before = read | {"smile": 0.05, "skin_L": 60.0, "hair_grey": 0.0}
    after = before | {"smile": 0.71, "skin_L": 66.4, "squint": before["squint"] + 0.3}
    told = report(before, after, {"smiling": 1, "grey hair": 0.7, "old": 1})
    assert told.visible is True and told.unmoved == ("grey hair",)
    assert [change.key for change in told.asked] == ["smile", "hair_grey"]
    assert [change.key for change in told.drift] == ["skin_L"]  # the eyes of a smile are no drift
    assert told.sentence() == (
        "Measured: smile 0.05 → 0.71. Nothing measurable came of grey hair (grey of the hair 0 → 0). "
        "Also changed: skin lighter by 6."
    )
    told = report(before, after, {"eyeglasses": 1})
    edges = f"{read['rim_edges']:.0f}"
    assert told.visible is False and told.sentence().startswith(
        f"Not visible: nothing measurable came of eyeglasses (edges where glasses sit {edges} → {edges}). Also"
    )
    assert {change.key for change in told.drift} == {"smile", "skin_L"}
    assert report(before, after, {"smiling": -1}).unmoved == ("less smiling",)
    assert report(before, after, {"turned left": 1, "turned right": -1}).unmoved == ("turned left",)


def test_what_has_no_sure_instrument_is_never_called_invisible(read):
    for wishes in ({"old": 1.0}, {"hat": 1.0}, {"curly hair": 1.0}, {}):
        told = report(read, read, wishes)
        assert told.visible is None and told.sentence() == ""
    curls = report(read, read | {"hair_texture": read["hair_texture"] + 4}, {"curly hair": 1})
    assert curls.visible is True


def test_a_smile_is_measured(studio, face):
    edit = studio.slide(face, {"mapper:smiling": 1})
    assert edit.report.visible is True
    smile = edit.report.asked[0]
    assert smile.key == "smile" and smile.after > smile.before + 0.3
    assert edit.report.sentence().startswith("Measured: smile 0.")
    numbers = edit.report.as_dict()
    assert numbers["asked"][0]["name"] == "smile" and numbers["visible"] is True
    assert numbers["text"] == edit.report.sentence()


def test_an_edit_of_nothing_is_not_visible(studio, face):
    settings = OptimizeSettings(steps=1, views=0, resolution=128, strength=0)
    edit = studio.optimize(face, "a person with grey hair", settings)
    assert edit.report.visible is False and edit.report.sentence().startswith("Not visible: nothing measurable")


def test_drift_is_named(studio, face):
    edit = studio.slide(face, {"mapper:eyeglasses": 1})  # brings a fringe, and no glasses, to this face
    assert edit.report.visible is False and "forehead more covered by" in edit.report.sentence()


def test_prompts_are_read_by_the_pack_or_by_their_words(studio, face, monkeypatch):
    reading = concepts.Reading("beaming", {"smiling": 1.0}, {}, {}, ())
    monkeypatch.setattr(concepts, "can_read", lambda pack: True)
    monkeypatch.setattr(concepts, "read", lambda pack, prompt: reading)
    assert steps.measured(studio.pack, face, face.image, "beaming").unmoved == ("smiling",)
    assert steps.measured(studio.pack, face, face.image, values={"text:beaming": 1.0}).unmoved == ("smiling",)
    monkeypatch.setattr(concepts, "can_read", lambda pack: False)
    assert steps.measured(studio.pack, face, face.image, "beaming").visible is None


def test_an_unedited_face_is_read_once(studio, face, monkeypatch):
    calls = []
    monkeypatch.setattr(steps, "read", lambda *args: calls.append(args) or readings.read(*args))
    other = replace(face)
    for _ in range(2):
        assert steps.measured(studio.pack, other, face.image, "a smile").visible is False
    assert len(calls) == 3


def test_where_nothing_can_be_read_there_is_no_report(studio, face, monkeypatch):
    lawn = Image.new("RGB", (1024, 1024), "green")
    assert steps.measured(studio.pack, face, lawn, "a smile") is None
    assert steps.measured(studio.pack, replace(face, image=lawn), face.image, "a smile") is None
    assert steps.measured(replace(studio.pack, domain="car"), face, face.image, "red") is None

    def unavailable(*_):
        raise WeightsUnavailable("offline")

    monkeypatch.setattr(steps, "read", unavailable)
    assert steps.measured(studio.pack, replace(face), face.image, "a smile") is None
