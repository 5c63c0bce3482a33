"""Several photos in the page: the same edit on all, broken ones named, what is done before a cancel kept."""

import io
import re
import urllib.request
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import Page, difference

GALLERY = "#many-gallery img"


class ManyPage:
    """The tab "Many photos"."""

    def __init__(self, page: Page):
        self.page = page
        page.tab("Many photos")
        page.wait(lambda: page.find("#many-run").is_displayed())

    def said(self) -> str:
        return self.page.find("#many-status .job").text

    def choose(self, *paths: Path) -> None:
        self.page.find("#many-photos input[type=file]").send_keys("\n".join(map(str, paths)))
        self.page.wait(lambda: all(path.stem in self.page.find("#many-photos").text for path in paths), 30)

    def press(self, button: str, until: str) -> None:
        self.page.find(button).click()
        self.page.wait(lambda: until in self.said())

    def pictures(self) -> list[Image.Image]:
        shown = self.page.driver.find_elements(By.CSS_SELECTOR, GALLERY)
        return [Image.open(io.BytesIO(urllib.request.urlopen(each.get_attribute("src")).read())) for each in shown]

    def zipped(self) -> dict[str, Image.Image]:
        with zipfile.ZipFile(self.page.saved("#many-save", "edited-photos.zip")) as archive:
            return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


@pytest.fixture
def many(page: Page) -> ManyPage:
    return ManyPage(page)


@pytest.fixture
def album(portraits: list[Image.Image], tmp_path: Path) -> list[Path]:
    """Two photos, and one that is none."""
    for number, portrait in enumerate(portraits):
        photo = Image.new("RGB", (520 + 60 * number, 500), "teal")
        photo.paste(portrait.resize((460, 460)), (30, 20))
        photo.save(tmp_path / f"photo{number}.png")
    (tmp_path / "broken.png").write_text("<b>no picture</b>")
    return [tmp_path / name for name in ("photo0.png", "broken.png", "photo1.png")]


def test_the_same_edit_on_several_photos(many: ManyPage, album: list[Path]) -> None:
    many.press("#many-run", "Choose photos first")
    many.choose(*album)
    many.press("#many-run", "Type what to change")
    many.page.fill("#many-prompt textarea", "qwertz uiop")
    many.press("#many-run", "Press Run again")
    many.page.fill("#many-prompt textarea", "")
    box = many.page.find("#many-sliders input")
    for typed in ("mapper:nobody=1", "mapper:smiling"):
        box.send_keys(typed, Keys.ENTER)
        many.press("#many-run", "No mapper" if "=" in typed else "NAME=VALUE")
        box.send_keys(Keys.BACKSPACE)
    box.send_keys("mapper:smiling=1.5", Keys.ENTER)
    many.press("#many-run", "Photo 1 of 3")
    assert not many.page.find("#many-run").is_enabled()
    many.page.wait(lambda: "2 of 3 photos are edited, 1 could not be" in many.said())
    assert "broken.png: The file is not a picture" in many.page.find("#many-failures").text
    assert len(many.pictures()) == 2 and "photo0.png" in many.page.find("#many-gallery").text
    assert re.search(r"same person 0\.\d\d", many.page.find("#many-gallery").text)

    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    many.page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert many.page.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    many.page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    saved = many.zipped()
    assert saved.keys() == {"01-photo0.png", "02-photo1.png"}
    for name, after in saved.items():
        before = Image.open(album[0].parent / name[3:])
        assert after.size == before.size and difference(before, after.convert("RGB")) > 0.2
        assert "rainedAlgorithmicMedia" in after.info["XML:com.adobe.xmp"]


def test_what_is_done_before_a_cancel_is_kept(many: ManyPage, album: list[Path]) -> None:
    many.choose(*album)
    many.page.fill("#many-prompt textarea", "a smiling person")
    many.press("#many-run", "Photo 3 of 3")
    many.press("#many-cancel", "Cancelled")
    assert many.zipped().keys() == {"01-photo0.png"} and len(many.pictures()) == 1
    many.page.driver.refresh()
    other = ManyPage(Page(many.page.driver, many.page.driver.current_url, many.page.downloads))
    assert not other.pictures() and not other.page.find("#many-save").is_enabled(), "it was another session's"
