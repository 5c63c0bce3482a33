"""Tables and grids."""

import numpy as np
from PIL import Image

from styleclip_core.evaluation.metrics import SliderResult
from styleclip_core.evaluation.reports import grid, markdown_table, save_picture, slider_grid, slider_table


def plain(colour, size=8):
    return Image.new("RGB", (size, size), colour)


def test_a_table_in_markdown():
    assert markdown_table(["a", "b"], [["x", 1]]) == "| a | b |\n| --- | --- |\n| x | 1 |"
    assert markdown_table(["a"], []) == "| a |\n| --- |"


def test_a_grid_has_equal_cells_names_in_a_margin_and_white_where_a_row_is_short():
    sheet = np.asarray(grid([[plain("red"), plain("blue", 16)], [plain("lime")]], 8))
    assert sheet.shape == (16, 16, 3)
    assert (sheet[:8, :8] == (255, 0, 0)).all() and (sheet[:8, 8:] == (0, 0, 255)).all()
    assert (sheet[8:, :8] == (0, 255, 0)).all() and (sheet[8:, 8:] == 255).all()
    named = np.asarray(grid([[plain("red", 32)]], 32, ["name"], margin=40))
    assert named.shape == (32, 72, 3) and (named[:, 40:] == (255, 0, 0)).all()
    assert 0 < (named[:, :40] < 255).mean() < 0.5


def test_pictures_of_the_right_size_are_not_resampled(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    sheet = grid([[Image.fromarray(noise)]], 16)
    assert np.array_equal(np.asarray(sheet), noise)
    save_picture(sheet, tmp_path / "folder" / "sheet.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "folder" / "sheet.png")), noise)


def test_sliders_are_summed_up_in_a_row_each():
    def result(slider, gain, **drift):
        return SliderResult(slider, 2.0, gain, 0.9, drift, plain("red"), plain("blue"))

    results = [result("a", 1.5, age=1.0), result("a", 0.5, age=-2.0), result("b", -1.0)]
    rows = slider_table(results).splitlines()[2:]
    assert rows[0] == "| a | 1/2 | 2.0 | +1.0 | 0.90 | 1.50 |  |  |  |"
    assert rows[1] == "| b | 0/1 | 2.0 | -1.0 | 0.90 |  |  |  |  |"
    assert slider_grid(results, cell=8).size == (150 + 4 * 8, 2 * 8)
