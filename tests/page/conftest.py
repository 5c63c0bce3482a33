"""The app in a process of its own and a headless browser, for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from PIL import Image
from selenium import webdriver

from support.browser import ROOT, Page, chromium, serve


@pytest.fixture(scope="package")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("app"), [str(ROOT / "app.py"), "--pack", "compact"]) as address:
        yield address


@pytest.fixture(scope="package")
def portraits(url: str) -> list[Image.Image]:
    """Two faces that do not exist, from the app itself."""
    client = Client(url, verbose=False)
    return [Image.open(client.predict(number, api_name="/random_face")).convert("RGB") for number in (3, 7)]


@pytest.fixture(scope="package")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="package")
def browser(downloads: Path) -> Iterator[webdriver.Chrome]:
    with chromium(downloads) as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, url: str, downloads: Path) -> Iterator[Page]:
    yield Page(browser, url, downloads)
    browser.execute_script("localStorage.clear()")  # the page remembers what was asked for
