"""The history of results, what is saved of them and comes back, on the page in a headless browser."""

import json
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from PIL import Image
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from styleclip_core.edits import recipe
from support.browser import Page, difference


def small_ones(page: Page, where: str = "#history") -> list:
    return page.driver.find_elements(By.CSS_SELECTOR, f"{where} img")


def press(page: Page, *keys: str) -> None:
    chain = ActionChains(page.driver)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in keys[:-1]:
        chain.key_up(key)
    chain.perform()


def choose(page: Page, number: int) -> None:
    page.fill("#random-row input", str(number))
    page.find("#random").click()
    page.wait_for("does not exist")


def test_an_edit_on_top_of_an_edit_and_back(page: Page, portraits: list[Image.Image]) -> None:
    choose(page, 3)
    page.fill("#steps input[type=number]", "0")
    page.fill("#prompt textarea", "a person with blond hair")
    page.find("#prompt textarea").click()
    press(page, Keys.CONTROL, Keys.ENTER)
    page.wait_for("Done")
    blond = page.photo()
    assert difference(blond, portraits[0]) > 1
    page.find("#go-on").click()
    page.wait_for("is the photo now")
    page.wait(lambda: difference(page.picture("#photo img"), blond) < 1, 20)
    page.tab("Sliders")
    page.wait(lambda: page.find("#slider-mapper-eyeglasses").is_displayed())
    page.fill("#slider-mapper-eyeglasses input[type=number]", "1")
    page.find("#apply").click()
    said = page.wait_for("Done")
    assert not any("code" in text for text in said), "the edited face is known and must not be searched"
    both = page.photo()
    forehead, eyes = (380, 60, 640, 160), (300, 420, 720, 560)
    assert difference(both.crop(eyes), blond.crop(eyes)) > 3
    assert difference(both.crop(forehead), portraits[0].crop(forehead)) > 3, "the hair is still blond"

    page.find("#head").click()  # away from fields of text
    press(page, Keys.CONTROL, "z")
    page.wait_for("Brought back: a person with blond hair")
    assert difference(page.photo(), blond) == 0 and page.value("#slider-mapper-eyeglasses input[type=number]") == "0"
    page.wait(lambda: difference(page.picture("#photo img"), portraits[0]) < 1, 20)
    press(page, Keys.CONTROL, "z")
    page.wait(lambda: not page.find("#save-photo").is_enabled(), 20)
    press(page, Keys.CONTROL, "z")
    page.wait_for("nothing to undo")
    for expected in (blond, both):
        press(page, Keys.CONTROL, Keys.SHIFT, "z")
        page.wait(lambda expected=expected: difference(page.photo(), expected) == 0, 30)
    assert len(small_ones(page)) == 2


def test_holding_a_button_shows_the_face_before(page: Page) -> None:
    choose(page, 3)
    page.ask("a person with eyeglasses", steps=0)
    page.wait_for("Done")
    shown = "return getComputedStyle(document.querySelectorAll('#compare img')[1]).visibility"
    ActionChains(page.driver).move_to_element(page.find("#peek")).click_and_hold().perform()
    assert page.driver.execute_script(shown) == "hidden"
    ActionChains(page.driver).release().perform()
    assert page.driver.execute_script(shown) == "visible"


def test_variants_stand_side_by_side(page: Page) -> None:
    choose(page, 7)
    page.fill("#variants-wanted input[type=number]", "3")
    page.ask("a smiling person", steps=0)
    page.wait_for("Done")
    page.wait(lambda: len(small_ones(page, "#variants")) == 3 == len(small_ones(page)), 20)
    strong = page.photo()
    small_ones(page, "#variants")[0].click()
    page.wait_for("Brought back")
    assert page.value("#prompt textarea") == "a smiling person"
    assert difference(page.photo(), strong) > 0.5 and float(page.value("#strength input[type=number]")) == 0.5


@pytest.fixture
def edited(page: Page) -> Page:
    choose(page, 7)
    page.ask("a person with grey hair", steps=0)
    page.wait_for("Done")
    page.find("#saving button").click()
    page.wait(lambda: page.find("#save-recipe").is_displayed())
    return page


def test_settings_travel(edited: Page, url: str, tmp_path: Path) -> None:
    page = edited
    plain = page.saved("#save-recipe", "edit.json")
    asked = recipe.read(plain)
    assert asked.prompt == "a person with grey hair" and asked.settings.steps == 0
    assert "styleclip" not in Image.open(page.saved()).info, "nothing of it is in a picture unless asked for"
    page.find("#with-recipe input").click()
    page.wait(lambda: "styleclip" in Image.open(page.saved()).info, 20)
    with_recipe = tmp_path / "kept.png"
    page.saved().rename(with_recipe)
    assert recipe.read(with_recipe).prompt == asked.prompt

    page.driver.get(url + "?" + urlencode({"prompt": "an angry person", "strength": 0.7, "mapper:smiling": -0.5}))
    page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#prompt textarea"), 30)
    page.wait(lambda: page.value("#prompt textarea") == "an angry person", 20)
    page.find("#saving button").click()
    page.wait(lambda: page.find("#load-recipe").is_displayed())
    for file in (with_recipe, plain):
        page.fill("#prompt textarea", "something else")
        page.find("input[type=file][accept*='.json']").send_keys(str(file))
        page.wait(lambda: page.value("#prompt textarea") == asked.prompt, 20)
    page.wait_for("settings are loaded")
    (tmp_path / "other.json").write_text(json.dumps({"sliders": {"mapper:nobody": 1}}))
    page.find("input[type=file][accept*='.json']").send_keys(str(tmp_path / "other.json"))
    page.wait_for("needs the slider")


def test_a_reload_keeps_what_was_asked_for_and_no_pictures(edited: Page) -> None:
    page = edited
    page.driver.refresh()
    page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#prompt textarea"), 30)
    page.wait(lambda: page.value("#prompt textarea") == "a person with grey hair", 20)
    kept = page.driver.execute_script("return Object.entries(localStorage).flat().join(' ')")
    assert "styleclip-studio" in kept and len(kept) < 5000 and not small_ones(page)


def test_pictures_are_saved_as_wanted(edited: Page, downloads: Path) -> None:
    page = edited
    whole = page.photo()
    page.find("#form input").click()

    def jpeg() -> list[WebElement]:
        options = page.driver.find_elements(By.CSS_SELECTOR, "[role=option]")
        return [option for option in options if option.text.strip("✓ \n") == "JPEG"]

    page.wait(jpeg, 20)[0].click()

    def is_saved() -> bool:
        page.find("#save-photo").click()
        time.sleep(1)
        return (downloads / "edited-photo.jpg").is_file()

    page.wait(is_saved, 30)
    with Image.open(downloads / "edited-photo.jpg") as picture:
        assert picture.format == "JPEG" and picture.size == whole.size and difference(picture, whole) < 3
