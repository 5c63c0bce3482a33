"""Checkpoints of the Hub: the real huggingface_hub against a Hub on this machine that misbehaves on request."""

import errno
import hashlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants, file_download
from huggingface_hub.utils._xet_progress_reporting import XetDownloadProgressReporter

from styleclip_core import weights
from styleclip_core.errors import Cancelled, DiskFull, WeightsUnavailable
from styleclip_core.weights import cache
from styleclip_core.weights.checkpoint import Checkpoint
from styleclip_core.weights.hub import Hub, _silent_bar
from styleclip_core.weights.table import TABLE
from support.fake_hub import FakeHub, serve
from support.fake_wheels import touch_later

NET = bytes(range(256)) * 40
WRONG = bytes(reversed(NET))
FIRST, SECOND = "some/nets/net.pt", "other/nets/copy.pt"  # the same file in two places


def checkpoint(digest: str | None = hashlib.sha256(NET).hexdigest(), size: int = len(NET)) -> Checkpoint:
    source = Hub("some/nets", "net.pt", mirrors=(("other/nets", "copy.pt", None),))
    return Checkpoint("net", source, "net.pt", size, digest, "MIT", "full tiny")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The fake Hub with the file in both places, empty caches, and a table of one checkpoint."""
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STYLECLIP_WEIGHTS", raising=False)
    monkeypatch.setattr(cache, "CHECKPOINTS", {"net": checkpoint()})
    with serve() as hub:
        hub.files |= {FIRST: NET, SECOND: NET}
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.4)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
        yield hub


def blobs() -> list[bytes]:
    """What the Hub's cache holds: whole files, damaged ones and parts."""
    return [file.read_bytes() for file in Path(constants.HF_HUB_CACHE).rglob("blobs/*")]


def test_a_file_stays_in_the_hubs_own_cache(hub: FakeHub) -> None:
    file = weights.path("net")
    assert file.read_bytes() == NET and file.is_relative_to(constants.HF_HUB_CACHE) and file.name == "net.pt"
    assert blobs() == [NET] and not (weights.cache_dir() / "net").exists()
    assert weights.available("tiny") and weights.verify() == {"net": "ok"}
    asked = len(hub.asked)
    assert weights.path("net") == file and len(hub.asked) == asked
    assert hub.downloads(FIRST) == [""] and hub.downloads(SECOND) == []


def test_a_pinned_revision_is_asked_for(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = Checkpoint("net", Hub("some/nets", "net.pt", "c" * 40), "net.pt", len(NET), None, "MIT", "full")
    monkeypatch.setattr(cache, "CHECKPOINTS", {"net": pinned})
    assert "snapshots/" + "c" * 40 in weights.path("net").as_posix()
    assert weights.path("net").read_bytes() == NET


def test_a_truncated_download_is_resumed(hub: FakeHub) -> None:
    hub.cuts[FIRST] = 5000
    assert weights.path("net").read_bytes() == NET
    assert hub.downloads(FIRST) == ["", "bytes=5000-"]


def test_a_stalled_download_is_resumed(hub: FakeHub) -> None:
    hub.stalls[FIRST] = 3000
    assert weights.path("net").read_bytes() == NET
    assert hub.downloads(FIRST) == ["", "bytes=4000-"]


def test_a_slow_download_shows_progress(hub: FakeHub) -> None:
    hub.pause = 0.02
    seen = []
    weights.fetch("net", report=seen.append)
    done = [progress.step for progress in seen]
    assert done == sorted(done) and len(set(done)) > 5 and done[-1] == len(NET)
    assert {(progress.steps, progress.stage) for progress in seen} == {(len(NET), "hub:some/nets/net.pt")}


def test_cancelling_a_slow_download_leaves_nothing(hub: FakeHub) -> None:
    def cancel(*_: object) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        weights.fetch("net", report=cancel)
    assert blobs() == [] and not weights.available("net")


def test_a_corrupted_file_is_deleted_and_the_next_place_tried(hub: FakeHub) -> None:
    hub.files[FIRST], hub.etags[FIRST] = WRONG, "not-a-sum"  # what the Hub states gives it away only when it is here
    file = weights.path("net")
    assert file.read_bytes() == NET and file.name == "copy.pt"
    assert hub.downloads(FIRST) and blobs() == [NET]


def test_a_file_that_the_hub_states_to_be_another_is_not_downloaded(hub: FakeHub) -> None:
    hub.files[FIRST] = WRONG
    hub.files[SECOND] = NET[:-1]
    with pytest.raises(WeightsUnavailable) as caught:
        weights.path("net")
    for part in ("some/nets", hashlib.sha256(WRONG).hexdigest(), "other/nets", "10,239 bytes instead of 10,240"):
        assert part in str(caught.value)
    assert hub.downloads(FIRST) == hub.downloads(SECOND) == [] and not weights.reachable("net")


def test_a_damaged_cache_is_fetched_anew(hub: FakeHub) -> None:
    touch_later(weights.path("net").resolve(), WRONG)
    assert weights.verify() == {"net": "damaged"} and not weights.available("net")
    assert weights.path("net").read_bytes() == NET
    assert hub.downloads(FIRST) == ["", ""]


def test_without_a_known_sum_the_hubs_own_must_fit(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHECKPOINTS", {"net": checkpoint(None, size=len(NET) + 50)})  # known to within 1 %
    hub.etags[FIRST] = hub.etags[SECOND] = hashlib.sha256(WRONG).hexdigest()
    with pytest.raises(WeightsUnavailable, match="but the Hub says"):
        weights.path("net")
    assert blobs() == []
    hub.etags.clear()
    assert weights.path("net").read_bytes() == NET and weights.verify() == {"net": "unknown"}
    assert "sum unknown" in weights.describe().splitlines()[1]
    monkeypatch.setattr(cache, "CHECKPOINTS", {"net": checkpoint(None, size=2 * len(NET))})
    with pytest.raises(WeightsUnavailable, match="10,240 bytes instead of 20,480"):
        weights.path("net")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((404, "EntryNotFound"), "no longer has this file"),
        ((404, "RevisionNotFound"), "no longer has this file"),
        ((401, "RepoNotFound"), "no such repository, or it is private"),
        ((401, ""), "the Hub answered 401, so check HF_TOKEN"),
        ((403, "GatedRepo"), "terms must be accepted"),
        ((503, ""), "the Hub answered 503"),
    ],
)
def test_refusals_are_explained(hub: FakeHub, fault: tuple[int, str], says: str) -> None:
    hub.faults[FIRST] = fault
    assert weights.reachable("net")  # at the second place
    hub.faults[SECOND] = fault
    assert not weights.reachable("net")
    with pytest.raises(WeightsUnavailable) as caught:
        weights.path("net")
    assert str(caught.value).count(says) == 2 and "\n" not in str(caught.value)
    assert "STYLECLIP_WEIGHTS" in str(caught.value)
    del hub.faults[SECOND]
    assert weights.path("net").name == "copy.pt"


def test_offline_nothing_is_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not weights.reachable("net")
    with pytest.raises(WeightsUnavailable, match="HF_HUB_OFFLINE is set"):
        weights.path("net")
    assert hub.asked == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    weights.path("net")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert weights.path("net").read_bytes() == NET and weights.reachable("net")


def test_no_network_is_said_at_once(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    start = time.monotonic()
    assert not weights.reachable("net")
    with pytest.raises(WeightsUnavailable, match="no connection to the Hub"):
        weights.path("net")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), DiskFull, "set HF_HOME"),
        (RuntimeError("Data processing error: No space left on device (os error 28)"), DiskFull, "free some space"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), WeightsUnavailable, "set HF_HOME"),
        (RuntimeError("storage service unreachable"), WeightsUnavailable, "storage service unreachable"),
    ],
)
def test_a_disk_that_cannot_be_written(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type, says: str
) -> None:
    def fail(url: str, temp_file: object, **_: object) -> None:
        temp_file.write(b"half of")
        raise error

    monkeypatch.setattr(file_download, "http_get", fail)
    with pytest.raises(kind, match=says):
        weights.path("net")
    assert blobs() == []


@pytest.mark.parametrize("name", ["net", "net.pt", "copy.pt"])
def test_a_folder_of_ones_own_goes_first(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    own = tmp_path / "mine" / name
    own.parent.mkdir()
    own.write_bytes(NET)
    monkeypatch.setenv("STYLECLIP_WEIGHTS", str(own.parent))
    assert weights.available("net") and weights.path("net") == own
    touch_later(own, WRONG)
    with pytest.raises(WeightsUnavailable, match=f"{own} is not the published net"):
        weights.path("net")
    assert own.read_bytes() == WRONG and hub.asked == []
    own.unlink()
    assert weights.path("net").is_relative_to(constants.HF_HUB_CACHE)


def fetch_in_step(me: int, meeting: Path) -> bytes:
    """In a process of its own: wait for the other one, then fetch."""
    cache.CHECKPOINTS = {"net": checkpoint()}
    (meeting / str(me)).touch()
    deadline = time.monotonic() + 60
    while len(list(meeting.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    return weights.path("net").read_bytes()


def test_two_processes_at_once_download_once(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}.items():
        monkeypatch.setenv(name, value)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(fetch_in_step, [0, 1], [meeting, meeting])) == [NET, NET]
    assert hub.downloads(FIRST) == [""]


def test_the_hubs_other_protocol_finds_the_bar_it_needs() -> None:
    seen: list[int] = []
    bar = _silent_bar(seen.append)
    with XetDownloadProgressReporter(reconstruction_desc="file", total=100, log_level=30, tqdm_class=bar) as reporter:
        for done in (30, 70, 100):
            reporter.update_progress(
                SimpleNamespace(
                    total_bytes=100,
                    total_bytes_completed=done,
                    total_bytes_completion_rate=1.0,
                    total_transfer_bytes_completed=done - 10,
                    total_transfer_bytes_completion_rate=1.0,
                )
            )
    assert seen == sorted(seen) and seen[-1] == 100


def test_the_command_line_fetches_and_verifies(hub: FakeHub, capsys: pytest.CaptureFixture) -> None:
    from styleclip_core import cli

    assert cli.main(["weights", "verify"]) == 0  # nothing that is here is damaged
    assert cli.main(["weights", "verify", "tiny"]) == 1
    assert capsys.readouterr().out.splitlines() == ["missing  net"] * 2
    assert cli.main(["weights", "fetch", "tiny"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{weights.path('net')}\n" and "MB from hub:some/nets/net.pt. Licence: MIT" in said.err
    assert cli.main(["weights", "verify", "tiny"]) == 0
    touch_later(weights.path("net").resolve(), WRONG)
    assert cli.main(["weights", "verify"]) == 1


def test_packs_of_the_real_table() -> None:
    full = {c.name for c in TABLE if "full" in c.pack.split()}
    assert full == {
        "face_landmarker.task",
        "efficientnet_lite0.pth",
        "e4e_ffhq_encode.pt",
        "clip_vit_b32.safetensors",
        "parsing_bisenet.pth",
        "model_ir_se50.pth",
    }
    hub = [c for c in TABLE if isinstance(c.source, Hub)]
    assert len({c.source for c in hub}) == len(hub) and all(c.file == c.source.file for c in hub)
