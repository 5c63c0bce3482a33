"""Published StyleGAN2 generators -> our module: the rosinality layout (also the decoders of e4e) and NVIDIA's.

Every tensor of ours has one published name; what is missing, extra or of another shape is reported by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from styleclip_core.checkpoints.pickles import is_nvidia_file, is_saved_module, read_nvidia, read_saved_module
from styleclip_core.checkpoints.reading import part, read, state_dict
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.stylegan2 import ACTIVATION_GAIN, StyleGAN2

MAPPING_RATE = 0.01  # of the mapping network's learning rate, by which its stored weights are too large
MAX_LEVELS, MAX_DEPTH = 9, 32  # 1024 px, and more layers than any published mapping network has
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
    levels = rosinality_levels(state)
    if not any(str(name).startswith("noises.") for name in state):
        state = state | _seeded_noise(levels)
    layout = _rosinality_layout(levels, _largest(state, r"style\.(\d+)\.", 1, MAX_DEPTH))
    return _finish(_fill(state, layout, levels), latent_avg)


def rosinality_levels(state: Mapping[str, Any]) -> int:
    """From how many resolutions, 4 px the first, a generator of this layout draws; it has twice as many W+ layers."""
    return 2 + _largest(state, r"to_rgbs\.(\d+)\.", 0, MAX_LEVELS - 2)


def _seeded_noise(levels: int) -> dict[str, Tensor]:
    """The fixed noise of a generator, which the first files of this layout did not hold: any normal noise will do."""
    random, sizes = torch.Generator().manual_seed(0), [4 << ((i + 1) // 2) for i in range(2 * levels - 1)]
    return {f"noises.noise_{i}": torch.randn(1, 1, n, n, generator=random) for i, n in enumerate(sizes)}


def stylegan2_from_nvidia(state: dict[str, Tensor]) -> StyleGAN2:
    """A generator from the tensors of NVIDIA's ``G_ema``, on the CPU, in eval mode, frozen. Raises BadCheckpoint."""
    levels = _largest(state, r"synthesis\.b(\d+)\.", 8, 4 << (MAX_LEVELS - 1)).bit_length() - 2
    layout = _nvidia_layout(levels, 1 + _largest(state, r"mapping\.fc(\d+)\.", 0, MAX_DEPTH - 1))
    return _finish(_fill(state, layout, levels), state["mapping.w_avg"])


def load_generator(path: Path | str) -> StyleGAN2:
    """A StyleGAN2 generator from a published file, on the CPU, in eval mode, frozen.

    The layout is recognised from the content: rosinality (``g_ema``, or the bare state dict), e4e (``state_dict`` with
    ``decoder.*``), a pickle of NVIDIA's stylegan2-ada-pytorch, or PTI's ``model_*.pt``; code in it is not run. Fixed
    noise that old files of rosinality's lack is drawn from a seed.

    Raises:
        BadCheckpoint: the file is not one of these, or not whole; keys that are missing or extra are named.
    """
    nvidia = is_nvidia_file(path)
    saved = not nvidia and is_saved_module(path)
    content: dict[str, Any] = read_nvidia(path) if nvidia else read_saved_module(path) if saved else read(path)
    try:
        if saved:
            return stylegan2_from_nvidia(content)
        if nvidia:
            return stylegan2_from_nvidia(part(content, "G_ema.") or part(content, "G."))
        state: Any = content.get("g_ema", state_dict(content))
        return stylegan2_from_rosinality(part(state, "decoder.") or state, content.get("latent_avg"))
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{Path(path).name}: {error}") from error


def _largest(names: Iterable[str], pattern: str, low: int, high: int) -> int:
    """The largest number in names, from ``low`` to ``high`` (what is beyond is then reported as not known)."""
    found = (re.match(pattern, str(name)) for name in names)
    return max((number for number in (int(match[1]) for match in found if match) if number <= high), default=low)


def _some(names: Iterable[str], most: int = 20) -> str:
    names = sorted(map(str, names))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _check_names(state: Mapping[str, Tensor], layout: _Layout) -> None:
    missing, extra = layout.names() - state.keys(), state.keys() - layout.names()
    if len(missing) > len(layout.names()) / 2:
        raise BadCheckpoint("no StyleGAN2 generator in a known layout is in it.")
    if missing or extra:
        problems = [f"missing: {_some(missing)}"] * bool(missing) + [f"not known: {_some(extra)}"] * bool(extra)
        raise BadCheckpoint(f"not a whole StyleGAN2 generator. Keys {'; keys '.join(problems)}.")
    broken = [name for name, value in state.items() if not _is_finite(value)]
    if broken:
        raise BadCheckpoint(f"these are not tensors of finite numbers: {_some(broken)}.")


def _is_finite(value: Tensor) -> bool:
    return isinstance(value, Tensor) and bool(value.sum(dtype=torch.float64).isfinite())


def _fill(state: Mapping[str, Tensor], layout: _Layout, levels: int) -> StyleGAN2:
    """Build a generator with the checkpoint's number of levels, channels and mapping layers, and load it."""
    _check_names(state, layout)
    channels = [(1, *state[layout.tensors[f"convs.{k}.{min(k, 1)}.weight"]].shape)[-4:][0] for k in range(levels)]
    depth = sum(name.startswith("mapping.layers.") for name in layout.tensors) // 2
    generator = StyleGAN2(4 << (levels - 1), tuple(channels), depth)
    targets, ours, wrong = generator.state_dict(), {}, []
    for name, theirs in layout.tensors.items():
        value, target = state[theirs].float(), targets[name]
        if [n for n in value.shape if n != 1] != [n for n in target.shape if n != 1]:
            wrong.append(f"{theirs} {list(value.shape)} instead of {list(target.shape)}")
            continue
        ours[name] = value.reshape(target.shape) * _factor(name, target)
        if name in layout.strengths:
            ours[name] *= state[layout.strengths[name]]
    wrong += [name for name, total in layout.filters.items() if not _is_filter(state[name], total)]
    if wrong:
        raise BadCheckpoint(f"tensors are not as in StyleGAN2: {_some(wrong)}.")
    generator.load_state_dict({**ours, "w_avg": torch.zeros(512)})
    return generator


def _is_filter(value: Tensor, total: float) -> bool:
    return value.shape == FIR.shape and torch.allclose(value.float(), FIR * total)


def _factor(name: str, target: Tensor) -> float:
    """Scale of equalised learning rates, and the gain of the activation, that go into a tensor of ours."""
    kind = name.rsplit(".", 1)[-1]
    fan_in = target[0].numel() ** -0.5
    if name.startswith("mapping."):
        return MAPPING_RATE * (fan_in if kind == "weight" else 1.0)
    if name.startswith("convs.") and kind in ("bias", "noise"):
        return ACTIVATION_GAIN
    return fan_in if kind == "weight" else 1.0


@torch.no_grad()
def _finish(generator: StyleGAN2, average: Tensor | None) -> StyleGAN2:
    """Set the mean of W and freeze."""
    if average is None:
        z = np.random.default_rng(0).standard_normal((8192, 512)).astype(np.float32)
        average = generator.mapping(torch.from_numpy(z)).mean(0)
    if not isinstance(average, Tensor) or average.numel() == 0 or average.shape[-1] != 512:
        raise BadCheckpoint("its mean of W is not [512] or [L,512] numbers.")
    generator.w_avg.copy_(average.float().reshape(-1, 512).mean(0))
    return generator.eval().requires_grad_(False)
