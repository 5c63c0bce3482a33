"""Requests and how they are run, with a studio that computes nothing."""

import pickle
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from styleclip_app.page import EXAMPLES
from styleclip_app.requests import PromptEdit, Region, SlidersEdit
from styleclip_app.session import FaceRequest, InvertedFace, call_in_worker, digest, in_worker, run
from styleclip_core import Face, InvertSettings, OptimizeSettings, Progress
from styleclip_core.errors import BadImage, BadSetting, EmptyPrompt, UnknownMapper

FACE = Face(torch.zeros(18, 512), Image.new("RGB", (8, 8)))


class StudioOfTheTest:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def check_sliders(self, values: dict[str, float], own: dict[str, Any]) -> dict[str, float]:
        if "mapper:nonsense" in values:
            raise UnknownMapper("No mapper is called 'nonsense'.")
        return values

    def invert_steps(self, photo: Path, face: int, settings: InvertSettings) -> Iterator[Progress | Face]:
        self.asked.append("invert")
        yield Progress("Finding the code", 1, 1)
        yield FACE

    def region(self, face: Face, name: str, prompt: str, mask: Any, settings: Any) -> str:
        return f"{name} for {prompt}"

    def optimize_steps(self, face: Face, prompt: str, settings: OptimizeSettings, mask: Any) -> Iterator[Any]:
        self.asked.append(f"optimize {prompt} in {mask}")
        yield SimpleNamespace(face=face)

    def slide(self, face: Face, values: dict[str, float], own: dict[str, Any], mask: Any) -> Any:
        self.asked.append(f"slide {values} in {mask}")
        return SimpleNamespace(face=face)


@pytest.fixture
def studio() -> Any:
    return StudioOfTheTest()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(b"a photo")
    return tmp_path / "photo.png"


def test_a_face_is_inverted_once(studio: Any, photo: Path) -> None:
    progress, inverted, edit = list(run(studio, FaceRequest(photo), PromptEdit(" old ", region=Region("hair"))))
    assert isinstance(progress, Progress) and isinstance(inverted, InvertedFace)
    assert studio.asked == ["invert", "optimize old in hair for old"]
    reports = list(run(studio, FaceRequest(photo, inverted=inverted), SlidersEdit({"mapper:smile": 1, "b": 0})))
    assert reports[0] is inverted and len(reports) == 2
    assert studio.asked[2:] == ["slide {'mapper:smile': 1.0} in None"]
    for other in (FaceRequest(photo, 1, inverted=inverted), FaceRequest(photo, 0, InvertSettings(steps=1), inverted)):
        assert len(list(run(studio, other))) == 2
    assert studio.asked[3:] == ["invert", "invert"]
    of_the_generator = InvertedFace(digest(photo), None, FACE)
    assert list(run(studio, FaceRequest(photo, 5, inverted=of_the_generator))) == [of_the_generator]
    assert list(run(studio, inverted)) == [inverted]


def test_what_is_wrong_is_said_before_the_long_work(studio: Any, photo: Path) -> None:
    with pytest.raises(UnknownMapper):
        next(run(studio, FaceRequest(photo), SlidersEdit({"mapper:nonsense": 1})))
    with pytest.raises(BadImage, match="Choose a photo first"):
        next(run(studio, FaceRequest(None), PromptEdit("old")))
    with pytest.raises(EmptyPrompt):
        PromptEdit("  ")
    with pytest.raises(BadSetting):
        SlidersEdit({"mapper:smile": 4})
    assert studio.asked == []


def test_requests_can_be_sent_to_another_process(photo: Path) -> None:
    mask = Image.new("L", (4, 4), 255)
    face = FaceRequest(photo, 1, InvertSettings(steps=3), InvertedFace("a", None, FACE))
    for edit in (PromptEdit("old", region=Region(mask=mask)), SlidersEdit({"a:b": 1}, region=Region("lips"))):
        sent, request = pickle.loads(pickle.dumps((face, edit)))
        assert sent.settings == face.settings and request.check(StudioOfTheTest()) is None


def test_the_worker_closes_what_is_cancelled() -> None:
    closed = []

    def steps() -> Generator[int, None, None]:
        try:
            yield from range(9)
        finally:
            closed.append(True)

    taken = in_worker(steps())
    assert next(taken) == 0
    taken.close()
    assert closed and call_in_worker(max, 1, 2) == 2


def test_the_examples_are_found() -> None:
    assert (EXAMPLES / "prompts.txt").is_file()
