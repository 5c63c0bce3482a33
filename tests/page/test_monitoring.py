"""What who runs the app gets to know: readiness, numbers, lines of the log; and the login."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from styleclip_app import monitoring
from styleclip_app.hosting import accounts
from styleclip_core import Face, Progress, StudioError
from styleclip_core.errors import NoFaceFound
from support.browser import ROOT, serve

PHOTO, PROMPT = ROOT / "examples" / "woman_garden.jpg", "a person with blond hair"
FACE = Face(torch.zeros(18, 512), Image.new("RGB", (8, 8)))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What is logged."""
    written: list[dict] = []
    monkeypatch.setattr(monitoring.log, "info", lambda line: written.append(json.loads(line)))
    return written


def count(kind: str, outcome: str) -> float:
    return monitoring.REGISTRY.get_sample_value("styleclip_jobs_total", {"kind": kind, "outcome": outcome}) or 0


def test_jobs_end_done_refused_failed_or_cancelled(lines: list[dict]) -> None:
    def steps(error: type[Exception] | None = None) -> Iterator[Progress | Face]:
        yield Progress("Finding", 1, 2)
        if error:
            raise error("a photo of Ann")
        yield FACE

    assert len(list(monitoring.watched("test", steps()))) == 2
    for error, outcome in ((NoFaceFound, "refused"), (ZeroDivisionError, "failed")):
        with pytest.raises(error):
            list(monitoring.watched("test", steps(error)))
        assert count("test", outcome) == 1
    for taken, outcome in ((1, "cancelled"), (2, "done")):
        running = monitoring.watched("test", steps())
        for _ in range(taken):
            next(running)
        running.close()
        assert lines[-1]["outcome"] == outcome
    assert [line["outcome"] for line in lines] == ["done", "refused", "failed", "cancelled", "done"]
    assert lines[1]["error"] == "NoFaceFound" and "error" not in lines[0] and "Ann" not in json.dumps(lines)
    assert set(lines[0]["stages"]) == {"Finding", "Result"} and (count("test", "done"), count("test", "cancelled")) == (
        2,
        1,
    )


def test_who_may_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("", None), ("ann:a:b, bob:c", [("ann", "a:b"), ("bob", "c")])):
        monkeypatch.setenv("STYLECLIP_AUTH", text)
        assert accounts() == expected
    for text in ("ann", "ann:", ":b", "ann:a,bob"):
        monkeypatch.setenv("STYLECLIP_AUTH", text)
        with pytest.raises(StudioError, match="user:password"):
            accounts()


def test_a_served_app_is_watched_and_asks_who_is_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    environment = os.environ | {"STYLECLIP_AUTH": "ann:secret"}
    with serve(tmp_path, [str(ROOT / "app.py"), "--pack", "compact"], environment) as url:

        def get(path: str) -> str:
            return urllib.request.urlopen(url + path).read().decode()

        for path in ("config", "gradio_api/info", "monitoring"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(path)
            assert refused.value.code in (401, 403, 404)
        client = Client(url, verbose=False, auth=("ann", "secret"))
        client.predict(handle_file(PHOTO), PROMPT, 1, 0, 0, api_name="/edit")
        with pytest.raises(AppError):
            client.predict(handle_file(PHOTO), PROMPT, 1, 0, 0, "tail", api_name="/edit")
        assert get("healthz") == "ready\n"
        text = get("metrics")
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        found = {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}
        assert found["styleclip_jobs_total", "done", "edit"] == found["styleclip_jobs_total", "done", "invert"] == 1
        assert found["styleclip_wait_seconds_count", "edit"] == 2 and found["styleclip_waiting",] == 0
        assert found["process_resident_memory_bytes",] > 1e8
        assert found["styleclip_stage_seconds_total", "Result"] > 0
    said = capfd.readouterr().err
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [(line["kind"], line["outcome"]) for line in lines] == [("invert", "done"), ("edit", "done")]
    for private in (PROMPT, PHOTO.name, "127.0.0.1", "ann"):
        assert private not in text and private not in json.dumps(lines)


def test_a_login_and_mcp_exclude_each_other() -> None:
    environment = os.environ | {"STYLECLIP_AUTH": "ann:secret"}
    command = [sys.executable, str(ROOT / "app.py"), "--mcp"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and "STYLECLIP_AUTH" in done.stderr and done.stderr.count("\n") == 1
