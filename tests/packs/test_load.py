"""Which pack is taken, at which precision, and what is said when its weights cannot be had."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from styleclip_core import BadSetting, OutOfMemory, Pack, WeightsUnavailable, devices, load_pack, weights
from styleclip_core.packs import load
from support.browser import ROOT


@pytest.mark.parametrize(
    ("available", "reachable", "trouble", "name", "note"),
    [
        (True, False, None, "full", "as loaded"),
        (False, True, None, "full", "as loaded"),
        (False, False, None, "compact", "neither here nor to be had from the Hub"),
        (True, True, WeightsUnavailable("The disk of the Hub is on fire."), "compact", "on fire"),
        (True, True, OutOfMemory("The GPU is small."), "compact", "is small"),
    ],
)
def test_auto_on_a_gpu(pack, monkeypatch, available, reachable, trouble, name, note) -> None:
    def fake(name: str, device: torch.device, *_: object) -> Pack:
        assert device.type == "cuda"
        if name == "full" and trouble:
            raise trouble
        return replace(pack, name=name, note="as loaded")

    monkeypatch.setattr(load, "_load", fake)
    monkeypatch.setattr(load, "choose_device", lambda _: torch.device("cuda", 0))
    monkeypatch.setattr(load, "set_precision", lambda *_: torch.float32)
    monkeypatch.setattr(weights, "available", lambda _: available)
    monkeypatch.setattr(weights, "reachable", lambda _: reachable)
    chosen = load_pack("auto")
    assert chosen.name == name and note in chosen.note


def test_precisions() -> None:
    kinds = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [kind.fp32_precision for kind in kinds]
    cuda = torch.device("cuda", 0)
    try:
        assert devices.set_precision("fp32", cuda) == torch.float32
        assert {kind.fp32_precision for kind in kinds} == {"ieee"}
        assert devices.set_precision("auto", cuda) == torch.float32
        assert {kind.fp32_precision for kind in kinds} == {"tf32"}
        assert devices.set_precision("bf16", torch.device("cpu")) == torch.bfloat16
    finally:
        for kind, value in zip(kinds, before, strict=True):
            kind.fp32_precision = value


def test_auto_without_a_gpu(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_load", lambda name, *_: replace(pack, name=name, note=""))
    chosen = load_pack("auto", "cpu")
    assert chosen.name == "compact" and "there is no GPU" in chosen.note
    with pytest.raises(BadSetting, match="bf16"):
        load_pack("auto", "cpu", "fp8")


def test_weights_that_cannot_be_had(cache: Path, tmp_path: Path) -> None:
    elsewhere = {name: value for name, value in os.environ.items() if name != "STYLECLIP_WEIGHTS"}
    offline = elsewhere | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "STYLECLIP_CACHE": str(cache)}
    command = [sys.executable, str(ROOT / "app.py"), "--pack", "full", "--device", "cpu"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=offline)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert re.search(r"Could not download e4e_ffhq_encode.pt .*HF_HUB_OFFLINE.*STYLECLIP_WEIGHTS", result.stderr)
