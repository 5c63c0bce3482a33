"""One short clip of a face that does not exist, and its edit, for all tests of this folder."""

from pathlib import Path

import numpy as np
import pytest

from styleclip_core import Studio, load_pack
from styleclip_core.video import VideoEdit, edit_video
from styleclip_core.video.container import open_clip, read_frames
from styleclip_core.video.synthetic import Scene, write_clip

SLIDERS = {"mapper:smiling": 1.5}
SIZE = 256, 192


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio(load_pack("compact"))


@pytest.fixture(scope="session")
def clip(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames with sound."""
    return write_clip(studio.pack, Scene(10, size=SIZE, seed=4), tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="session")
def edited(studio: Studio, clip: Path) -> VideoEdit:
    return edit_video(studio, clip, clip.with_name("edited.mp4"), sliders=SLIDERS, region="face")


def pixels(path: Path) -> np.ndarray:
    """All frames ``[T,H,W,3]``."""
    return np.stack([frame.pixels for frame in read_frames(open_clip(path))])
