"""Workers on a local Ray cluster of two, one of which is killed at its photo."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from batch.conftest import PLAN
from styleclip_core.batch import Networks, Plan, Worker, hand_out
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import UnknownMapper
from styleclip_core.packs import Pack

ray = pytest.importorskip("ray")
NETWORKS = Networks("compact", "cpu", threads=1)
SMILE = replace(PLAN, edits={"smile": PLAN.edits["smile"]})


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def at_photos() -> list[int]:
    """The numbers of the processes that are at a photo now."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"ray::_Actor.do" in process.read_bytes():
                found.append(int(process.parent.name))
    return found


def refuse(*_: object) -> None:
    raise AssertionError("the work is done already")


@pytest.mark.slow
def test_a_killed_worker_loses_and_doubles_nothing(
    pack: Pack, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from styleclip_core.batch.ray_engine import RayTeam

    place, photos = f"local://{tmp_path}/results", sorted(album.iterdir())
    team, killed = RayTeam(NETWORKS, SMILE, place), []
    give = team.give

    def give_and_kill(worker: int, photo: Path, wait: bool) -> None:
        give(worker, photo, wait)
        while photo.name == "photo0.png" and not killed:
            killed.extend(at_photos()[:1])
        if len(killed) == 1:
            os.kill(killed[0], signal.SIGKILL)
            killed.append(0)

    monkeypatch.setattr(team, "give", give_and_kill)
    rows = list(hand_out(team, 2, photos))
    assert killed and sorted(photo for photo, _ in rows) == photos
    edited = {photo.name: row for photo, row in rows if "edits" in row}
    assert edited.keys() == {"photo0.png", "photo1.png"}
    assert sorted(row["kind"] for _, row in rows if "error" in row) == ["no face", *3 * ["unreadable"]]

    here = Worker(pack, SMILE, f"{tmp_path}/results")
    monkeypatch.setattr(here, "_edited", refuse)
    assert all(here.do(album / name) == row for name, row in edited.items()), "all of it is there, whole"
    assert len(list(tmp_path.glob("results/*.png"))) == 2


@pytest.mark.slow
def test_what_a_worker_has_against_the_plan_is_raised(album: Path, tmp_path: Path) -> None:
    from styleclip_core.batch.ray_engine import RayTeam

    team = RayTeam(NETWORKS, Plan({"edit": Recipe(sliders={"mapper:nobody": 1})}), str(tmp_path))
    with pytest.raises(UnknownMapper):
        list(hand_out(team, 1, [album / "photo0.png"]))
    assert ray.is_initialized(), "a cluster that was there before stays"


def test_print_stays_pythons_own() -> None:
    assert print.__module__ == "builtins"
