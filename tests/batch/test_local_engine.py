"""The command with processes that are killed: what it leaves is what an undisturbed one leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from batch.conftest import contents
from support.browser import ROOT

EDITS = """
smile: {sliders: {"mapper:smiling": 1}}
old: {sliders: {"boundary:age": 1}, region: face}
"""
PATIENCE = 300  # seconds, on a busy machine


def begin(album: Path, results: Path, jobs: int, *more: str) -> subprocess.Popen:
    edits = album.parent / "edits.yaml"
    edits.write_text(EDITS)
    command = [sys.executable, "-m", "styleclip_core", "batch", str(album), "-o", str(results), "--edits", str(edits)]
    command += ["--inversion-steps", "0", "--faithful", "0", "--jobs", str(jobs), "--threads", "1", *more]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **output)


def end(program: subprocess.Popen) -> str:
    said, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == 3, said
    return said


def wait_for(path: Path, pattern: str, program: subprocess.Popen) -> None:
    start = time.monotonic()
    while not list(path.glob(pattern)):
        assert program.poll() is None and time.monotonic() - start < PATIENCE
        time.sleep(0.02)


def workers(program: subprocess.Popen) -> list[int]:
    """The numbers of a program's worker processes."""
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]


@pytest.mark.slow
def test_killed_three_times_it_leaves_the_same_folder(album: Path, tmp_path: Path) -> None:
    said = end(begin(album, tmp_path / "whole", 1))
    assert "2 of 6 photos edited, 4 failed" in said and "Traceback" not in said
    rows = [json.loads(line) for line in (tmp_path / "whole/results.jsonl").read_text().splitlines()]
    failed = {Path(row["input"]).name: row["kind"] for row in rows if "error" in row}
    unreadable = dict.fromkeys(("cut.png", "empty.jpg", "words.jpg"), "unreadable")
    assert failed == {"nobody.png": "no face", **unreadable} and len(rows) == 6

    cut, chance = tmp_path / "cut", random.Random(4)
    program = begin(album, cut, 2)
    wait_for(cut, ".claims/photo*", program)
    for worker in workers(program)[:1]:
        os.kill(worker, signal.SIGKILL)
    wait_for(cut, "*-old.png", program)
    time.sleep(chance.uniform(0, 1))
    os.killpg(program.pid, signal.SIGKILL)  # all of it
    program.wait()
    assert not (cut / "results.jsonl").exists()
    program = begin(album, cut, 1)
    wait_for(cut, "*photo1*-smile.png", program)
    program.kill()  # its worker finishes the photo and ends
    program.wait()
    both = [begin(album, cut, 1) for _ in range(2)]
    for each in both:
        end(each)
    assert contents(cut) == contents(tmp_path / "whole")
