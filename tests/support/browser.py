"""The app in a process of its own, and its page in a headless browser."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).parents[2]
PATIENCE = 180  # seconds for an edit of a few steps on a busy machine


@contextlib.contextmanager
def serve(folder: Path, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Run the app with its temporary files under `folder`; yield its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    elsewhere = {name: value for name, value in environment.items() if not name.startswith("GRADIO_")}
    command = [sys.executable, *command, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=elsewhere | {"TMPDIR": str(folder)})
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
    assert not list(folder.glob("styleclip-*")), "stopped, the app left pictures behind"


@contextlib.contextmanager
def chromium(downloads: Path) -> Iterator[webdriver.Chrome]:
    """A headless browser that saves what it downloads in a folder."""
    options = webdriver.ChromeOptions()
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,940"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page as its user sees it; `ask` uses the tab "Prompt"."""

    def __init__(self, driver: webdriver.Chrome, url: str, downloads: Path | None = None):
        self.driver, self.downloads = driver, downloads
        driver.get(url)
        self.wait(lambda: driver.find_elements(By.ID, "run"))
        for panel, box in (("advanced", "steps"), ("finding", "inversion")):
            self.find(f"#{panel} button").click()
            self.wait(lambda box=box: self.find(f"#{box} input[type=number]").is_displayed())

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def value(self, css: str) -> str:
        """What a field holds."""
        return self.find(css).get_attribute("value") or ""

    def wait(self, condition: Callable, seconds: float = PATIENCE):
        return WebDriverWait(self.driver, seconds, 0.1).until(lambda _: condition())

    def upload(self, path: Path) -> None:
        self.find("#photo input[type=file]").send_keys(str(path))

    def fill(self, css: str, text: str) -> None:
        box = self.find(css)
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(text, Keys.TAB)

    def tab(self, name: str) -> None:
        tabs = self.driver.find_elements(By.CSS_SELECTOR, "button[role=tab]")
        next(tab for tab in tabs if tab.text == name).click()

    def viewer(self, name: str) -> None:
        """Show the face or the whole photo."""
        tabs = self.driver.find_elements(By.CSS_SELECTOR, "#viewer button[role=tab]")
        next(tab for tab in tabs if tab.text == name).click()

    def ask(self, prompt: str, steps: int = 2, inversion: int = 2) -> None:
        self.fill("#steps input[type=number]", str(steps))
        self.fill("#inversion input[type=number]", str(inversion))
        self.fill("#prompt textarea", prompt)
        self.find("#run").click()

    def wait_for(self, text: str) -> list[str]:
        """Wait until the status says so; return everything that it said until then."""
        said: list[str] = []

        def says_so() -> bool:
            said.append(self.find("#status .job").text)
            return text in said[-1]

        self.wait(says_so)
        return said

    def picture(self, css: str) -> Image.Image:
        """A picture of the page, as the server sends it."""
        element = self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, css), 20)[0]
        return Image.open(BytesIO(urllib.request.urlopen(element.get_attribute("src")).read()))

    def saved(self, button: str = "#save-photo", name: str = "edited-photo.png") -> Path:
        """The file that a button saves."""
        assert self.downloads is not None
        file = self.downloads / name
        file.unlink(missing_ok=True)
        self.wait(lambda: self.find(button).is_enabled(), 20)
        self.find(button).click()
        self.wait(file.is_file, 20)
        return file

    def photo(self) -> Image.Image:
        """The whole photo with the edit in it, as it is saved."""
        with Image.open(self.saved()) as picture:
            return picture.copy()


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference, 0 to 255."""
    first, second = (np.asarray(image.convert("RGB").resize(a.size), float) for image in (a, b))
    return float(np.abs(first - second).mean())
