"""An app that is killed, and its successor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.utils import Status
from PIL import Image

from styleclip_app import hosting
from support.browser import ROOT, serve


def test_only_pictures_of_apps_that_are_gone_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting.tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = f"styleclip-{gone.pid}-a", f"styleclip-{os.getpid()}-b", f"styleclip-{os.getppid()}-c", "styleclip-x-d"
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.png").touch()
    with hosting.folder_of_pictures() as pictures:
        assert sorted(tmp_path.iterdir()) == sorted([tmp_path / names[2], tmp_path / names[3], Path(pictures)])
        assert Path(pictures).stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_killed_app_loses_nothing_that_was_saved_and_starts_again(tmp_path: Path) -> None:
    saved, command = tmp_path / "saved", [str(ROOT / "app.py"), "--pack", "compact"]
    face, left = "", tmp_path
    with pytest.raises(AssertionError, match="left pictures behind"), serve(tmp_path, command) as url:
        client = Client(url, verbose=False, download_files=saved)
        face = client.predict(3, api_name="/random_face")
        [left] = tmp_path.glob("styleclip-*")
        os.kill(int(left.name.split("-")[1]), signal.SIGKILL)
    assert Image.open(face).convert("RGB").size == (1024, 1024)
    with serve(tmp_path, command) as url:
        assert not left.exists()
        client = Client(url, verbose=False, download_files=saved)
        again = client.predict(3, api_name="/random_face")
        assert Image.open(again).convert("RGB").tobytes() == Image.open(face).convert("RGB").tobytes()
        job = client.submit(handle_file(again), "a zombie", 1, 100, 0, "auto", True, api_name="/edit")
        while job.status().code not in (Status.PROCESSING, Status.ITERATING):
            assert not job.done()
            time.sleep(0.1)
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 25, "told to stop in the middle of a job, it does, and leaves nothing behind"
