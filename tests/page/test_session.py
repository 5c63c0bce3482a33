"""Requests and how they are run, with a studio that computes nothing."""

import pickle
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from styleclip_app.examples import EXAMPLES, examples, prompts
from styleclip_app.requests import PromptEdit, Region, SlidersEdit
from styleclip_app.session import FaceRequest, InvertedFace, call_in_worker, digest, find, in_background, in_worker, run
from styleclip_core import Face, InvertSettings, OptimizeSettings, Progress
from styleclip_core.errors import BadImage, BadSetting, EmptyPrompt, UnknownMapper, UnknownRegion, UnsupportedByPack

EMPTY = Image.new("L", (32, 32))
FACE = Face(torch.zeros(18, 512), Image.new("RGB", (8, 8)))


class StudioOfTheTest:
    """Writes down what it is asked for."""

    def __init__(self, parser: Any = "a parser") -> None:
        self.asked: list[str] = []
        self.pack = SimpleNamespace(parser=parser, name="test")

    def check_sliders(self, values: dict[str, float], own: dict[str, Any]) -> dict[str, float]:
        if "mapper:nonsense" in values:
            raise UnknownMapper("No mapper is called 'nonsense'.")
        return values

    def invert_steps(self, photo: Path, face: int, settings: InvertSettings) -> Iterator[Progress | Face]:
        self.asked.append("invert")
        yield Progress("Finding the code", 1, 1)
        yield FACE

    def check_known(self, prompt: str) -> None:
        pass

    def optimize_steps(
        self, face: Face, prompt: str, settings: OptimizeSettings, mask: Any, region: str
    ) -> Iterator[Any]:
        self.asked.append(f"optimize {prompt} in {mask and mask.mask.mean().item()} {region}")
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
    progress, inverted, edit = list(run(studio, FaceRequest(photo), PromptEdit(" old ", region="hair")))
    assert isinstance(progress, Progress) and isinstance(inverted, InvertedFace)
    assert studio.asked == ["invert", "optimize old in None hair"]
    reports = list(run(studio, FaceRequest(photo, inverted=inverted), SlidersEdit({"mapper:smile": 1, "b": 0})))
    assert reports[0] is inverted and len(reports) == 2
    assert studio.asked[2:] == ["slide {'mapper:smile': 1.0} in None"]
    for other in (FaceRequest(photo, 1, inverted=inverted), FaceRequest(photo, 0, InvertSettings(steps=1), inverted)):
        assert len(list(run(studio, other))) == 2
    assert studio.asked[3:] == ["invert", "invert"]
    of_the_generator = InvertedFace(digest(photo), None, FACE)
    assert list(run(studio, FaceRequest(photo, 5, inverted=of_the_generator))) == [of_the_generator]
    assert list(run(studio, inverted)) == [inverted]


def test_a_first_look_is_edited_at_once_and_again_when_it_is_refined(studio: Any, photo: Path) -> None:
    progress, look, first, again, refined, second = list(
        run(studio, FaceRequest(photo), SlidersEdit({"mapper:smile": 1}), at_once=True)
    )
    assert isinstance(look, InvertedFace) and isinstance(refined, InvertedFace)
    assert look.choice == (0, InvertSettings(steps=0)) and refined.choice == (0, InvertSettings())
    assert studio.asked == ["invert", "slide {'mapper:smile': 1.0} in None"] * 2
    reports = list(find(studio, FaceRequest(photo, inverted=look), at_once=True))
    last = reports[-1]
    assert reports[0] is look and isinstance(last, InvertedFace) and last.choice == refined.choice
    assert studio.asked[4:] == ["invert"]
    assert list(find(studio, FaceRequest(photo, inverted=refined), at_once=True)) == [refined]
    assert len(list(find(studio, FaceRequest(photo, settings=InvertSettings(steps=0)), at_once=True))) == 2
    with pytest.raises(BadImage):
        next(iter(find(studio, FaceRequest(None))))
    with pytest.raises(BadImage, match="choose it again"):
        next(iter(find(studio, FaceRequest(photo.parent))))


def test_work_in_the_background_lets_all_other_work_go_first() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def foreground() -> Generator[int, None, None]:
        for i in range(3):
            begun.set()
            go_on.wait(10)
            order.append(f"foreground {i}")
            yield i

    def background() -> Generator[int, None, None]:
        for i in range(2):
            order.append(f"background {i}")
            yield i

    front = threading.Thread(target=lambda: list(in_worker(foreground())))
    front.start()
    assert begun.wait(10)
    back = threading.Thread(target=lambda: list(in_background(background())))
    back.start()
    go_on.set()
    for thread in (front, back):
        thread.join(10)
    assert order == [*(f"foreground {i}" for i in range(3)), "background 0", "background 1"]


def test_what_is_wrong_is_said_before_the_long_work(studio: Any, photo: Path) -> None:
    with pytest.raises(UnknownMapper):
        next(run(studio, FaceRequest(photo), SlidersEdit({"mapper:nonsense": 1})))
    with pytest.raises(BadImage, match="Choose a photo first"):
        next(run(studio, FaceRequest(None), PromptEdit("old")))
    with pytest.raises(UnknownRegion, match="'tail'"):
        next(run(studio, FaceRequest(photo), PromptEdit("old", region="hair+tail")))
    for edit in (PromptEdit("old", painted=Region(EMPTY)), SlidersEdit({"mapper:smile": 1}, painted=Region(EMPTY))):
        with pytest.raises(UnknownRegion, match="The mask is empty"):
            next(run(studio, FaceRequest(photo), edit))
    with pytest.raises(BadImage):
        next(run(studio, FaceRequest(photo), PromptEdit("old", painted=Region(photo))))
    with pytest.raises(EmptyPrompt):
        PromptEdit("  ")
    with pytest.raises(BadSetting):
        SlidersEdit({"mapper:smile": 4})
    assert studio.asked == []


def test_packs_without_a_parser_edit_everywhere_unless_painted(photo: Path) -> None:
    cars: Any = StudioOfTheTest(parser=None)
    for region in ("auto", "everywhere", "whole"):
        list(run(cars, FaceRequest(photo), PromptEdit("red", region=region)))
    list(run(cars, FaceRequest(photo), PromptEdit("red", painted=Region(Image.new("L", (32, 32), 255)))))
    assert cars.asked[1::2] == [
        *(f"optimize red in None {name}" for name in ("auto", "everywhere", "whole")),
        "optimize red in 1.0 auto",
    ]
    with pytest.raises(UnsupportedByPack):
        next(run(cars, FaceRequest(photo), PromptEdit("red", region="hair")))


def test_requests_can_be_sent_to_another_process(photo: Path) -> None:
    mask = Image.new("L", (32, 32), 255)
    face = FaceRequest(photo, 1, InvertSettings(steps=3), InvertedFace("a", None, FACE))
    for edit in (PromptEdit("old", painted=Region(mask)), SlidersEdit({"a:b": 1}, painted=Region(mask))):
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
    assert len(prompts()) > 3
    names = [example.photo.name for example in examples()]
    assert sorted(names) == sorted(path.name for path in EXAMPLES.glob("*.[jp][pn]g"))
    assert all(Path(file).is_file() for example in examples() for file in (*example.face, *example.whole))
