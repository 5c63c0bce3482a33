"""Judges of their own: LPIPS-AlexNet against a plain re-computation, and dlib only where it is installed."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from styleclip_core.errors import BadCheckpoint
from styleclip_core.evaluation import judges

LAYERS = ((3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3))  # inputs, outputs, kernel


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in AlexNet's layout, as small as the layout allows."""
    random, arrays = np.random.default_rng(0), {}
    for i, (before, after, kernel) in enumerate(LAYERS):
        scale = (before * kernel * kernel) ** -0.5
        arrays[f"conv{i}.weight"] = random.normal(0, scale, (after, before, kernel, kernel)).astype(np.float16)
        arrays[f"conv{i}.bias"] = random.normal(0, 0.1, after).astype(np.float16)
        arrays[f"lin{i}"] = random.uniform(0, 1, after).astype(np.float16)
    file = tmp_path_factory.mktemp("judges") / "alexnet.npz"
    np.savez(file, **arrays)
    return file


def reference(file: Path, a: torch.Tensor, b: torch.Tensor) -> float:
    """LPIPS by torch's modules, as its paper says it: unit features, squared differences, weighted, averaged."""
    arrays = {name: torch.from_numpy(value.astype(np.float32)) for name, value in np.load(file).items()}
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    total, pair = 0.0, (torch.cat([a, b]) - shift[:, None, None]) / scale[:, None, None]
    for i, (before, after, kernel) in enumerate(LAYERS):
        layer = nn.Conv2d(before, after, kernel, 4 if i == 0 else 1, {0: 2, 1: 2}.get(i, 1))
        layer.load_state_dict({"weight": arrays[f"conv{i}.weight"], "bias": arrays[f"conv{i}.bias"]})
        pair = layer(nn.MaxPool2d(3, 2)(pair) if i in (1, 2) else pair).relu()
        unit = torch.nn.functional.normalize(pair, dim=1)
        total += (((unit[0] - unit[1]) ** 2).permute(1, 2, 0) @ arrays[f"lin{i}"]).mean().item()
    return total


@torch.no_grad()
def test_lpips_is_that_of_the_paper(weights: Path) -> None:
    a, b = torch.rand(2, 1, 3, 256, 256, generator=torch.Generator().manual_seed(1)) * 2 - 1
    distance = judges.lpips_alexnet(weights)
    assert distance(a, b) == pytest.approx(reference(weights, a, b), rel=1e-4)
    assert distance(a, a) == 0


@pytest.mark.parametrize("content", [None, {"conv0.weight": np.zeros(3)}])
def test_other_files_are_refused(content: dict | None, tmp_path: Path) -> None:
    file = tmp_path / "other.npz"
    file.write_bytes(b"no archive") if content is None else np.savez(file, **content)
    with pytest.raises(BadCheckpoint, match="LPIPS-AlexNet"):
        judges.lpips_alexnet(file)


def test_without_dlib_nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "dlib", None)  # an import of it would raise
    assert judges.dlib_embedding() is None


def test_dlib_tells_one_face_from_another() -> None:
    for package in ("dlib", "face_recognition_models"):
        if find_spec(package) is None:
            pytest.skip("the extra judges is not installed")
    from PIL import Image

    embed = judges.dlib_embedding()
    assert embed is not None
    examples = Path(__file__).parents[2] / "examples"
    man, woman = (Image.open(examples / name) for name in ("man_red_jacket.jpg", "woman_garden.jpg"))
    known, other = embed(man), embed(woman)
    again = embed(man.resize((600, round(600 * man.height / man.width))))
    assert known is not None and other is not None and again is not None
    assert np.linalg.norm(known - again) < 0.3 < 0.5 < np.linalg.norm(known - other)
    assert embed(Image.new("RGB", (256, 256), "white")) is None
