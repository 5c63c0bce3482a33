"""What the original implementations of the published networks compute, for weights and inputs made from seeds.

`tests/goldens` holds their outputs and the layouts of their checkpoints (see the README there); weights come from
`support.seeded_weights`, inputs from here. Everything is in the repository: no test needs a download for it.
"""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from support import seeded_weights

FOLDER = Path(__file__).parents[1] / "goldens"
STEPS = 32767  # values are whole multiples of their largest one divided by this
EXACT = ("w", "codes", "style_", "color_")  # names, or starts of names, of what the rest is computed from: float32


def layout(name: str) -> dict[str, list[int]]:
    """The keys of a published checkpoint and their shapes."""
    return json.loads(gzip.decompress((FOLDER / "manifests" / f"{name}.json.gz").read_bytes()))


def weights(name: str) -> dict[str, Tensor]:
    """A state dict in the layout of a published checkpoint: what the golden's outputs were computed with."""
    return seeded_weights.fill(layout(name))


def load(name: str) -> dict[str, Tensor]:
    """The inputs and outputs of a golden by name, float32."""
    with np.load(FOLDER / f"{name}.npz") as file:
        names = [key for key in file.files if not key.endswith(".max")]
        outputs = {key: _unpacked(file[key], file.get(f"{key}.max")) for key in names}
    return inputs(name, outputs) | outputs


def inputs(name: str, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a golden's outputs were computed from."""
    if name == "bisenet_19":
        return {"image_16": normal(6, 1, 3, 16, 16)}
    if name == "ir_se50":
        return {"image_16": normal(5, 1, 3, 16, 16).tanh()}
    if name.startswith("e4e_"):
        return {"image_32": normal(4, 1, 3, 32, 32).tanh()}
    if name in ("hairclip_mapper", "styleclip_mapper_single"):
        return {"w_plus": normal(11 if name == "hairclip_mapper" else 12, 2, 18, 512)}
    if name.startswith("styleclip_mapper_stylespace"):
        return {}
    if name.startswith("styleclip_mapper_"):
        return {"w_plus": normal(3, 2, 18, 512)}
    if name == "mobile_stylegan_ffhq_1024":  # three codes, of which the layers take turns
        z, codes = normal(1000, 1, 512), outputs["codes"]
        return {"z": z, "w": codes[:1], "w_plus": codes.repeat_interleave(torch.tensor([6, 10, 2]), 0)[None]}
    seed, layers = (31 if name.startswith("nvidia_") else 1), 2 * int(name.rpartition("_")[2]).bit_length() - 4
    w_plus = outputs["w"][:, None] + 0.3 * normal(seed + 1, 1, layers, 512)
    return {"z": normal(seed, 1, 512), "w_plus": w_plus}


def normal(seed: int, *shape: int) -> Tensor:
    """Normally distributed numbers of a seed."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def save(name: str, outputs: Mapping[str, np.ndarray]) -> None:
    """Write the outputs of a golden, 16 bits a value: off by at most 1/65534 of the largest."""
    arrays: dict[str, np.ndarray] = {}
    for key, value in outputs.items():
        if key in EXACT or key.startswith(tuple(start for start in EXACT if start.endswith("_"))):
            arrays[key] = value
            continue
        most = np.abs(value).max()
        arrays |= {key: np.round(value / most * STEPS).astype(np.int16), f"{key}.max": most}
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def _unpacked(value: np.ndarray, most: np.ndarray | None) -> Tensor:
    return torch.from_numpy(value.astype(np.float32)) * (1 if most is None else float(most) / STEPS)
