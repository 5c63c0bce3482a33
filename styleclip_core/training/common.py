"""What the training programs share: folders of synthetic faces, freezing, running means, and how files are saved."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from styleclip_core import weights
from styleclip_core.networks.efficientnet_lite import EfficientNetLite0
from styleclip_core.packs import Generator, Pack

HELD_OUT = 1000  # the last faces of the folder are for evaluation only


def image_files(folder: Path) -> list[Path]:
    """The pictures of a folder that `synthesize` wrote, in the order of its table."""
    return sorted((folder / "img").iterdir())


def read_images(files: list[Path], size: int) -> Tensor:
    """Pictures as ``uint8 [N,3,size,size]``, RGB."""
    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)
    for i, file in enumerate(files):
        with Image.open(file) as image:
            images[i] = torch.from_numpy(np.array(image.convert("RGB").resize((size, size)))).permute(2, 0, 1)
    return images


def read_table(folder: Path) -> list[dict[str, str]]:
    """The rows of ``faces.csv``; ``seed_b`` is empty for faces of one seed."""
    with (folder / "faces.csv").open() as file:
        return list(csv.DictReader(file))


@torch.no_grad()
def read_codes(folder: Path, generator: Generator) -> tuple[Tensor, np.ndarray]:
    """Codes of the faces of a folder, from the seeds in its table and its ``w_avg.npy``.

    Returns:
        ``w_plus float32 [N,L,512]`` and ``mixed bool [N]`` (two seeds, so no single w).
    """
    rows, layers = read_table(folder), generator.num_layers
    w_avg = torch.from_numpy(np.load(folder / "w_avg.npy")).reshape(512)

    def w_of(seeds: list[int]) -> Tensor:
        z = np.concatenate([np.random.default_rng(seed).standard_normal((1, 512)) for seed in seeds])
        return generator.map(torch.from_numpy(z.astype(np.float32)))

    psi = torch.tensor([float(row["psi"]) for row in rows])[:, None]
    mixed = np.array([bool(row["seed_b"]) for row in rows])
    first = w_avg + psi * (w_of([int(row["seed_a"]) for row in rows]) - w_avg)
    second = w_avg + psi * (w_of([int(row["seed_b"] or row["seed_a"]) for row in rows]) - w_avg)
    crossover = torch.tensor([int(float(row["crossover"])) if row["seed_b"] else layers for row in rows])
    late = torch.arange(layers)[None, :, None] >= crossover[:, None, None]
    return torch.where(late, second[:, None], first[:, None]), mixed


def first_blocks(trunk: EfficientNetLite0, count: int) -> list[nn.Module]:
    """The stem and the first ``count`` blocks of a trunk: they keep their weights and statistics of ImageNet."""
    return [trunk._conv_stem, trunk._bn0, *trunk._blocks[:count]]


def freeze(parts: Iterable[nn.Module]) -> None:
    """Stop the training of parts of a network, their statistics included (until the network's next ``train()``)."""
    for part in parts:
        part.eval().requires_grad_(False)


def trunk_and_rest(network: nn.Module) -> list[dict[str, list[nn.Parameter]]]:
    """An optimizer's two groups of parameters: what is not frozen of ``network.trunk``, and everything else."""
    named = list(network.named_parameters())
    trunk = [value for name, value in named if name.startswith("trunk.") and value.requires_grad]
    return [{"params": trunk}, {"params": [value for name, value in named if not name.startswith("trunk.")]}]


@torch.no_grad()
def update_running_mean(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Draw the running mean of a model's weights towards the model: the share ``decay`` of the old mean stays."""
    for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.lerp_(theirs, 1 - decay)
    for mine, theirs in zip(average.buffers(), model.buffers(), strict=True):
        mine.copy_(theirs) if mine.dtype == torch.int64 else mine.lerp_(theirs, 1 - decay)


def growing_decay(step: int, most: float) -> float:
    """The decay of a running mean at a step, so that it forgets the first weights soon; at most ``most``."""
    return min(most, step / (step + 20))


def standardise(values: np.ndarray, reference: slice) -> np.ndarray:
    """Values ``[N]`` in standard deviations over the finite ones among the rows ``reference``."""
    known = values[reference][np.isfinite(values[reference])]
    return (values - known.mean()) / known.std()


SAVE_SECONDS = 300  # between two writings of a training's state


class Resumable:
    """The state of a training on disk, so that an interrupted one goes on as it would have.

    Args:
        file: None keeps nothing.
        parts: what has a state: networks, optimizer, schedule. They take over what the file holds, if it is there.
    Attributes:
        done: rounds that the state has behind it.
    """

    def __init__(self, file: Path | None, *parts: Any):
        self.file, self.parts, self.done, self.written = file, parts, 0, time.time()
        if file is not None and file.exists():
            saved = torch.load(file, weights_only=True)
            for part, values in zip(parts, saved["parts"], strict=True):
                part.load_state_dict(values)
            self.done = saved["done"]

    def after(self, done: int, last: bool) -> None:
        """Say that so many rounds are done; the state is written every few minutes, and after the last."""
        if self.file is None or not (last or time.time() - self.written > SAVE_SECONDS):
            return
        partial = self.file.with_suffix(".part")
        torch.save({"parts": [part.state_dict() for part in self.parts], "done": done}, partial)
        partial.rename(self.file)
        self.written = time.time()


def trained_file(pack: Pack, name: str) -> Path:
    """Where a file that is trained for a pack belongs: in pretrained/, or with what is computed for the pack."""
    return (pack.directions or weights.PRETRAINED) / name


def save_trained(
    state: dict[str, Tensor], path: Path, half: bool = True, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors as a safetensors file that everybody may read; in pretrained/ its sum is recorded too.

    Args:
        half: store numbers with a fraction in half precision.
        metadata: texts to store beside them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: value.half() if half and value.is_floating_point() else value for name, value in state.items()}
    save_file({name: value.contiguous().cpu() for name, value in kept.items()}, path, metadata)
    path.chmod(0o644)
    if path.is_relative_to(weights.PRETRAINED):
        weights.record_bundled(path)
