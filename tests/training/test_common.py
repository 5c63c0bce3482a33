"""What the training programs share."""

import csv
import stat

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from styleclip_core import weights
from styleclip_core.packs.compact import compact_generator
from styleclip_core.training import common
from styleclip_core.training.synthesize import FIELDS


def test_codes_come_back_from_the_table_of_seeds(tmp_path):
    generator = compact_generator()
    rows = [(0, 5, "", "", 0.5), (1, 6, 7, 9, 1.0)]
    with (tmp_path / "faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows([FIELDS, *rows])
    np.save(tmp_path / "w_avg.npy", generator.w_avg.numpy())
    codes, mixed = common.read_codes(tmp_path, generator)
    assert codes.shape == (2, generator.num_layers, 512) and mixed.tolist() == [False, True]

    def w(seed):
        z = np.random.default_rng(seed).standard_normal((1, 512)).astype(np.float32)
        return generator.map(torch.from_numpy(z))[0]

    assert torch.allclose(codes[0, 3], generator.w_avg + 0.5 * (w(5) - generator.w_avg), atol=1e-5)
    assert torch.allclose(codes[1, 8], w(6), atol=1e-5) and torch.allclose(codes[1, 9], w(7), atol=1e-5)


def test_pictures_are_read_in_order_and_to_size(tmp_path):
    (tmp_path / "img").mkdir()
    for index, colour in enumerate(("red", "lime")):
        Image.new("RGB", (12, 12), colour).save(tmp_path / "img" / f"{index:05d}.png")
    images = common.read_images(common.image_files(tmp_path), 8)
    assert images.shape == (2, 3, 8, 8) and images.dtype == torch.uint8
    assert images[0, :, 0, 0].tolist() == [255, 0, 0] and images[1, :, 4, 4].tolist() == [0, 255, 0]


def test_a_saved_file_is_in_half_precision_readable_by_all_and_recorded_in_pretrained_only(tmp_path, monkeypatch):
    recorded = []
    monkeypatch.setattr(weights, "record_bundled", recorded.append)
    state = {"weight": torch.rand(4, 3).T, "count": torch.tensor(3)}
    common.save_trained(state, tmp_path / "new" / "file.safetensors")
    found = load_file(tmp_path / "new" / "file.safetensors")
    assert torch.equal(found["weight"], state["weight"].half()) and found["count"].dtype == torch.int64
    assert stat.S_IMODE((tmp_path / "new" / "file.safetensors").stat().st_mode) == 0o644 and not recorded
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    common.save_trained(state, tmp_path / "file.safetensors", half=False)
    assert torch.equal(load_file(tmp_path / "file.safetensors")["weight"], state["weight"])
    assert recorded == [tmp_path / "file.safetensors"]


def test_a_running_mean_follows_weights_and_statistics():
    average, model = (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)) for _ in range(2))
    before, now = average[0].weight.clone(), model[0].weight
    model[1].running_mean += 1
    model[1].num_batches_tracked += 5
    common.update_running_mean(average, model, 0.75)
    assert torch.allclose(average[0].weight, 0.75 * before + 0.25 * now)
    assert torch.allclose(average[1].running_mean, torch.full([2], 0.25)) and average[1].num_batches_tracked == 5
    assert common.growing_decay(0, 0.99) == 0 and common.growing_decay(10_000, 0.99) == 0.99
