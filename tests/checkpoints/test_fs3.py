"""StyleCLIP's files of its global directions: read, and refused where they hold anything but fitting numbers."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from styleclip_core.checkpoints.fs3 import load_fs3
from styleclip_core.errors import BadCheckpoint

SMALL = SimpleNamespace(style_sizes=(4, 3, 2), rgb_styles=(False, True, False), w_avg=torch.zeros(1))


@pytest.fixture
def official(tmp_path):
    """Files laid out as StyleCLIP's, of a generator with three layers, the second for colours."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "fs3.npy", rng.standard_normal((6, 5)))
    layers = [[rng.uniform(1, 2, (1, size)).astype(np.float32) for size in SMALL.style_sizes] for _ in range(2)]
    (tmp_path / "S_mean_std").write_bytes(pickle.dumps(layers, 2))
    return tmp_path, layers


def test_official_files_are_read(official):
    folder, layers = official
    known = load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)
    rows = torch.from_numpy(np.load(folder / "fs3.npy")).float()
    assert torch.allclose(known.changes[:4], torch.nn.functional.normalize(rows[:4], dim=1))
    assert not known.changes[4:7].any() and known.changes[7:].any()
    assert torch.equal(known.deviations, torch.from_numpy(np.concatenate(layers[1], 1)[0]))
    without_rgb = [[layers[i][0], layers[i][2]] for i in (0, 1)]
    (folder / "S_mean_std").write_bytes(pickle.dumps(without_rgb, 4))
    assert torch.equal(load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL).deviations[7:], known.deviations[7:])


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<f2"])
def test_pickles_of_every_protocol_and_byte_order_are_read(official, protocol, kind):
    folder, layers = official
    known = load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)
    for by_columns in (False, True):
        rows = np.load(folder / "fs3.npy").astype(kind)
        rows = np.asfortranarray(rows) if by_columns else rows
        (folder / "rows").write_bytes(pickle.dumps(rows, protocol))
        arrays = [[array.astype(kind) for array in half] for half in layers]
        (folder / "S_mean_std").write_bytes(pickle.dumps(arrays, protocol))
        read = load_fs3(folder / "rows", folder / "S_mean_std", SMALL)
        assert torch.allclose(read.changes, known.changes, atol=2e-3)
        assert torch.allclose(read.deviations, known.deviations, atol=2e-3)


@pytest.mark.parametrize(
    "rows, sentence", [(6048, "6048 channels of a StyleGAN2 of 1024 px"), (5760, "256 px"), (7, "no usual")]
)
def test_a_table_of_another_generator_says_which(official, rows, sentence):
    folder, _ = official
    np.save(folder / "fs3.npy", np.ones((rows, 5)))
    with pytest.raises(BadCheckpoint, match=f"{sentence}.*this generator has 6 channels"):
        load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)


class Hostile:
    def __reduce__(self):
        return print, ("the code of a pickle was run",)


@pytest.mark.parametrize(
    "name, content",
    [
        ("S_mean_std", pickle.dumps(Hostile())),
        ("S_mean_std", pickle.dumps([np.array([Hostile()], object)] * 6)),
        ("S_mean_std", pickle.dumps([np.array([Hostile()], object)] * 6, 5)),
        ("S_mean_std", pickle.dumps([np.zeros(3, [("a", "f4")])] * 6, 5)),
        ("S_mean_std", pickle.dumps([[np.ones(4)], [np.ones(4)]])),
        ("S_mean_std", pickle.dumps([[np.full(s, np.nan) for s in (4, 3, 2)]] * 2)),
        ("S_mean_std", b""),
        ("fs3.npy", b"<html>not found</html>"),
        ("fs3.npy", pickle.dumps(np.ones((7, 5)))),
        ("fs3.npy", pickle.dumps(np.ones((6, 5), np.int64))),
    ],
)
def test_bad_official_files_are_refused(official, name, content, capsys):
    folder, _ = official
    (folder / name).write_bytes(content)
    with pytest.raises(BadCheckpoint, match=name):
        load_fs3(folder / "fs3.npy", folder / "S_mean_std", SMALL)
    assert "was run" not in capsys.readouterr().out


def test_missing_official_files_are_named(official):
    with pytest.raises(BadCheckpoint, match=r"none\.npy"):
        load_fs3(official[0] / "none.npy", official[0] / "S_mean_std", SMALL)
