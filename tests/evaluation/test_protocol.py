"""The protocol: what a row measures, and a run that is stopped and goes on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from styleclip_core import load_studio
from styleclip_core.errors import BadSetting
from styleclip_core.evaluation import protocol
from styleclip_core.evaluation.methods import METHODS, TASKS, Edited
from styleclip_core.evaluation.protocol import MOST_DRIFTING, Row, drifts, moves, picture_name, read_rows
from styleclip_core.faces.instruments import INSTRUMENTS
from styleclip_core.results import Face
from styleclip_core.studio import Studio

BANGS = TASKS[1]


@pytest.fixture(scope="module")
def studio() -> Studio:
    return load_studio("compact", "cpu")


@pytest.fixture(scope="module")
def face(studio: Studio) -> Face:
    return studio.random_face(910_000)


def test_moves_are_in_deviations_and_bounded() -> None:
    least = INSTRUMENTS["yaw"].deviation
    moved = moves({"yaw": 0.0, "smile": 0.1, "pitch": 3.0}, {"yaw": -2 * least, "smile": 99.0})
    assert moved == {"yaw": pytest.approx(-2), "smile": MOST_DRIFTING}


def test_drift_leaves_out_what_was_asked_and_counts_each_group_once() -> None:
    moved = {"smile": 3.0, "mouth_open": 2.0, "hair_L": -1.0, "hair_b": 0.5, "yaw": 0.2}
    assert drifts(moved, "smile") == (pytest.approx(0.6), 1.0)  # hair colour 1.0, head turn 0.2; mouth was asked for


def test_a_lost_face_drifts_most() -> None:
    assert drifts({}, "smile") == (MOST_DRIFTING, MOST_DRIFTING)


def test_names_of_pictures_are_safe_and_tell_edits_apart() -> None:
    name = picture_name("../photo ä.jpg", "a person", "mapper", 1.5)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") and ".." not in name
    assert name != picture_name("../photo ä.jpg", "a person", "mapper", 15)


def test_every_task_asks_every_method_for_the_same(studio: Studio) -> None:
    """Names of mappers, boundaries and components exist, so that no method is left out by a slip."""
    for task in TASKS:
        can = {name for name, method in METHODS.items() if method.can(studio, task)}
        assert can == {"prompt", "region", "mapper", "text", "style", "boundary", "tedigan"} | (
            {"component"} if task.component else set()
        )


def test_a_run_that_was_stopped_goes_on_and_makes_nothing_twice(studio: Studio, face: Face, tmp_path: Path) -> None:
    def run():
        return protocol.run(studio, [("a", face)], [BANGS], ["mapper", "boundary"], tmp_path, strengths=(1.0, 2.0))

    first = run()
    begun = [next(first), next(first)]
    first.close()
    with open(tmp_path / protocol.ROWS, "a") as file:
        file.write('{"face": "a", "prom')  # the machine went down while a row was written
    assert read_rows(tmp_path) == begun
    rest = list(run())
    rows = read_rows(tmp_path)
    assert rows == begun + rest and list(run()) == []
    assert [(row.method, row.strength) for row in rows] == [
        ("mapper", 1.0),
        ("mapper", 2.0),
        ("boundary", 1.0),
        ("boundary", 2.0),
    ]
    check_rows(rows, tmp_path)


def check_rows(rows: list[Row], folder: Path) -> None:
    """What holds of any edits: stronger is further away, a region is less than the picture, pictures are there."""
    for weak, strong in (rows[:2], rows[2:]):
        assert 0 < weak.gain < strong.gain or strong.gain > 3.5  # a forehead cannot be more than covered
        assert 1 > (weak.identity or 0) > (strong.identity or 1)
        assert 0 < weak.lpips < strong.lpips and weak.drift < strong.drift <= strong.most_drift
    for row in rows:
        assert 0 < row.lpips_outside < row.lpips and row.seconds > 0 and row.dlib is None
        assert row.moved["forehead_hair"] == pytest.approx(min(row.gain, MOST_DRIFTING))
        assert Image.open(folder / protocol.PICTURES / row.picture).size == (256, 256)


def test_a_published_optimisation_is_scaled_by_the_strength(studio: Studio, face: Face, tmp_path: Path) -> None:
    run = protocol.run(studio, [("a", face)], [BANGS], ["tedigan"], tmp_path, None, (0.01, 1.0), optimisation_steps=2)
    barely, whole = run
    assert barely.lpips < 0.1 * whole.lpips and (barely.identity or 0) > 0.98
    assert barely.seconds == whole.seconds


def test_slow_methods_take_turns_over_faces(
    studio: Studio, face: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one slow face a prompt, the second prompt is the second face's."""

    def edits(studio, face, task, strengths, steps):
        yield Edited(strengths[0], face.image, 1.0, face.image)

    def row(studio, name, task, key, *rest) -> Row:
        return Row(name, task.prompt, key, 1.0, 1.0, 1.0, None, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    method = METHODS["tedigan"]
    monkeypatch.setitem(METHODS, "tedigan", replace(method, edits=edits))
    monkeypatch.setattr(protocol, "measured", row)
    monkeypatch.setattr(protocol, "place", lambda *about: None)
    people, tasks = [("a", face), ("b", face)], TASKS[1:3]
    rows = list(protocol.run(studio, people, tasks, ["tedigan"], tmp_path, None, (1.0,), slow_faces=1))
    assert [(row.face, row.prompt) for row in rows] == [("a", tasks[0].prompt), ("b", tasks[1].prompt)]


def test_other_settings_are_not_mixed_into_a_folder(studio: Studio, tmp_path: Path) -> None:
    list(protocol.run(studio, [], TASKS, ["mapper"], tmp_path, strengths=(1.0,)))
    with pytest.raises(BadSetting, match=r"strengths \[1.0\]"):
        list(protocol.run(studio, [], TASKS, ["mapper"], tmp_path))


def test_rows_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / protocol.ROWS).write_text(json.dumps({"face": "a"}) + "\n")
    with pytest.raises(BadSetting, match="another version"):
        read_rows(tmp_path)
