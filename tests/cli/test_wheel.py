"""What `pip install .` installs: the wheel's files, its command and what it requires."""

import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    pytest.importorskip("hatchling", reason="requirements-dev.txt is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return ZipFile(next(folder.iterdir()))


def read(wheel: ZipFile, name: str) -> str:
    return wheel.read(next(path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))).decode()


def test_the_wheel_holds_the_packages_the_weights_and_the_page(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"styleclip_core", "styleclip_app"}
    assert wheel.read("styleclip_app/__main__.py") == (ROOT / "app.py").read_bytes()
    for package in ("styleclip_core", "styleclip_app"):
        assert {str(file.relative_to(ROOT)) for file in (ROOT / package).rglob("*.py")} <= names
    assert "styleclip_core/training/sentences.txt" in names
    for folder, place in (("pretrained", "styleclip_core"), ("examples", "styleclip_app")):
        files = {f"{place}/{file.relative_to(ROOT)}" for file in (ROOT / folder).rglob("*") if file.is_file()}
        assert files and files <= names


def test_the_installed_weights_are_those_of_the_sums(wheel: ZipFile) -> None:
    sums = wheel.read("styleclip_core/pretrained/SHA256SUMS").decode()
    assert {f"styleclip_core/pretrained/{line.split(maxsplit=1)[1]}" for line in sums.splitlines()} <= set(
        wheel.namelist()
    )


def test_the_wheel_declares_its_command_and_what_it_requires(wheel: ZipFile) -> None:
    assert "styleclip = styleclip_core.cli:main" in read(wheel, "entry_points.txt").splitlines()
    about = HeaderParser().parsestr(read(wheel, "METADATA"))
    assert (about["Name"], about["License-Expression"], about["Requires-Python"]) == (
        "styleclip-studio",
        "MIT",
        ">=3.11",
    )
    assert set(PROJECT["optional-dependencies"]) == set(about.get_all("Provides-Extra"))


def test_what_runs_needs_no_tools_of_tests() -> None:
    """requirements.txt, which Spaces and the Docker image install, is the run-time part of pyproject.toml."""
    subprocess.run([sys.executable, ".ci/requirements.py", "--check"], cwd=ROOT, check=True, timeout=60)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert set(PROJECT["dependencies"]) < set(lines)
    assert not set(lines) & set(PROJECT["optional-dependencies"]["dev"])
    assert not [line for line in lines if line.startswith("-")]
