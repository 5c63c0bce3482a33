"""Photos of faces that do not exist, and what to do to them: as quick as the compact pack can."""

from pathlib import Path

import pytest
from PIL import Image

from styleclip_core.batch import Plan
from styleclip_core.edits.recipe import Recipe
from styleclip_core.packs import Pack, load_pack
from styleclip_core.settings import InvertSettings
from styleclip_core.studio import Studio

QUICK = InvertSettings(steps=0, faithful=0)
PLAN = Plan(
    {"smile": Recipe(sliders={"mapper:smiling": 1}), "old": Recipe("", "face", sliders={"boundary:age": 1})},
    inversion=QUICK,
)


@pytest.fixture(scope="session")
def pack() -> Pack:
    return load_pack("compact", "cpu")


@pytest.fixture(scope="session")
def portraits(pack: Pack) -> list[Image.Image]:
    studio = Studio(pack)
    return [studio.random_face(seed).image.resize((480, 480)) for seed in (3, 7)]


@pytest.fixture(scope="session")
def album(portraits: list[Image.Image], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos, and four files of which nothing can come."""
    folder = tmp_path_factory.mktemp("album")
    for number, portrait in enumerate(portraits):
        photo = Image.new("RGB", (640, 500 + 40 * number), "teal")
        photo.paste(portrait, (80, 10))
        photo.save(folder / f"photo{number}.png")
    Image.new("RGB", (640, 500), "teal").save(folder / "nobody.png")
    (folder / "cut.png").write_bytes((folder / "photo0.png").read_bytes()[:5000])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "words.jpg").write_text("not a picture")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
