"""Files that are not what a loader wants: refused with a sentence that helps, and nothing in them is run."""

import argparse
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from styleclip_core import checkpoints
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.e4e import E4E
from styleclip_core.networks.ir_se50 import ArcFace
from styleclip_core.networks.mapper import LevelsMapper


@pytest.fixture(scope="module")
def mapper():
    torch.manual_seed(0)
    return LevelsMapper(["course", "fine"])


class Creates:
    """A pickle that makes a file where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


LOADERS = [checkpoints.load_mapper, checkpoints.load_identity, checkpoints.load_bisenet, checkpoints.load_e4e]


def write_pickle(file, harm):
    file.write_bytes(pickle.dumps({"state_dict": harm}))


def write_text_pickle(file, harm):
    file.write_bytes(pickle.dumps({"state_dict": harm}, protocol=0))


def write_torch(file, harm):
    torch.save({"state_dict": {"mapper.course_mapping.mapping.1.weight": harm}, "latent_avg": harm, "opts": harm}, file)


def write_old_torch(file, harm):
    torch.save({"state_dict": harm}, file, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [write_pickle, write_text_pickle, write_torch, write_old_torch])
@pytest.mark.parametrize("load", LOADERS)
def test_a_pickle_that_would_run_code_is_refused(load, write, tmp_path):
    write(tmp_path / "evil.pt", Creates(tmp_path / "created"))
    with pytest.raises(BadCheckpoint, match=r"evil\.pt.*run") as error:
        load(tmp_path / "evil.pt")
    assert "only if you trust" not in str(error.value)  # no advice to let it run
    assert not (tmp_path / "created").exists()


def test_the_test_pickle_would_have_run(tmp_path):
    pickle.loads(pickle.dumps(Creates(tmp_path / "created"))).close()
    assert (tmp_path / "created").exists()


@pytest.mark.parametrize("load", LOADERS)
def test_what_is_no_file_of_weights_is_refused(load, tmp_path, mapper):
    checkpoints.save_mapper(mapper, tmp_path / "whole.pt")
    save_file({"a": torch.zeros(3)}, tmp_path / "whole.safetensors")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:100_000])
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:-4])
    (tmp_path / "text.pt").write_text("<html>Not found</html>")
    (tmp_path / "empty.pt").touch()
    (tmp_path / "folder.pt").mkdir()
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    torch.save({"state_dict": {"mapper.course_mapping.x": 3}}, tmp_path / "numbers.pt")
    names = ["cut.pt", "cut.safetensors", "text.pt", "empty.pt", "folder.pt", "tensor.pt", "numbers.pt", "missing.pt"]
    for name in names + ["whole.safetensors"] + ["whole.pt"] * (load is not checkpoints.load_mapper):
        with pytest.raises(BadCheckpoint, match=name.replace(".", r"\.")):
            load(tmp_path / name)


def test_damage_anywhere_gives_an_error_that_explains_or_a_mapper(tmp_path):
    checkpoints.save_mapper(LevelsMapper(["course"]), tmp_path / "whole.pt")
    whole, random = (tmp_path / "whole.pt").read_bytes(), np.random.default_rng(0)
    ends = np.concatenate([random.integers(0, 3000, 20), len(whole) - random.integers(1, 3000, 20)])
    refused = 0
    for place in ends:  # the pickle is at the beginning, the directory of the zip at the end
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        (tmp_path / "damaged.pt").write_bytes(damaged)
        try:
            checkpoints.load_mapper(tmp_path / "damaged.pt")
        except BadCheckpoint:
            refused += 1
    assert refused > 10


@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
def test_keys_that_are_missing_unknown_or_misshapen_are_named(mapper, tmp_path):
    def complaint(state, load):
        torch.save({"state_dict": state}, tmp_path / "file.pt")
        with pytest.raises(BadCheckpoint) as error:
            load(tmp_path / "file.pt")
        return str(error.value)

    state = {f"mapper.{name}": value for name, value in mapper.state_dict().items()}
    name = "mapper.course_mapping.mapping.1.bias"
    less = {k: v for k, v in state.items() if k != name}
    assert "missing keys: mapper.course_mapping.mapping.1.bias" in complaint(less, checkpoints.load_mapper)
    text = complaint(less | {"mapper.fine_mapping.mapping.9.bias": torch.zeros(512)}, checkpoints.load_mapper)
    assert "missing keys" in text and "unknown keys: mapper.fine_mapping.mapping.9.bias" in text
    text = complaint(state | {name: torch.zeros(3)}, checkpoints.load_mapper)
    assert "wrong shapes: mapper.course_mapping.mapping.1.bias [3] instead of [512]" in text
    text = complaint(state | {name: torch.full([512], torch.nan)}, checkpoints.load_mapper)
    assert "not finite: mapper.course_mapping.mapping.1.bias" in text
    assert "cannot be copied" in complaint(state | {name: torch.zeros(512).to_sparse()}, checkpoints.load_mapper)
    assert "mapping.1.weight" in complaint({"mapper.mapping.1.weight": torch.zeros(3)}, checkpoints.load_mapper)
    text = complaint(ArcFace().state_dict() | {"head.weight": torch.zeros(1)}, checkpoints.load_identity)
    assert "unknown keys: head.weight" in text and "missing" not in text
    assert "input_layer.0.weight" in complaint(state, checkpoints.load_identity)
    assert "cp.resnet.conv1.weight" in complaint(state, checkpoints.load_bisenet)


def test_files_that_are_almost_e4e_are_refused(tmp_path):
    def complaint(content):
        torch.save(content, tmp_path / "e4e.pt")
        with pytest.raises(BadCheckpoint) as error:
            checkpoints.load_e4e(tmp_path / "e4e.pt")
        return str(error.value)

    with torch.device("meta"):
        names = E4E(14).state_dict()
    state = {"encoder.styles.0.linear.weight": torch.zeros(1), "decoder.to_rgbs.5.bias": torch.zeros(1)}
    mean = torch.zeros(14, 512)
    assert "decoder" in complaint({"state_dict": {"encoder.x": torch.zeros(1)}})
    assert "1 style heads for 14 layers" in complaint({"state_dict": state, "latent_avg": mean})
    psp = argparse.Namespace(encoder_type="GradualStyleEncoder")
    assert "GradualStyleEncoder" in complaint({"state_dict": state, "latent_avg": mean, "opts": psp})
    state |= {f"encoder.{name}": torch.zeros(1) for name in names if name != "latlayer1.bias"}
    text = complaint({"state_dict": state, "latent_avg": mean})
    assert "missing keys: encoder.latlayer1.bias" in text and "wrong shapes: encoder.input_layer.0.weight [1]" in text
