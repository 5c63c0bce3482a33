"""A video in the page: three frames at a look, cancelled, edited whole, played beside the original."""

import urllib.request
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By

from styleclip_core.video.container import Clip, open_clip, read_frames, write_segment
from support.browser import Page, difference

FRAMES, SIZE = 6, (256, 192)


@pytest.fixture
def clip(portraits: list[Image.Image], tmp_path: Path) -> Path:
    """A face that moves to the right."""
    path, face = tmp_path / "clip.mp4", np.asarray(portraits[0].resize((170, 170)))
    with closing(write_segment(path, Clip(path, Fraction(1, 24), Fraction(24), FRAMES, *SIZE))) as writer:
        next(writer)
        for number in range(FRAMES):
            frame = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
            frame[10:180, 40 + number : 210 + number] = face
            writer.send(frame)
    return path


class FilmPage:
    """The tab "Video"."""

    def __init__(self, page: Page):
        self.page = page
        page.tab("Video")
        page.wait(lambda: page.find("#film-run").is_displayed())

    def said(self) -> str:
        return self.page.find("#film-status .job").text

    def choose(self, path: Path) -> None:
        self.page.find("#film input[type=file]").send_keys(str(path))

    def press(self, button: str, until: str) -> None:
        self.page.find(button).click()
        self.page.wait(lambda: until in self.said())


def test_a_video_is_edited(page: Page, clip: Path, portraits: list[Image.Image], tmp_path: Path) -> None:
    film = FilmPage(page)
    film.press("#film-run", "Choose a video first")
    film.choose(clip)
    page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#film video"))
    film.press("#film-run", "Type what to change")
    page.fill("#film-prompt textarea", "a smiling person")
    film.press("#film-preview", "These frames, alone")
    looks = page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#film-frames img"))
    assert len(looks) == 3
    both = Image.open(BytesIO(urllib.request.urlopen(looks[1].get_attribute("src")).read()))
    assert both.size == (2 * SIZE[0] + 8, SIZE[1])
    before, after = both.crop((0, 0, *SIZE)), both.crop((SIZE[0] + 8, 0, *both.size))
    assert difference(before, after) > 0.5

    page.find("#film-run").click()
    page.wait(lambda: "Finding the edit" in film.said())
    assert not page.find("#film-preview").is_enabled()
    film.press("#film-cancel", "Cancelled")
    page.wait(lambda: page.find("#film-run").is_enabled())
    page.find("#film-run").click()
    said = set()

    def done() -> bool:
        said.add(film.said().partition(":")[0])
        return f"{FRAMES} of {FRAMES} frames are edited" in film.said()

    page.wait(done)
    assert "Finding the codes" not in said, "what was done before it was cancelled is not done again"
    edited = page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#edited-film video"))[0]
    saved = tmp_path / "edited.mp4"
    saved.write_bytes(urllib.request.urlopen(edited.get_attribute("src")).read())
    frames = [[frame.pixels for frame in read_frames(open_clip(path))] for path in (clip, saved)]
    assert len(frames[0]) == len(frames[1]) == FRAMES
    changed = np.abs(np.array(frames[0], int) - np.array(frames[1], int)).mean((0, 3))
    assert changed[100:160, 80:170].mean() > 3 * changed[:, :30].mean(), "the mouth, not the background"
    page.find("#film-both").click()
    page.wait(lambda: page.driver.execute_script("return document.querySelector('#edited-film video').muted"))


def test_what_is_no_video_is_refused(page: Page, tmp_path: Path) -> None:
    film, path = FilmPage(page), tmp_path / "note.mp4"
    path.write_text("no video")
    film.choose(path)
    page.fill("#film-prompt textarea", "a smiling person")
    page.wait(lambda: "note" in page.find("#film").text or page.driver.find_elements(By.CSS_SELECTOR, "#film video"))
    film.press("#film-run", "cannot be read as a video")
