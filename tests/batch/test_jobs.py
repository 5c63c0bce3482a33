"""Which photos, which edits, and by what work is known again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from styleclip_core.batch.jobs import Plan, find_photos, name_of, read_edits
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadSetting
from styleclip_core.packs import Pack
from styleclip_core.settings import InvertSettings, OptimizeSettings


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("a.jpg", "below/b.PNG", "below/.hidden.jpg", "notes.txt", "out/a-1-smile.png", "out/.small/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_folders_patterns_lists_and_paths(album: Path) -> None:
    listed = album / "more.txt"
    listed.write_text(f"{album / 'gone.jpg'}\n\n  {album / 'a.jpg'}  \n")
    b = str(album / "below/b.PNG")
    assert find_photos([str(album)], str(album / "out")) == [album / "a.jpg", Path(b)]
    assert find_photos([f"{album}/**/*.PNG", b]) == [Path(b)]
    assert find_photos([f"@{listed}"]) == [album / "a.jpg", album / "gone.jpg"], "what is named is reported if it lacks"
    assert find_photos([str(album / "notes.txt")]) == [album / "notes.txt"]


def test_results_are_no_photos(album: Path) -> None:
    for sources, results in (([str(album)], album), ([f"{album}/*.jpg"], album), ([f"{album}/out/*"], album / "out")):
        with pytest.raises(BadSetting, match="among the photos"):
            find_photos(sources, str(results))
    with pytest.raises(BadSetting, match="no pictures"):
        find_photos([f"{album}/*.gif"])
    with pytest.raises(BadSetting, match="list"):
        find_photos([f"@{album}/none.txt"])


def test_edits_as_the_app_saves_them_alone_or_by_names(tmp_path: Path) -> None:
    smile = Recipe("a smiling person", "mouth", OptimizeSettings(strength=1.4))
    (tmp_path / "smile.json").write_text(smile.to_json())
    assert read_edits(str(tmp_path / "smile.json")) == {"smile": smile}
    several = tmp_path / "several.yaml"
    several.write_text("blond: blond hair\nold: {sliders: {'boundary:age': 1.5}, region: face}\n")
    expected = {"blond": Recipe("blond hair"), "old": Recipe("", "face", sliders={"boundary:age": 1.5})}
    assert read_edits(str(several)) == expected
    (tmp_path / "both.json").write_text(json.dumps({"one": json.loads(smile.to_json()), "two": "blond hair"}))
    assert read_edits(str(tmp_path / "both.json")) == {"one": smile, "two": Recipe("blond hair")}


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.json", "{"),
        ("a.yaml", "a: ["),
        ("a.yaml", "just words"),
        ("a.yaml", "smile: 2020-01-01"),
        ("a.yaml", "smile: {sliders: {'boundary:age': 30}}"),
        ("a.json", '{"smile": {"prompt": 3}}'),
    ],
)
def test_files_that_are_no_edits(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadSetting):
        read_edits(str(tmp_path / name))


def test_plans_that_make_no_sense() -> None:
    for edits in ({}, {"../up": Recipe("a smile")}, {"nothing": Recipe()}, {"-o": Recipe("a smile")}):
        with pytest.raises(BadSetting):
            Plan(edits)
    with pytest.raises(BadSetting):
        Plan({"smile": Recipe("a smile")}, faces="some")
    assert Plan({name_of("a smiling person, \N{LATIN SMALL LETTER E WITH ACUTE}!"): Recipe("a smile")})


def test_work_is_known_by_all_that_decides_it(pack: Pack, tmp_path: Path) -> None:
    pack = replace(pack, own_mappers=tmp_path)
    plan = Plan({"old": Recipe("", "face", sliders={"boundary:age": 1, "mapper:own": 1})})
    known = plan.fingerprint(pack)
    assert plan.fingerprint(pack) == known == replace(plan, anyway=True).fingerprint(pack)
    others = [replace(plan, faces="all"), replace(plan, inversion=InvertSettings(steps=3))]
    for slider, region in (("mapper:own", "hair"), ("mapper:other", "face")):
        others.append(replace(plan, edits={"old": Recipe("", region, sliders={"boundary:age": 1, slider: 1})}))
    assert len({known, *(other.fingerprint(pack) for other in others)}) == 5
    (tmp_path / "own.pt").write_bytes(b"a mapper")
    changed = plan.fingerprint(pack)
    (tmp_path / "other.pt").write_bytes(b"one that no edit asks for")
    assert known != changed == plan.fingerprint(pack) != plan.fingerprint(replace(pack, name="full"))
