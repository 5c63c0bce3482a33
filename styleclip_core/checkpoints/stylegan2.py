"""Published StyleGAN2 generators -> our module: the rosinality layout (also the decoders of e4e) and NVIDIA's.

Every tensor of ours has one published name; what is missing, extra or of another shape is reported by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from styleclip_core.checkpoints.pickles import is_torch_file, read_nvidia, read_torch
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.stylegan2 import GAIN, StyleGAN2

MAPPING_RATE = 0.01  # of the mapping network's learning rate, by which its stored weights are too large
FIR = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64


@dataclass
class _Layout:
    """Published names: of our tensors, of the strengths of our noises, and of filters that must be [1,3,3,1]."""

    tensors: dict[str, str] = field(default_factory=dict)
    strengths: dict[str, str] = field(default_factory=dict)
    filters: dict[str, float] = field(default_factory=dict)  # name -> sum
    extra: set[str] = field(default_factory=set)

    def linear(self, ours: str, theirs: str) -> None:
        for kind in ("weight", "bias"):
            self.tensors[f"{ours}.{kind}"] = f"{theirs}.{kind}"

    def names(self) -> set[str]:
        return {*self.tensors.values(), *self.strengths.values(), *self.filters, *self.extra}


def _rosinality_layout(levels: int, depth: int) -> _Layout:
    layout, styles = _Layout(), []
    for i in range(depth):
        layout.linear(f"mapping.layers.{i}", f"style.{i + 1}")
    layout.tensors["const"] = "input.input"
    for k in range(levels):
        pair = [f"convs.{2 * k - 2}", f"convs.{2 * k - 1}"] if k else ["conv1"]
        rgb = f"to_rgbs.{k - 1}" if k else "to_rgb1"
        for j, conv in enumerate(pair):
            ours = f"convs.{k}.{j}"
            layout.tensors[f"{ours}.weight"] = f"{conv}.conv.weight"
            layout.tensors[f"{ours}.bias"] = f"{conv}.activate.bias"
            layout.tensors[f"{ours}.noise"] = f"noises.noise_{max(2 * k - 1 + j, 0)}"
            layout.strengths[f"{ours}.noise"] = f"{conv}.noise.weight"
        layout.tensors |= {f"rgbs.{k}.weight": f"{rgb}.conv.weight", f"rgbs.{k}.bias": f"{rgb}.bias"}
        styles += [f"{name}.conv.modulation" for name in (*pair, rgb)]
        if k:
            layout.filters |= {f"{pair[0]}.conv.blur.kernel": 4.0, f"{rgb}.upsample.kernel": 4.0}
    for i, name in enumerate(styles):
        layout.linear(f"affines.{i}", name)
    return layout


def _nvidia_layout(levels: int, depth: int) -> _Layout:
    layout, styles = _Layout(extra={"mapping.w_avg"}), []
    for i in range(depth):
        layout.linear(f"mapping.layers.{i}", f"mapping.fc{i}")
    layout.tensors["const"] = "synthesis.b4.const"
    for k in range(levels):
        block = f"synthesis.b{4 << k}"
        pair = [f"{block}.conv0", f"{block}.conv1"] if k else [f"{block}.conv1"]
        for j, conv in enumerate(pair):
            layout.linear(f"convs.{k}.{j}", conv)
            layout.tensors[f"convs.{k}.{j}.noise"] = f"{conv}.noise_const"
            layout.strengths[f"convs.{k}.{j}.noise"] = f"{conv}.noise_strength"
        layout.linear(f"rgbs.{k}", f"{block}.torgb")
        styles += [f"{name}.affine" for name in (*pair, f"{block}.torgb")]
        layout.filters |= {f"{name}.resample_filter": 1.0 for name in (block, *pair)}
    for i, name in enumerate(styles):
        layout.linear(f"affines.{i}", name)
    return layout


def stylegan2_from_rosinality(state: dict[str, Tensor], latent_avg: Tensor | None = None) -> StyleGAN2:
    """A generator from a state dict in the rosinality layout, on the CPU, in eval mode, frozen.

    Args:
        state: ``style.*, input.*, conv1.*, to_rgb1.*, convs.*, to_rgbs.*, noises.*``.
        latent_avg: mean of W ``[512]``, or for each layer ``[L,512]``; None estimates it from 8,192 seeded samples.
    Raises:
        BadCheckpoint: keys or shapes are not those of a StyleGAN2 generator; it names them.
    """
    levels = 2 + max(_numbers(state, r"to_rgbs\.(\d+)\."), default=-1)
    layout = _rosinality_layout(levels, max(_numbers(state, r"style\.(\d+)\."), default=8))
    generator = _fill(state, layout, levels)
    return _finish(generator, latent_avg)


def stylegan2_from_nvidia(state: dict[str, Tensor]) -> StyleGAN2:
    """A generator from the tensors of NVIDIA's ``G_ema``, on the CPU, in eval mode, frozen. Raises BadCheckpoint."""
    levels = max((size.bit_length() - 2 for size in _numbers(state, r"synthesis\.b(\d+)\.")), default=1)
    layout = _nvidia_layout(levels, 1 + max(_numbers(state, r"mapping\.fc(\d+)\."), default=7))
    generator = _fill(state, layout, levels)
    return _finish(generator, state["mapping.w_avg"])


def load_generator(path: Path | str) -> StyleGAN2:
    """A StyleGAN2 generator from a published file, on the CPU, in eval mode, frozen.

    The layout is recognised from the content: rosinality (``g_ema``, or the bare state dict), e4e (``state_dict`` with
    ``decoder.*``), or a pickle of NVIDIA's stylegan2-ada-pytorch, whose code is not run.

    Raises:
        BadCheckpoint: the file is not one of these, or not whole; keys that are missing or extra are named.
    """
    if not is_torch_file(path):
        modules = read_nvidia(path)
        if not {"G", "G_ema"} & set(modules):
            raise BadCheckpoint(f"{Path(path).name} is a pickle without a generator (no G_ema in it).")
        return stylegan2_from_nvidia(modules.get("G_ema", modules.get("G")).tensors())
    content = read_torch(path)
    content = content if isinstance(content, dict) else {}
    state, average = content.get("g_ema", content.get("state_dict", content)), content.get("latent_avg")
    decoder = {name.removeprefix("decoder."): v for name, v in state.items() if name.startswith("decoder.")}
    state = decoder or state
    if "conv1.conv.weight" not in state:
        raise BadCheckpoint(
            f"{Path(path).name} is not a StyleGAN2 generator: neither g_ema (rosinality's files) nor decoder.* (e4e's) "
            "is in it."
        )
    return stylegan2_from_rosinality(state, average)


def _numbers(names: Iterable[str], pattern: str) -> list[int]:
    return [int(found[1]) for found in (re.match(pattern, name) for name in names) if found]


def _some(names: Iterable[str], most: int = 20) -> str:
    names = sorted(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _check_names(state: dict[str, Tensor], layout: _Layout) -> None:
    missing, extra = layout.names() - state.keys(), state.keys() - layout.names()
    problems = [f"missing: {_some(missing)}"] * bool(missing) + [f"not known: {_some(extra)}"] * bool(extra)
    if problems:
        raise BadCheckpoint(f"The file is not a whole StyleGAN2 generator. Keys {'; keys '.join(problems)}.")


def _fill(state: dict[str, Tensor], layout: _Layout, levels: int) -> StyleGAN2:
    """Build a generator with the checkpoint's number of levels, channels and mapping layers, and load it."""
    _check_names(state, layout)
    channels = tuple(state[layout.tensors[f"convs.{k}.{min(k, 1)}.weight"]].shape[-4] for k in range(levels))
    depth = sum(name.startswith("mapping.layers.") for name in layout.tensors) // 2
    generator = StyleGAN2(4 << (levels - 1), channels, depth)
    ours, wrong = {}, []
    for name, target in generator.state_dict().items():
        if name == "w_avg":
            continue
        value = state[layout.tensors[name]].float()
        if [n for n in value.shape if n != 1] != [n for n in target.shape if n != 1]:
            wrong.append(f"{layout.tensors[name]} {list(value.shape)} (expected {list(target.shape)})")
            continue
        ours[name] = value.reshape(target.shape) * _factor(name, target)
        if name in layout.strengths:
            ours[name] *= state[layout.strengths[name]]
    wrong += [name for name, total in layout.filters.items() if not torch.allclose(state[name], FIR * total)]
    if wrong:
        raise BadCheckpoint(f"The file is not a StyleGAN2 generator of a known shape: {_some(wrong)}.")
    generator.load_state_dict(ours, strict=False)
    return generator


def _factor(name: str, target: Tensor) -> float:
    """Scale of equalised learning rates, and the gain of the activation, that go into a tensor of ours."""
    kind = name.rsplit(".", 1)[-1]
    fan_in = target[0].numel() ** -0.5
    if name.startswith("mapping."):
        return MAPPING_RATE * (fan_in if kind == "weight" else 1.0)
    if name.startswith("convs.") and kind in ("bias", "noise"):
        return GAIN
    return fan_in if kind == "weight" else 1.0


@torch.no_grad()
def _finish(generator: StyleGAN2, average: Tensor | None) -> StyleGAN2:
    generator.eval().requires_grad_(False)
    if average is None:
        z = np.random.default_rng(0).standard_normal((8192, 512)).astype(np.float32)
        average = generator.mapping(torch.from_numpy(z)).mean(0)
    generator.w_avg.copy_(average.float().reshape(-1, 512).mean(0))
    return generator
