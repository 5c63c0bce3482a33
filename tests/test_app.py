"""The real app in a process of its own, driven by a headless browser and by gradio's client."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[1]
PATIENCE = 180  # seconds for an edit of a few steps on a busy machine


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    temporary = tmp_path_factory.mktemp("app")
    elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("GRADIO_")}
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    process = subprocess.Popen(command, cwd=temporary, env=elsewhere | {"TMPDIR": str(temporary)})
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            assert process.poll() is None, "the app ended at its start"
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)
    assert not list(temporary.glob("styleclip-*")), "stopped, the app left pictures behind"


@pytest.fixture(scope="module")
def portraits(url: str) -> list[Image.Image]:
    """Two faces that do not exist, from the app itself."""
    client = Client(url, verbose=False)
    return [Image.open(client.predict(number, api_name="/random_face")).convert("RGB") for number in (3, 7)]


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,940"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


class Page:
    """The tab "Prompt" as its user sees it."""

    def __init__(self, driver: webdriver.Chrome, url: str):
        self.driver = driver
        driver.get(url)
        self.wait(lambda: driver.find_elements(By.ID, "run"))
        self.find("#advanced button").click()
        self.wait(lambda: self.find("#steps input[type=number]").is_displayed())

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def wait(self, condition, seconds: float = PATIENCE):
        return WebDriverWait(self.driver, seconds, 0.1).until(lambda _: condition())

    def upload(self, path: Path) -> None:
        self.find("#photo input[type=file]").send_keys(str(path))

    def fill(self, css: str, text: str) -> None:
        box = self.find(css)
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(text, Keys.TAB)

    def ask(self, prompt: str, steps: int = 2, inversion: int = 2) -> None:
        self.fill("#steps input[type=number]", str(steps))
        self.fill("#inversion input[type=number]", str(inversion))
        self.fill("#prompt textarea", prompt)
        self.find("#run").click()

    def wait_for(self, text: str) -> list[str]:
        """Wait until the status says so; return everything that it said until then."""
        said: list[str] = []

        def look() -> bool:
            said.append(self.find("#status .job").text)
            return text in said[-1]

        self.wait(look)
        return said

    def picture(self, css: str) -> Image.Image:
        """A picture of the page, as the server sends it."""
        element = self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, css), 20)[0]
        return Image.open(BytesIO(urllib.request.urlopen(element.get_attribute("src")).read()))


@pytest.fixture
def page(browser: webdriver.Chrome, url: str) -> Page:
    return Page(browser, url)


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference, 0 to 255."""
    first, second = (np.asarray(image.convert("RGB").resize(a.size), float) for image in (a, b))
    return float(np.abs(first - second).mean())


def test_a_photo_is_edited_twice(page: Page, portraits: list[Image.Image], downloads: Path, tmp_path: Path) -> None:
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
    assert any("code" in text for text in said) and any("Editing" in text for text in said)

    numbers = page.find("#numbers").text
    assert len(re.findall(r"-?\d+\.\d+", numbers)) >= 4 and "same person" in numbers
    before, after = (page.picture(f"#compare img:nth-of-type({index})") for index in (1, 2))
    assert before.size == after.size == (1024, 1024) and difference(before, after) > 1
    pasted = page.picture("#pasted img")
    assert pasted.format == "PNG" and pasted.size == photo.size and difference(pasted, photo) > 0.3
    assert difference(pasted.crop((0, 0, 60, 700)), photo.crop((0, 0, 60, 700))) < 3, "outside the face nothing changes"
    for button, name, size in (("face", "edited-face.png", before.size), ("photo", "edited-photo.png", photo.size)):
        page.find(f"#save-{button}").click()
        page.wait((downloads / name).is_file, 20)
        assert Image.open(downloads / name).size == size

    page.ask("an old person")
    said = page.wait_for("Editing") + page.wait_for("Done")
    assert not any("code" in text for text in said), "the face was known and must not be searched again"
    assert page.find("#numbers").text != numbers


def test_an_example_is_a_photo_like_any_other(page: Page) -> None:
    faces = [path for path in (ROOT / "examples").iterdir() if path.suffix in (".png", ".jpg")]
    samples = page.driver.find_elements(By.CSS_SELECTOR, "#samples .gallery-item")
    assert len(samples) == min(len(faces), 6) > 0
    samples[0].click()
    page.wait_for("One face found")
    page.find("#prompts button").click()
    page.wait(lambda: page.find("#prompt textarea").get_attribute("value"), 20)


def test_cancel_then_run_again(page: Page) -> None:
    page.find("#random").click()
    page.wait_for("does not exist")
    page.ask("blond hair", steps=100)
    page.wait_for("step 2 of 100")
    page.find("#cancel").click()
    page.wait_for("Cancelled")
    assert page.find("#run").is_enabled() and page.find("#prompt textarea").get_attribute("value") == "blond hair"
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
    pasted = page.picture("#pasted img")
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


def test_the_api(url: str, portraits: list[Image.Image], tmp_path: Path) -> None:
    client = Client(url, verbose=False, download_files=tmp_path)
    photo = client.predict(3, api_name="/random_face")
    assert Image.open(photo).size == (1024, 1024)
    job = client.submit(handle_file(photo), "a smiling person", 1, 2, 0, api_name="/edit")
    aligned, pasted, numbers = job.result()
    assert not any("code" in (update[2] or {}).get("stage", "") for update in job.outputs()), "the face was known"
    assert Image.open(aligned).size == Image.open(pasted).size == (1024, 1024)
    assert 0 < numbers["identity"] <= 1 and numbers["seconds"] > 0
    assert difference(Image.open(aligned), portraits[0]) > 1
    with pytest.raises(AppError, match="Type what to change"):
        client.predict(handle_file(photo), "  ", 1, 2, 0, api_name="/edit")
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
