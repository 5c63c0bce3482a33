"""The full pack from synthetic files, loaded once for all tests of this package, and let go of after them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from styleclip_core import Pack, Studio, load_pack, weights
from styleclip_core.edits import objective
from styleclip_core.packs import full
from support import synthetic_pack


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    synthetic_pack.write(folder, [*synthetic_pack.FACE, "e4e_church_encode.pt"])
    return folder


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_pack.cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="package")
def installed(folder: Path, cache: Path) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_WEIGHTS", str(folder))
        patch.setenv("STYLECLIP_CACHE", str(cache))
        for name, checkpoint in synthetic_pack.table(folder).items():
            patch.setitem(weights.CHECKPOINTS, name, checkpoint)
        patch.setattr(full, "REFERENCE_FACES_CPU", synthetic_pack.REFERENCE_FACES)
        patch.setattr(objective, "ANCHORS", objective.ANCHORS[: synthetic_pack.ANCHORS])
        yield patch


@pytest.fixture(scope="package")
def pack(installed: pytest.MonkeyPatch) -> Pack:
    return load_pack("full", "cpu")


@pytest.fixture(scope="package")
def church(pack: Pack) -> Pack:
    return load_pack("church", "cpu", "bf16", clip=pack.clip)


@pytest.fixture(scope="package")
def studio(pack: Pack) -> Studio:
    return Studio(pack)


@pytest.fixture(scope="package")
def face(studio: Studio):
    return studio.random_face(3)
