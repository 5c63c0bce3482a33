"""The page in one column, as wide as a phone; and names for those who do not see its controls."""

from collections.abc import Iterator

import pytest

from support.browser import Page

WIDTH, HEIGHT = 390, 844
NAMELESS = """
return [...document.querySelectorAll('button, input, textarea, select')].filter((e) => e.offsetParent).filter((e) => {
  const labels = [...(e.labels || [])].map((label) => label.innerText).join('')
  return !(e.getAttribute('aria-label') || labels || e.innerText || e.title || e.placeholder || '').trim()
}).map((e) => e.outerHTML.slice(0, 200))
"""


@pytest.fixture
def phone(page: Page) -> Iterator[Page]:
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield page
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def top(page: Page, css: str) -> float:
    """Where an element begins, in px of the window."""
    return page.driver.execute_script("return arguments[0].getBoundingClientRect().top", page.find(css))


def test_an_edit_on_a_phone(phone: Page) -> None:
    order = [top(phone, css) for css in ("#photo", "#prompt", "#run", "#status", "#compare", "#save-photo")]
    assert order == sorted(order), "from the photo to the result it goes down"
    phone.find("#random").click()
    phone.wait_for("does not exist")
    phone.ask("a person with eyeglasses", steps=0)
    phone.wait_for("Done")
    phone.wait(lambda: 0 <= top(phone, "#status") < HEIGHT, 10)
    for name in ("Prompt", "Sliders", "Local"):
        phone.tab(name)
        assert phone.driver.execute_script("return document.documentElement.scrollWidth") <= WIDTH
    phone.tab("Sliders")
    knob = phone.wait(lambda: phone.find("#slider-mapper-smiling input[type=range]"), 10)
    assert knob.rect["width"] > WIDTH / 2, "wide enough for a thumb"


def test_controls_have_names(page: Page) -> None:
    for name in ("Prompt", "Sliders", "Local"):
        page.tab(name)
        page.wait(lambda: page.driver.execute_script(NAMELESS) == [], 10)
