"""The hair of another photo, in the page."""

import numpy as np

from support.browser import ROOT, Page


def test_hair_of_another_photo(page: Page) -> None:
    page.fill("#random-row input", "7")
    page.find("#random").click()
    page.wait_for("does not exist")
    page.tab("Local")
    page.find("#hair button").click()
    page.wait(lambda: page.find("#hair-run").is_displayed())
    page.find("#hair-run").click()
    page.wait_for("Choose the photo with the hair first")
    page.find("#hair-photo input[type=file]").send_keys(str(ROOT / "examples" / "woman_garden.jpg"))
    page.wait(lambda: page.driver.find_elements("css selector", "#hair-photo img"))
    boxes = page.driver.find_elements("css selector", "#hair-what input")
    boxes[0].click()  # colour alone
    page.find("#hair-run").click()
    page.wait_for("Only the hair is from the other photo")
    before, after = (np.asarray(page.picture(f"#compare img:nth-of-type({n})").convert("RGB"), int) for n in (1, 2))
    changed = np.abs(before - after).max(-1)
    assert (changed > 25).mean() > 0.02, "the hair"
    assert (changed[480:700, 400:620] < 25).mean() > 0.95, "and not the face"
