"""How an edit was asked for, as JSON and inside a PNG."""

import base64
import io
import zlib
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from styleclip_core import LocalSettings, OptimizeSettings
from styleclip_core.edits import recipe
from styleclip_core.edits.recipe import Recipe
from styleclip_core.errors import BadImage, BadSetting, StudioError
from styleclip_core.provenance import RECIPE_KEY, save_picture


@pytest.fixture
def asked() -> Recipe:
    mask = Image.new("L", (512, 512))
    mask.paste(255, (100, 200, 300, 400))
    sliders = {"mapper:smile": 1.5, "text:a man with a “beard”": -0.25}
    settings, confine = OptimizeSettings(strength=1.4, seed=7, identity=2), LocalSettings(grow=-5)
    return Recipe("blond  hair", "hair+brows", settings, sliders, mask, confine)


def same(first: Recipe, second: Recipe) -> bool:
    masks = [one.mask and np.asarray(one.mask) for one in (first, second)]
    equal = masks[0] is masks[1] if masks[0] is None or masks[1] is None else bool((masks[0] == masks[1]).all())
    parts = ("prompt", "region", "settings", "sliders", "confine")
    return equal and all(getattr(first, part) == getattr(second, part) for part in parts)


def test_it_comes_back_from_json_and_from_a_png(asked: Recipe, tmp_path) -> None:
    assert same(recipe.from_json(asked.to_json()), asked) and asked.prompt == "blond hair"
    assert same(recipe.from_json(Recipe(sliders={"boundary:age": 1}).to_json()), Recipe(sliders={"boundary:age": 1}))
    picture = Image.new("RGB", (64, 64), "teal")
    save_picture(picture, tmp_path / "with.png", recipe=asked.to_json())
    save_picture(picture, tmp_path / "without.png")
    (tmp_path / "edit.json").write_text(asked.to_json(), "utf-8")
    for name in ("with.png", "edit.json"):
        assert same(recipe.read(tmp_path / name), asked)
    with pytest.raises(BadSetting, match="holds no settings"):
        recipe.read(tmp_path / "without.png")
    with pytest.raises(BadSetting, match="choose it again"):
        recipe.read(tmp_path / "gone.json")


def test_it_comes_back_from_an_address(asked: Recipe) -> None:
    query = dict(parse_qsl(asked.to_query())) | {"__theme": "dark"}
    assert same(recipe.from_query(query), replace(asked, mask=None, confine=LocalSettings()))
    assert same(recipe.from_query({}), Recipe())
    for wrong in ({"prompt": "old", "strength": "much"}, {"mapper:smile": "nan"}, {"prompt": "o" * 10_000}):
        with pytest.raises(StudioError):
            recipe.from_query(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"sliders": [1]}',
        '{"sliders": {"a": 100}}',
        '{"sliders": {"mapper:smile": NaN}}',
        '{"prompt": 3}',
        '{"prompt": "old", "settings": {"strength": 9}}',
        '{"prompt": "old", "settings": {"unknown": 1}}',
        '{"prompt": "old", "settings": [1]}',
        '{"prompt": "old", "region": {"a": 1}}',
        '{"prompt": "' + "o" * 10_000 + '"}',
        '{"mask": "https://example.org/mask.png"}',
        '{"mask": "data:image/png;base64,AAAA"}',
        '{"mask": "data:image/png;base64,%%"}',
        '{"mask": 5}',
        "[" * 100_000,
        " " * 2_000_000,
    ],
)
def test_what_is_no_edit_is_refused(text: str) -> None:
    with pytest.raises(StudioError):
        recipe.from_json(text)


def test_bombs_are_refused(tmp_path) -> None:
    bomb = io.BytesIO()
    Image.new("1", (40_000, 40_000)).save(bomb, "PNG")
    with pytest.raises(BadImage):
        recipe.from_json('{"mask": "data:image/png;base64,' + base64.b64encode(bomb.getvalue()).decode() + '"}')
    chunk = RECIPE_KEY.encode() + b"\0\1\0\0\0" + zlib.compress(b" " * 200_000_000)
    info = PngImagePlugin.PngInfo()
    info.add(b"iTXt", chunk)
    Image.new("L", (8, 8)).save(tmp_path / "bomb.png", pnginfo=info)
    with pytest.raises(BadSetting):
        recipe.read(tmp_path / "bomb.png")
