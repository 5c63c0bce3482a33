"""The benchmark's tables: failures count, methods are compared where they are equal, and reports open."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styleclip_core.evaluation import benchmark_report, scoreboard
from styleclip_core.evaluation.methods import METHODS, TASKS
from styleclip_core.evaluation.protocol import PICTURES, Row, picture_name

PROMPT = TASKS[0].prompt


def row(face: str, method: str, strength: float, gain: float, **figures) -> Row:
    plain = {
        "identity": 1 - 0.1 * strength,
        "dlib": 0.1 * strength,
        "drift": 0.2 * strength,
        "most_drift": 0.5 * strength,
        "lpips": 0.05 * strength,
        "lpips_outside": 0.02 * strength,
        "seconds": 1.0,
        "match": gain,
        "moved": {"smile": gain, "yaw": -0.1 * strength},
    }
    return Row(face, figures.pop("prompt", PROMPT), method, strength, gain, **plain | figures)


@pytest.fixture
def rows() -> list[Row]:
    """A mapper that always reaches the gain, and a component that reaches it on one of two faces, with more drift."""
    ours = [row(face, "mapper", s, 1.5 * s) for face in "ab" for s in (1.0, 2.0)]
    other = [row("a", "component", s, 0.75 * s, dlib=0.15 * s) for s in (1.0, 2.0)]
    return ours + other + [row("b", "component", s, 0.1 * s) for s in (1.0, 2.0)]


def test_an_edit_is_interpolated_to_the_equal_gain() -> None:
    found = scoreboard.outcome([row("a", "mapper", 2.0, 2.0), row("a", "mapper", 1.0, 1.0)])
    assert found.at_gain is not None
    assert found.at_gain["gain"] == pytest.approx(1.5)
    assert found.at_gain["identity"] == pytest.approx(0.85)
    assert found.at_gain["lpips"] == pytest.approx(0.075)
    assert found.at_gain["seconds"] == 1.0


def test_an_edit_is_interpolated_to_the_equal_identity() -> None:
    found = scoreboard.outcome([row("a", "mapper", s, 0.5 * s) for s in (2.0, 4.0)])
    assert found.at_identity is not None
    assert found.at_identity["dlib"] == pytest.approx(scoreboard.DLIB)
    assert found.at_identity["gain"] == pytest.approx(1.75)


def test_identity_that_is_never_spent_gives_the_strongest_edit_and_overshoot_is_cut() -> None:
    found = scoreboard.outcome([row("a", "mapper", s, 9 * s) for s in (1.0, 2.0)])
    assert found.at_identity is not None
    assert (found.at_identity["dlib"], found.at_identity["gain"]) == (0.2, scoreboard.MOST_GAIN)


def test_without_dlib_identity_is_the_packs_own() -> None:
    found = scoreboard.outcome([row("a", "mapper", s, s, dlib=None) for s in (2.0, 4.0)])
    assert found.at_identity is not None
    assert found.at_identity["identity"] == pytest.approx(scoreboard.IDENTITY)


def test_faces_that_never_reach_the_gain_are_failures_not_dropped(rows: list[Row]) -> None:
    board = scoreboard.outcomes(rows)
    assert list(board) == ["mapper", "component"]
    assert scoreboard.reach(board["mapper"])[0] == 100
    assert scoreboard.reach(board["component"])[0] == 50
    assert f"| {PROMPT} | 2/2 | 1/2 |" in scoreboard.reach_table(board)
    line = next(line for line in scoreboard.gain_table(board).splitlines() if "GANSpace" in line)
    assert [cell.strip() for cell in line.split("|")][2:5] == ["2", "2", "50 [0, 100]"]


def test_methods_are_compared_on_the_edits_that_both_reach(rows: list[Row]) -> None:
    line = scoreboard.versus_table(scoreboard.outcomes(rows)).splitlines()[2]
    cells = [cell.strip() for cell in line.split("|")][1:-1]
    assert cells[:6] == [METHODS["mapper"].title, METHODS["component"].title, "2", "100", "50", "1"]
    assert cells[6].startswith("-0.20")  # dlib's distance: 0.1 at strength 1 less 0.3 at strength 2


def test_a_method_that_looks_at_the_readings_is_marked() -> None:
    table = scoreboard.gain_table(scoreboard.outcomes([row("a", "prompt", 1.0, 2.0), row("a", "mapper", 1.0, 2.0)]))
    assert f"| {METHODS['prompt'].title} † |" in table and f"| {METHODS['mapper'].title} |" in table


def test_rescoring_holds_signed_changes_at_the_nearest_strength(rows: list[Row]) -> None:
    found = scoreboard.changes(rows)
    assert found[PROMPT, "mapper"]["smile"] == 1.5
    assert found[PROMPT, "component"]["yaw"] == pytest.approx(-0.2)
    lines = scoreboard.rescoring_table(rows).splitlines()
    cells = [cell.strip() for cell in lines[2].split("|")]
    assert (cells[3], lines[0].split("|")[3].strip()) == ("+1.5", "smile")


def test_a_picture_that_fell_apart_is_not_shown_though_its_gain_is_near_again() -> None:
    edit = [row("a", "mapper", strength, gain) for strength, gain in ((3.0, 1.6), (1.0, 0.2), (2.0, 2.4))]
    assert scoreboard.nearest(edit).strength == 2.0
    assert scoreboard.nearest(edit[:2]).strength == 3.0


def test_the_report_holds_tables_curves_grid_and_csv(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / PICTURES).mkdir()
    for name in {r.picture for r in rows} | {picture_name(face) for face in "ab"}:
        Image.new("RGB", (256, 256), "green").save(tmp_path / PICTURES / name)
    benchmark_report.write(rows, tmp_path, "Made of 2 < 3 faces.")
    page = (tmp_path / "benchmark.html").read_text("utf-8")
    assert "2 &lt; 3 faces" in page and page.count("data:image/") == 2 and page.count("<table>") == 5
    assert not re.search(r'(?:src|href)="(?!data:)', page), "the page needs no other file"
    text = (tmp_path / "benchmark.md").read_text("utf-8")
    assert all(table in text for table in benchmark_report.tables(rows).values())
    with open(tmp_path / "rows.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(line["gain"]) for line in table] == [r.gain for r in rows]
    grid = Image.open(tmp_path / "grid.jpg")
    assert grid.size == (
        benchmark_report.MARGIN + 3 * benchmark_report.CELL,
        benchmark_report.TOP + benchmark_report.CELL,
    )
    assert np.asarray(grid)[100, 150, 1] > 100  # the face, green
    assert Image.open(tmp_path / "curves.png").convert("RGB").getcolors(1 << 20)  # drawn, not blank
    assert len(set(np.asarray(Image.open(tmp_path / "curves.png").convert("L")).ravel())) > 3


def test_a_figure_that_nobody_has_is_a_dash() -> None:
    board = scoreboard.outcomes([row("a", "mapper", s, s, dlib=None, identity=None) for s in (1.0, 2.0)])
    line = scoreboard.gain_table(board).splitlines()[2]
    assert [cell.strip() for cell in line.split("|")][5:7] == ["-", "-"]
    assert "nan" not in scoreboard.identity_table(board)
