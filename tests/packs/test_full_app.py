"""The app on the full pack, in the browser and for other programs."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from gradio_client import Client, handle_file
from PIL import Image

from styleclip_app.theme import numbers_html
from styleclip_core import Pack
from support.browser import ROOT, Page, chromium, serve
from support.full_pack import PORTRAIT


def test_the_app(folder: Path, cache: Path, pack: Pack, tmp_path: Path) -> None:
    program = [
        str(ROOT / "tests" / "support" / "synthetic_pack.py"),
        str(folder),
        str(ROOT / "app.py"),
        "--pack",
        "full",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLECLIP_CACHE": str(cache)}
    (tmp_path / "app").mkdir()
    with serve(tmp_path / "app", [*program, "--device", "cpu"], environment) as url, chromium(tmp_path) as browser:
        page = Page(browser, url, tmp_path)
        assert "minutes with this pack" in page.find("#head").text
        page.upload(PORTRAIT)
        page.wait_for("One face found")
        page.ask("an old person", steps=1)
        said = page.wait_for("Done")
        assert any("code" in text for text in said) and any(
            "First picture" in text or "Editing" in text for text in said
        )
        assert "same person" in page.find("#numbers").text
        assert page.photo().size == Image.open(PORTRAIT).size

        client = Client(url, verbose=False, download_files=tmp_path)
        made = client.predict(3, api_name="/random_face")
        aligned, _, numbers = client.predict(handle_file(made), "a smile", 1, 1, 0, api_name="/edit")
        assert Image.open(aligned).size == (64, 64) and numbers["identity"] <= 1


def test_jobs_run_in_a_forked_process_too() -> None:
    code = (
        "import os\nfrom styleclip_app.session import in_worker\n"
        "assert list(in_worker(x for x in 'ab')) == ['a', 'b']\n"
        "child = os.fork()\n"
        "if child == 0:\n    os._exit(0 if list(in_worker(x for x in 'cd')) == ['c', 'd'] else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_numbers_without_an_identity() -> None:
    scores = {"similarity_before": 0.0, "similarity_after": 1.0, "distance": 0.1, "seconds": 1.0}
    face = SimpleNamespace(seconds=2.0)
    assert "same person" not in numbers_html(scores, face)
    assert "same person" in numbers_html(scores | {"identity": 0.9}, face)
