"""The real app in a process of its own, driven by a headless browser and by gradio's client."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By

from support.browser import ROOT, Page, difference


def test_a_photo_is_edited_twice(page: Page, portraits: list[Image.Image], tmp_path: Path) -> None:
    photo = Image.new("RGB", (900, 700), "teal")
    photo.paste(portraits[0].resize((600, 600)), (200, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side, to be turned clockwise
    file = tmp_path / "sideways.jpg"
    photo.transpose(Image.Transpose.ROTATE_90).save(file, quality=95, exif=exif)
    page.upload(file)
    page.wait_for("One face found")
    page.ask("a smiling person")
    said = page.wait_for("Done")
    assert any("code" in text for text in said)

    numbers = page.find("#numbers").text
    assert len(re.findall(r"-?\d+\.\d+", numbers)) >= 4 and "same person" in numbers
    assert re.search("Measured: smile 0|measurable came of smiling", numbers)
    before, after = (page.picture(f"#compare img:nth-of-type({index})") for index in (1, 2))
    assert before.size == after.size == (1024, 1024) and difference(before, after) > 1
    pasted = page.photo()
    assert pasted.size == photo.size and difference(pasted, photo) > 0.3
    assert difference(pasted.crop((0, 0, 60, 700)), photo.crop((0, 0, 60, 700))) < 3, "outside the face nothing changes"
    face = Image.open(page.saved("#save-face", "edited-face.png"))
    assert face.format == "PNG" and face.size == before.size
    page.viewer("Whole photo")
    views = [page.picture(f"#whole img:nth-of-type({index})") for index in (1, 2)]
    assert difference(views[0], photo) < 3 and difference(views[1], pasted) < 3 and views[0].size == photo.size

    page.ask("an old person")
    said = []

    def other_numbers() -> bool:
        said.append(page.find("#status .job").text)
        return page.find("#numbers").text != numbers

    page.wait(other_numbers)
    page.wait_for("Done")
    assert not any("code" in text for text in said), "the face was known and must not be searched again"

    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#history img")) == 2)
    page.find("#history img").click()
    page.wait_for("Brought back: a smiling person")
    assert difference(page.photo(), pasted) == 0 and page.find("#numbers").text == numbers


def test_an_edit_shows_where_the_prompt_says_or_everywhere(page: Page, portraits: list[Image.Image]) -> None:
    page.fill("#random-row input", "3")
    page.find("#random").click()
    page.wait_for("does not exist")
    page.ask("a person with blond hair")
    page.wait_for("Done")
    chin, unedited = (420, 820, 560, 900), portraits[0]
    blond = page.photo()
    assert difference(blond, unedited) > 1 and difference(blond.crop(chin), unedited.crop(chin)) == 0
    page.wait(lambda: page.find("#place img").is_displayed())
    overlay = np.asarray(page.picture("#place img").convert("RGB").resize((1024, 1024)), float)
    tinted = np.abs(overlay - np.asarray(unedited, float)).mean(-1) > 30
    assert tinted[100:180, 480:560].mean() > 0.9 and tinted[820:900, 420:560].mean() < 0.1

    page.find("#everywhere").click()
    page.wait(lambda: difference(page.photo().crop(chin), unedited.crop(chin)) > 0)
    assert page.value("#where input") == "Everywhere"
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "#place img"), 20)


def test_an_example_is_a_photo_like_any_other(page: Page) -> None:
    faces = [path for path in (ROOT / "examples").iterdir() if path.suffix in (".png", ".jpg")]
    assert page.find("#compare img").is_displayed(), "the page opens on a finished example"
    samples = page.driver.find_elements(By.CSS_SELECTOR, "#samples .gallery-item")
    assert len(samples) == min(len(faces), 6) > 0
    samples[1].click()
    page.wait_for("One face found")
    sources = [image.get_attribute("src") for image in page.driver.find_elements(By.CSS_SELECTOR, "#compare img")]
    assert [str(source).rpartition("/")[2].partition(".")[2] for source in sources] == ["before.jpg", "after.jpg"]
    page.find("#prompts button").click()
    page.wait(lambda: page.value("#prompt textarea"), 20)


def test_cancel_then_run_again(page: Page) -> None:
    page.find("#random").click()
    page.wait_for("does not exist")
    page.ask("a zombie", steps=100)
    assert "zombie" in page.wait_for("Press Run again")[-1]
    page.find("#run").click()
    page.wait_for("step 2 of 100")
    page.find("#cancel").click()
    page.wait_for("Cancelled")
    assert page.find("#run").is_enabled() and page.value("#prompt textarea") == "a zombie"
    page.ask("blond hair")
    said = page.wait_for("Done")
    assert not any("of 100" in text for text in said), "the cancelled run must not go on"


def test_one_of_several_faces(page: Page, portraits: list[Image.Image], tmp_path: Path) -> None:
    photo = Image.new("RGB", (1100, 600), "grey")
    for index, side in enumerate((560, 480)):
        photo.paste(portraits[index].resize((side, side)), (index * 600, 20))
    photo.save(tmp_path / "two.png")
    page.upload(tmp_path / "two.png")
    page.wait_for("2 faces found")
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#faces img")) == 2)
    page.driver.find_elements(By.CSS_SELECTOR, "#faces img")[1].click()
    page.wait_for("Face 2 is chosen")
    page.ask("a person with eyeglasses")
    page.wait_for("Done")
    pasted = page.photo()
    left, right = (0, 0, 550, 600), (600, 0, 1100, 600)
    assert difference(pasted.crop(left), photo.crop(left)) == 0 < difference(pasted.crop(right), photo.crop(right))


def test_what_cannot_be_used_is_said_and_nothing_is_lost(page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("this is no picture")
    page.upload(tmp_path / "broken.png")
    page.wait_for("not a picture this program can read")
    Image.new("RGB", (400, 400), "green").save(tmp_path / "lawn.png")
    page.driver.refresh()
    page.wait(lambda: page.driver.find_elements(By.ID, "run"))
    page.upload(tmp_path / "lawn.png")
    page.wait_for("No face was found")
    page.find("#run").click()
    page.wait_for("Type what to change")
    assert page.find("#run").is_enabled() and page.find("#photo img").is_displayed()


def test_sliders_drag_undo_and_come_from_prompts(page: Page, portraits: list[Image.Image]) -> None:
    page.fill("#random-row input", "7")
    page.find("#random").click()
    page.wait_for("does not exist")
    page.tab("Sliders")
    page.wait(lambda: page.find("#slider-mapper-smiling").is_displayed())
    knob = page.find("#slider-mapper-smiling input[type=range]")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", knob)
    ActionChains(page.driver).move_to_element(knob).click_and_hold().move_by_offset(35, 0).release().perform()
    page.wait_for("Done")
    assert float(page.value("#slider-mapper-smiling input[type=number]")) > 0.5
    smiling = page.photo()
    assert difference(smiling, portraits[1]) > 1
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#history img")) == 1)

    page.fill("#new-prompt textarea", "blond hair")
    page.find("#new-slider").click()
    page.wait_for("Drag the new slider")
    page.wait(lambda: page.find("#slider-own-0").is_displayed())
    page.fill("#slider-own-0 input[type=number]", "1")
    page.find("#apply").click()
    page.wait(lambda: difference(page.photo(), smiling) > 1)
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#history img")) == 2)
    page.find("#undo").click()
    page.wait_for("Brought back")
    assert difference(page.photo(), smiling) == 0
    assert page.value("#slider-own-0 input[type=number]") == "0"

    page.fill("#search textarea", "smil")
    page.wait(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "#slider-mapper-bald"))
    assert page.find("#slider-mapper-smiling").is_displayed()


def test_a_slider_moves_a_photo_that_nothing_was_asked_of_yet(
    page: Page, portraits: list[Image.Image], tmp_path: Path
) -> None:
    photo = Image.new("RGB", (900, 700), "teal")
    photo.paste(portraits[1].resize((600, 600)), (200, 60))
    photo.save(tmp_path / "new.png")
    page.upload(tmp_path / "new.png")
    page.wait(lambda: ".before." not in str(page.find("#compare img").get_attribute("src")))
    seen = page.picture("#compare img:nth-of-type(2)")
    assert seen.size == (1024, 1024) and "Describe the change" in page.find("#status .job").text
    assert 0 < difference(page.picture("#compare img:nth-of-type(1)"), seen) < 25
    page.tab("Sliders")
    page.wait(lambda: page.find("#slider-mapper-smiling").is_displayed())
    knob = page.find("#slider-mapper-smiling input[type=range]")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", knob)
    hand = ActionChains(page.driver).move_to_element(knob).click_and_hold().move_by_offset(35, 0)
    hand.perform()
    page.wait(lambda: page.picture("#compare img:nth-of-type(2)").size == (256, 256))
    ActionChains(page.driver).release().perform()
    page.wait_for("Done")
    assert difference(page.photo(), photo) > 0.3


def test_only_what_is_painted_changes(page: Page, portraits: list[Image.Image]) -> None:
    page.fill("#random-row input", "7")
    page.find("#random").click()
    page.wait_for("does not exist")
    page.tab("Local")
    page.wait(lambda: page.find("#show-face").is_displayed())
    page.find("#show-face").click()
    page.wait_for("Paint where")
    board = page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#editor canvas"), 20)[0]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", board)
    time.sleep(2)  # the canvas settles
    stroke = ActionChains(page.driver).move_to_element_with_offset(board, -60, 60).click_and_hold()
    for _ in range(6):
        stroke.move_by_offset(20, 0)
    stroke.release().perform()
    page.fill("#local-prompt textarea", "a person with a beard")
    page.find("#local-run").click()
    page.wait_for("Done")
    edited = page.photo()
    changed = np.abs(np.asarray(edited.convert("RGB"), float) - np.asarray(portraits[1], float)).max(-1) > 0
    rows, columns = np.nonzero(changed)
    assert 0.002 < changed.mean() < 0.4
    assert rows.min() > 450 and np.ptp(rows) < 400 and np.ptp(columns) < 700, "outside the stroke nothing changes"

    page.find("#regions button").click()
    page.wait_for("Painted: hair")
    page.find("#overlay input").click()
    page.wait(lambda: page.find("#bare img").is_displayed() and page.find("#editor").rect["x"] < 0)
    page.find("#overlay input").click()
    page.wait(lambda: not page.find("#bare").is_displayed() and page.find("#editor").rect["x"] > 0)


def test_the_example_of_the_readme(url: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    code = next(block for block in blocks if "gradio_client" in block)
    shorter = code.replace("http://127.0.0.1:7860", url).replace("1, 20, 0, api_name", "1, 2, 0, api_name")
    assert shorter.count(url) == 1 and "1, 2, 0" in shorter
    result = subprocess.run([sys.executable, "-c", shorter], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert result.returncode == 0, result.stderr
    for name in ("/edit", "/slide", "/edit_region", "/random_face"):
        assert name in result.stdout


def test_the_api(url: str, portraits: list[Image.Image], tmp_path: Path) -> None:
    client = Client(url, verbose=False, download_files=tmp_path)
    photo = client.predict(3, api_name="/random_face")
    assert Image.open(photo).size == (1024, 1024)
    job = client.submit(handle_file(photo), "a smiling person", 1, 2, 0, api_name="/edit")
    aligned, pasted, numbers = job.result()
    assert not any("code" in (update[2] or {}).get("stage", "") for update in job.outputs()), "the face was known"
    assert Image.open(aligned).size == Image.open(pasted).size == (1024, 1024)
    assert 0 < numbers["identity"] <= 1 and numbers["seconds"] > 0
    report = numbers["report"]
    assert report["asked"][0]["name"] == "smile" and report["text"] and report["visible"] in (True, False)
    assert difference(Image.open(aligned), portraits[0]) > 1
    stranger = Client(url, verbose=False, download_files=tmp_path)
    still = Image.open(stranger.predict(handle_file(pasted), {}, api_name="/slide")[0])
    moved = np.abs(np.asarray(still, int) - np.asarray(Image.open(aligned), int))
    assert moved.max() <= 1, "the next edit goes on there, rounding aside"
    with pytest.raises(AppError, match="Type what to change"):
        client.predict(handle_file(photo), "  ", 1, 2, 0, api_name="/edit")
    other = handle_file(ROOT / "examples" / "man_red_jacket.jpg")
    for call in ([other, "old", 1, 2, 0, "tail", "/edit"], [other, "old", "tail", None, 1, "/edit_region"]):
        job = client.submit(*call[:-1], api_name=call[-1])
        with pytest.raises(AppError, match="No region is called 'tail'"):
            job.result()
        assert job.outputs() == [], "it is refused before the inversion"
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(handle_file(tmp_path / "note.txt"), "old", 1, 2, 0, api_name="/edit")


def test_files_of_the_machine_are_not_served(url: str, tmp_path: Path) -> None:
    for path in ("/etc/hostname", str(ROOT / "app.py")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}gradio_api/file={quote(path)}")
        assert refused.value.code in (403, 404)
    (tmp_path / "secret.png").write_bytes(b"secret")
    client = Client(url, verbose=False)
    with pytest.raises(AppError):
        photo = {"path": str(tmp_path / "secret.png"), "meta": {"_type": "gradio.FileData"}}
        client.predict(photo, "old", 1, 1, 0, api_name="/edit")


def test_nothing_is_fetched_from_elsewhere(page: Page, url: str) -> None:
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    names = page.driver.execute_script(script)
    assert len(names) > 5 and [name for name in names if not name.startswith((url, "data:", "blob:"))] == []


def test_bad_arguments(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "app.py"), "--pack", "nonsense"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2 and "nonsense" in result.stderr and "Traceback" not in result.stderr
