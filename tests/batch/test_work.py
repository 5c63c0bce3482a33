"""One photo with its edits, by the real compact pack."""

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batch.conftest import PLAN, contents
from styleclip_core.batch import Plan, Worker, write_report
from styleclip_core.batch.store import Folder, open_store
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import StudioError, UnknownMapper, UnknownPrompt, WeightsUnavailable
from styleclip_core.packs import Pack
from styleclip_core.settings import OptimizeSettings
from styleclip_core.studio import Studio


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("the work is done already")


@pytest.fixture(scope="module")
def done(pack: Pack, album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one photo."""
    folder = tmp_path_factory.mktemp("results")
    assert "error" not in Worker(pack, PLAN, str(folder)).do(album / "photo0.png")
    return folder


def test_a_photo_gets_all_its_edits_from_one_inversion(
    pack: Pack, album: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inversions, invert = [], Studio.invert
    monkeypatch.setattr(Studio, "invert", lambda *args: inversions.append(1) or invert(*args))
    row = Worker(pack, PLAN, str(tmp_path)).do(album / "photo0.png")
    assert len(inversions) == 1 and row["edits"].keys() == {"smile", "old"} and row["faces"] == 1
    before = Image.open(album / "photo0.png")
    for edit in row["edits"].values():
        after = Image.open(tmp_path / edit["file"])
        change = np.abs(np.asarray(before, float) - np.asarray(after.convert("RGB"), float)).mean(-1)
        assert after.size == before.size and change[100:450, 150:500].mean() > 1 and change[:, :40].max() == 0
        assert 0.3 < edit["faces"][0]["identity"] <= 1 and max(Image.open(tmp_path / edit["small"]).size) == 256
        assert "rainedAlgorithmicMedia" in after.info["XML:com.adobe.xmp"]
    assert contents(done) == contents(tmp_path), "the same work gives the same bytes"


def test_what_is_done_is_not_done_again(pack: Pack, album: Path, done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(pack, PLAN, str(done))
    monkeypatch.setattr(worker, "_edited", refuse)
    row, again = (worker.do(album / "photo0.png") for _ in range(2))
    assert row == again and "edits" in row
    copy = album.parent / "photo0.bmp"
    copy.write_bytes((album / "photo0.png").read_bytes())
    assert worker.do(copy) == row, "the same picture under the same name"
    copy.unlink()


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b"half"), Path.touch])
def test_what_was_harmed_is_done_again(
    pack: Pack, album: Path, done: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], object]
) -> None:
    worker = Worker(pack, PLAN, str(done))
    row, again = worker.do(album / "photo0.png"), {"done": "again"}
    monkeypatch.setattr(worker, "_edited", lambda *_: again)
    file, record = done / row["edits"]["old"]["file"], next((done / ".records").iterdir())
    content, text = file.read_bytes(), record.read_bytes()
    harm(file)
    assert worker.do(album / "photo0.png") == (row if harm is Path.touch else again)
    file.write_bytes(content)
    record.write_bytes(b"{")
    assert worker.do(album / "photo0.png") == again, "a damaged record is none"
    record.write_bytes(text)


def test_nobody_does_what_another_process_is_at(
    pack: Pack, album: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Worker(pack, PLAN, str(done)).do(album / "photo0.png")
    other = Worker(pack, PLAN, str(done))
    monkeypatch.setattr(other, "_edited", refuse)
    name = re.sub("-smile.png$", "", row["edits"]["smile"]["file"])
    with Folder(done).claim(name, True):
        assert other.do(album / "photo0.png") == {"busy": True}
    assert other.do(album / "photo0.png", wait=True) == row


def test_all_faces_of_a_group(pack: Pack, portraits: list[Image.Image], tmp_path: Path) -> None:
    group = Image.new("RGB", (1000, 500), "gray")
    for number, portrait in enumerate(portraits):
        group.paste(portrait, (10 + 500 * number, 10))
    group.save(tmp_path / "group.png")
    smile = {"smile": PLAN.edits["smile"]}
    changed = {}
    for faces in ("all", "largest"):
        row = Worker(pack, replace(PLAN, edits=smile, faces=faces), str(tmp_path / faces)).do(tmp_path / "group.png")
        assert row["faces"] == 2 and len(row["edits"]["smile"]["faces"]) == (2 if faces == "all" else 1)
        after = Image.open(tmp_path / faces / row["edits"]["smile"]["file"]).convert("RGB")
        change = np.abs(np.asarray(group, float) - np.asarray(after, float)).mean(-1)
        changed[faces] = [half.mean() > 0.5 for half in (change[:, :500], change[:, 500:])]
    assert changed["all"] == [True, True] and sum(changed["largest"]) == 1


def test_what_nothing_can_come_of_is_said(pack: Pack, album: Path, tmp_path: Path) -> None:
    worker = Worker(pack, PLAN, str(tmp_path))
    names = ("nobody.png", "cut.png", "empty.jpg", "words.jpg", "gone.jpg")
    rows = {name: worker.do(album / name) for name in names}
    assert [rows[name]["kind"] for name in names] == ["no face"] + 4 * ["unreadable"]
    assert all(len(row["error"]) > 15 for row in rows.values())
    kept = [json.loads(path.read_text()) for path in (tmp_path / ".records").iterdir()]
    assert sorted(map(str, kept)) == sorted(str(rows[name]) for name in names[:-1]), "the next call knows it"
    assert list(map(str, tmp_path.glob("*.png"))) == []


ROOM, MEMORY = OSError(errno.ENOSPC, "No space left on device"), MemoryError()


@pytest.mark.parametrize(
    "where, error, kind",
    [
        ("write", ROOM, "disk full"),
        ("invert", MEMORY, "out of memory"),
        ("invert", WeightsUnavailable("Connect to the network."), "refused"),
        ("invert", ZeroDivisionError("oops"), "failed"),
    ],
)
def test_what_may_pass_is_tried_again(
    pack: Pack, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, kind: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    def edited(data: bytes, name: str) -> dict:
        Folder(tmp_path).write(f"{name}-smile.png", data)
        return {"written": name}

    worker = Worker(pack, PLAN, str(tmp_path))
    with monkeypatch.context() as broken:
        if where == "write":
            broken.setattr(worker, "_edited", edited)
            broken.setattr(os, "fsync", fail)
        else:
            broken.setattr(Studio, "invert", fail)
        row = worker.do(album / "photo0.png")
    assert row["kind"] == kind and not [path for path in contents(tmp_path) if not path.startswith(".claims")]
    monkeypatch.setattr(worker, "_edited", edited)
    assert "written" in worker.do(album / "photo0.png")


@pytest.mark.parametrize(
    "edit, error",
    [
        (Recipe(sliders={"mapper:nobody": 1}), UnknownMapper),
        (Recipe("qwertz uiop"), UnknownPrompt),
        (Recipe("a smile", "elbow"), StudioError),
    ],
)
def test_what_the_pack_has_against_a_plan_is_said_first(
    pack: Pack, tmp_path: Path, edit: Recipe, error: type[StudioError]
) -> None:
    with pytest.raises(error):
        Worker(pack, Plan({"edit": edit}), str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_an_edit_by_prompt_and_sliders(pack: Pack, album: Path, tmp_path: Path) -> None:
    both = Recipe("a smiling person", settings=OptimizeSettings(steps=0), sliders={"boundary:age": 1})
    row = Worker(pack, replace(PLAN, edits={"both": both}), str(tmp_path)).do(album / "photo1.png")
    scores = row["edits"]["both"]["faces"][0]
    assert scores["similarity_after"] > scores["similarity_before"]


def test_the_report(pack: Pack, album: Path, done: Path) -> None:
    worker, photos = Worker(pack, PLAN, str(done)), [album / "photo0.png", album / "nobody.png"]
    summary = write_report(open_store(str(done)), PLAN, photos, {photo: worker.do(photo) for photo in photos})
    assert (summary.edited, summary.failed) == (1, 1)
    lines = [json.loads(line) for line in (done / "results.jsonl").read_text().splitlines()]
    assert [line["input"] for line in lines] == list(map(str, photos)) and "error" in lines[1]
    page = (done / "index.html").read_text()
    for name in re.findall('(?:src|href)="([^"]+)"', page):
        assert (done / name).is_file()
    smile, old = (page.index(f"-{title}.png") for title in ("smile", "old"))
    assert smile < old, "in the order of the heads, which is the plan's"
    assert page.count("<img") == 3 and "1 edited, 1 not" in page and lines[1]["error"] in page
