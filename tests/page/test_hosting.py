"""What the container, the Space and the Makefile say must fit what is in the repository."""

import fnmatch
import functools
import importlib
import json
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio.route_utils
import pytest
import torch
from huggingface_hub import metadata_load
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import styleclip_app.zerogpu
from styleclip_app.api import edit, gpu_seconds, slide
from styleclip_app.hosting import Readiness, keep_deleting_files
from styleclip_app.session import InvertedFace, digest
from styleclip_app.zerogpu import MAX_SECONDS
from styleclip_core import Face, Studio
from styleclip_core.weights.hub import Hub
from styleclip_core.weights.table import TABLE

ROOT = Path(__file__).parents[2]


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions: the word and the rest, on one line each."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def test_what_the_image_copies_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = [name for word, rest in dockerfile() if word == "COPY" for name in shlex.split(rest)[:-1]]
    assert copied[-1] == "."
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    needed = [n for n in tracked if n.endswith(".py") or n.startswith(("pretrained/", "examples/"))]
    needed = [n for n in needed if not n.startswith(("tests/", "benchmarks/", ".ci/"))]
    assert len(needed) > 40 or not tracked  # none in a copy without git
    for name in [*copied[:-1], "app.py", "styleclip_app/zerogpu.py", *needed]:
        assert (ROOT / name).is_file()
        assert not any(fnmatch.fnmatch(part, pattern) for pattern in ignored for part in Path(name).parts), name


def test_the_image_runs_the_app_as_a_user_of_its_own() -> None:
    steps = dockerfile()
    words = [word for word, _ in steps]
    last = dict(steps)
    assert json.loads(last["ENTRYPOINT"]) == ["python", "app.py"]
    assert f"useradd --create-home --uid 1000 {last['USER']}" in last["RUN"] and f"-o {last['USER']}" in last["RUN"]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word == "RUN")
    environment = dict(pair.split("=", 1) for pair in shlex.split(last["ENV"]))
    for name in ("STYLECLIP_CACHE", "HF_HOME"):
        assert environment[name].startswith(last["VOLUME"] + "/")
    assert environment["GRADIO_SERVER_NAME"] == "0.0.0.0"
    assert environment["GRADIO_SERVER_PORT"] == last["EXPOSE"]
    check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    compile(check[2], "HEALTHCHECK", "exec")
    assert check[:2] == ["python", "-c"] and f"http://127.0.0.1:{last['EXPOSE']}/" in check[2]


def test_the_image_takes_torch_from_another_index_when_told(tmp_path: Path) -> None:
    install = [rest for word, rest in dockerfile() if word == "RUN" and "pip install" in rest]
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\nfor word; do printf "%s|" "$word"; done\necho\n')
    pip.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    for index, calls in (("", 1), ("somewhere", 2)):
        environment = {"PATH": path, "TORCH_INDEX": index}
        done = subprocess.run(["sh", "-c", install[0]], cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and len(lines) == calls and "requirements.txt" in lines[-1]
    assert re.search(r"--index-url\|somewhere\|torch>=[\d.]+\|torchvision>=[\d.]+\|$", lines[0])


def test_make_weights_fetches_a_pack() -> None:
    for arguments, pack in (([], "full"), (["PACK=compact"], "compact")):
        command = ["make", "--no-print-directory", "-n", "weights", *arguments]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert said.returncode == 0 and said.stdout.rstrip().endswith(f"-m styleclip_core weights fetch {pack}")


def test_the_spaces_front_matter_fits() -> None:
    card = metadata_load(ROOT / "README.md")
    if card is None:
        pytest.skip("README.md has no front matter")
    assert (ROOT / card["app_file"]).is_file() and card["sdk"] == "gradio"
    assert f"gradio>={card['sdk_version'].rpartition('.')[0]}\n" in (ROOT / "requirements.txt").read_text()
    sources = [c.source for c in TABLE if "full" in c.pack.split() and isinstance(c.source, Hub)]
    expected = {" ".join(filter(None, (s.repo, s.file, s.revision))) for s in sources}
    assert set(card["preload_from_hub"]) == expected


def count(stop: int) -> Iterator[int]:
    yield from range(stop)


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    importlib.reload(styleclip_app.zerogpu)


def test_gpu_functions_are_declared_where_there_is_zerogpu(monkeypatch: pytest.MonkeyPatch, reloaded: None) -> None:
    declared = []

    def gpu(duration: int) -> object:
        return lambda function: declared.append((function, duration)) or function

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    job = functools.partial(count, 3)
    assert list(importlib.reload(styleclip_app.zerogpu).on_gpu(job, seconds=20)()) == [0, 1, 2]
    assert declared == [(job, 20)]


def test_calls_that_are_short_ask_for_less(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"a photo")
    photo = str(tmp_path / "photo.png")
    seconds, face = gpu_seconds(edit), Face(torch.zeros(18, 512), Image.new("RGB", (8, 8)))
    known = InvertedFace(digest(photo), None, face)
    assert seconds(photo, "old", 1, 20, 0, "auto", False, known) == 25
    assert seconds(photo, "old", 1, 20, 0, "auto", False, None) == 70
    assert seconds(photo, "old", 1, 5000, 0, "auto", False, None) == seconds(photo, "old", 1, "many") == MAX_SECONDS
    assert gpu_seconds(slide)(photo, {}, known) < gpu_seconds(slide)(photo, {}, None) < 70


def test_gpu_functions_stay_as_they_are_elsewhere(monkeypatch: pytest.MonkeyPatch, reloaded: None) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert importlib.reload(styleclip_app.zerogpu).on_gpu(count) is count


def test_pictures_are_deleted_although_somebody_named_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = gradio.route_utils.delete_files_created_by_app
    monkeypatch.setattr(gradio.route_utils, "delete_files_created_by_app", original)  # put back after the test
    keep_deleting_files()
    (tmp_path / "photo.png").touch()
    named = [{str(tmp_path)}, {str(tmp_path / "photo.png")}, {str(tmp_path / "gone.png")}]
    gradio.route_utils.delete_files_created_by_app(SimpleNamespace(blocks={}, temp_file_sets=named), None)
    assert list(tmp_path.iterdir()) == []


def test_the_app_is_ready_after_a_first_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, waiting = threading.Event(), threading.Event()
    monkeypatch.setattr(Studio, "random_face", lambda self: waiting.wait(10) and drawn.set())
    readiness = Readiness(object())  # type: ignore[arg-type]
    client = TestClient(Starlette(routes=readiness.routes()))
    readiness.begin()
    assert client.get("/healthz").status_code == 503
    waiting.set()
    assert drawn.wait(10)
    for _ in range(100):
        if client.get("/healthz").status_code == 200:
            break
        time.sleep(0.05)
    assert client.get("/healthz").text == "ready\n" and "styleclip_waiting" in client.get("/metrics").text
