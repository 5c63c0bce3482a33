"""Weights for the layouts of published checkpoints: seeded random numbers, scaled so that features stay near 1.

`support.goldens` holds what the original implementations computed with these very numbers, so none may ever change:
a tensor depends on nothing but its key and its shape.
"""

import math
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

FIR = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64  # sums to 1


def fill(layout: Mapping[str, Sequence[int]]) -> dict[str, Tensor]:
    """A state dict with these keys and shapes."""
    return {key: tensor(key, tuple(shape)) for key, shape in layout.items()}


def tensor(key: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor of a key."""
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return torch.ones(shape, dtype=torch.int64)
    if leaf in ("kernel", "resample_filter"):  # not learned; "kernel" makes up for the zeros of upsampling
        return FIR * (4 if leaf == "kernel" else 1)
    rng = np.random.default_rng([0, zlib.crc32(key.encode())])
    numbers = rng.random(shape) if leaf == "running_var" else rng.standard_normal(shape)
    if ".modulation_module_list." in key:  # HairCLIP: plain linear layers, and norms
        scale = 0.1 if leaf == "bias" or len(shape) == 1 else shape[1] ** -0.5
        numbers = (leaf == "weight" and len(shape) == 1) + scale * numbers
    elif leaf == "weight" and len(shape) == 4 and not key.startswith("synthesis."):
        numbers = numbers / math.sqrt(math.prod(shape[1:]))  # a convolution whose learning rate is not equalised
    else:
        mean, deviation = moments(key, shape)
        numbers = mean + deviation * numbers
    return torch.from_numpy(np.asarray(numbers, np.float32)).reshape(shape)


def moments(key: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of the numbers of a key (of ``running_var``, least value and range)."""
    leaf = key.rpartition(".")[2]
    if leaf == "running_var" or key.endswith(("modulation.bias", "affine.bias")):
        return 1.0, 0.1
    if "mapping" in key or key.startswith("style."):
        return 0.0, 100.0 if leaf == "weight" else 1.0  # a learning rate of 0.01 is multiplied in later
    if leaf in ("bias", "running_mean", "noise_strength"):
        return 0.0, 0.1
    if leaf == "weight" and len(shape) == 1:  # of norms and of noise, and slopes of PReLU
        return (0.25 if shape == (64,) or "prelu" in key else 1.0), 0.1
    return 0.0, 1.0
