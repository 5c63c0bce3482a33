"""The full pack's sisters: what is not a face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import app
from styleclip_app import photo as page_photo
from styleclip_core import BadSetting, OfficialSettings, Pack, Studio, UnsupportedByPack
from styleclip_core.faces.crop import cut_out, put_back
from support.browser import difference
from support.full_pack import INVERSION, PORTRAIT, SHORT


def test_a_church(church: Pack, tmp_path: Path) -> None:
    assert (church.domain, church.identity, church.parser) == ("church", None, None)
    assert church.generator.convs[-1][0].weight.dtype == torch.bfloat16
    studio = Studio(church)
    photo = Image.effect_noise((300, 200), 80).convert("RGB")
    with pytest.raises(UnsupportedByPack, match="draws no faces"):
        studio.find_faces(photo)
    with pytest.raises(BadSetting, match="middle of the photo"):
        studio.invert(photo, face=1)
    found = studio.invert(photo, settings=INVERSION)
    assert found.image.size == found.aligned.size == (64, 64) and found.faces == 1
    assert difference(found.aligned, photo.crop((50, 0, 250, 200)).resize((64, 64), Image.LANCZOS)) < 1
    for settings in (SHORT, OfficialSettings(steps=3)):
        edit = studio.optimize(found, "a church in the snow", settings)
        assert "identity" not in edit.scores and np.isfinite(edit.scores["similarity_after"])
        sides = [(0, 0, 50, 200), (250, 0, 300, 200)]
        assert all(difference(edit.photo.crop(side), photo.crop(side)) == 0 for side in sides)


def test_a_car_lies_between_black_bars() -> None:
    photo = Image.effect_noise((640, 500), 80).convert("RGB")
    square, alignment, count = cut_out(photo, "car", 512)
    assert (square.size, count, alignment.size) == ((512, 512), 1, 512)
    pixels = np.asarray(square)
    assert pixels[:64].max() == pixels[448:].max() == 0 and pixels[64:448].std() > 20
    middle = photo.crop((0, 10, 640, 490)).resize((512, 384), Image.LANCZOS)
    assert difference(square.crop((0, 64, 512, 448)), middle) < 1
    red = Image.new("RGB", square.size, "red")
    put = put_back(photo, red, alignment, "car", square)
    for rows in ((0, 0, 640, 8), (0, 492, 640, 500)):
        assert difference(put.crop(rows), photo.crop(rows)) == 0, "the photo above and below the car is not the car"
    assert np.asarray(put)[250, 320].tolist() == [255, 0, 0] or difference(put, photo) > 20


def test_a_page_for_churches(church: Pack) -> None:
    page = app.build_app(Studio(replace(church, note="Made of <noise>.")))
    shown = " ".join(str(block.get_config()) for block in page.blocks.values())
    assert "What should the church look like?" in shown and "&lt;noise&gt;" in shown
    assert "woman_indoors" not in shown and "smiling" not in shown
    assert "middle" in page_photo.look_for_faces(Studio(church), str(PORTRAIT), None).said
