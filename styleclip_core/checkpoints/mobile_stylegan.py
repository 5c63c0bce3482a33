"""Reads MobileStyleGAN from the OpenVINO intermediate representation (IR version 10) it was published in.

An IR model is an XML graph whose `Const` nodes point into a .bin file of raw little-endian numbers. Only those
constants are read; which constant is which follows from the names that survived the export and, for the pointwise
kernels and noises, which lost theirs, from the names of the operations that consume them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from styleclip_core.errors import WeightsUnavailable
from styleclip_core.networks.mobile_stylegan import CHANNELS, MobileStyleGAN


@dataclass(frozen=True)
class _Graph:
    constants: dict[str, Tensor]  # node id -> value
    names: dict[str, str]  # node id -> name
    kinds: dict[str, str]  # node id -> operation
    inputs: dict[str, list[str]]  # node id -> ids of its inputs, by port

    def named(self, name: str) -> Tensor:
        return next(value for node, value in self.constants.items() if self.names[node] == name)

    def consumer(self, node: str) -> str:
        return next(target for target, sources in self.inputs.items() if node in sources)

    def constant_input(self, node: str) -> Tensor | None:
        return next((self.constants[i] for i in self.inputs[node] if i in self.constants), None)


def _read_ir(xml: Path, binary: Path) -> _Graph:
    root = ElementTree.parse(xml).getroot()
    blob = binary.read_bytes()
    constants, names, kinds = {}, {}, {}
    for layer in root.iterfind("layers/layer"):
        node, data = layer.attrib["id"], layer.find("data")
        names[node], kinds[node] = layer.get("name", ""), layer.get("type", "")
        if kinds[node] == "Const" and data is not None and data.get("element_type") == "f32":
            shape = [int(n) for n in data.attrib["shape"].replace(" ", "").split(",") if n]
            count, offset = int(np.prod(shape, dtype=np.int64)), int(data.attrib["offset"])
            values = np.frombuffer(blob, "<f4", count, offset)
            constants[node] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    edges: dict[str, dict[int, str]] = {}
    for edge in root.iterfind("edges/edge"):
        edges.setdefault(edge.attrib["to-layer"], {})[int(edge.attrib["to-port"])] = edge.attrib["from-layer"]
    inputs = {node: [ports[port] for port in sorted(ports)] for node, ports in edges.items()}
    return _Graph(constants, names, kinds, inputs)


def _mapping_state(graph: _Graph) -> dict[str, Tensor]:
    weights = [v for v in graph.constants.values() if v.shape == (512, 512)]
    biases = [v for v in graph.constants.values() if v.shape == (512,)]
    pairs = enumerate(zip(weights, biases, strict=True))
    return {f"mapping.layers.{i}.{kind}": v for i, p in pairs for kind, v in zip(("weight", "bias"), p, strict=True)}


def _affine(graph: _Graph, name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a modulation, with the scalar that multiplies its output folded in."""
    weight, bias = graph.named(f"{name}.modulation.weight"), graph.named(f"{name}.modulation.bias")
    node = next(i for i in graph.constants if graph.names[i] == f"{name}.modulation.bias")
    node = graph.consumer(node)
    for _ in range(2):  # Add -> Reshape -> Multiply by a [1,1,1,1] constant, where there is a scale
        node = graph.consumer(node)
        scale = graph.constant_input(node)
        if graph.kinds[node] == "Multiply" and scale is not None and scale.numel() == 1:
            return weight * scale.item(), bias[0] * scale.item()
    return weight, bias[0]


def _convolutions(graph: _Graph) -> list[tuple[Tensor, Tensor]]:
    """(pointwise or dense kernel, noise) of each styled convolution, in synthesis order."""
    kernels, noises = [], []
    for node, value in graph.constants.items():
        kind = graph.kinds[graph.consumer(node)]
        if kind == "Convolution" and not graph.names[node].startswith("m."):
            kernels.append(value)
        if kind == "Add" and value.ndim == 4 and value.shape[1] == 1 and value.shape[2] == value.shape[3] > 1:
            noises.append(value)
    return list(zip(kernels, noises, strict=True))


def _synthesis_state(graph: _Graph) -> dict[str, Tensor]:
    affines = ["m.conv1.conv"]
    for k in range(len(CHANNELS)):
        affines += [f"m.layers.{k}.up", f"m.layers.{k}.conv1.conv", f"m.layers.{k}.conv2.conv"]
    affines.append(f"m.layers.{len(CHANNELS) - 1}.to_img.conv")
    state = {}
    for i, name in enumerate(affines):
        state[f"affines.{i}.weight"], state[f"affines.{i}.bias"] = _affine(graph, name)
    (first, noise), *rest = _convolutions(graph)
    state |= {"const": graph.named("m.input.input"), "conv1.conv.weight": first, "conv1.noise": noise}
    state["conv1.bias"] = graph.named("m.conv1.bias")
    for n, (pointwise, noise) in enumerate(rest):
        ours, theirs = f"blocks.{n // 2}.conv{n % 2 + 1}", f"m.layers.{n // 2}.conv{n % 2 + 1}"
        state[f"{ours}.conv.0.weight"] = graph.named(f"{theirs}.conv.weight_dw")[:, 0]
        state[f"{ours}.conv.1.weight"] = pointwise
        state[f"{ours}.noise"], state[f"{ours}.bias"] = noise, graph.named(f"{theirs}.bias")
    last = f"m.layers.{len(CHANNELS) - 1}.to_img"
    return state | {
        "to_rgb.weight": graph.named(f"{last}.conv.weight"),
        "to_rgb.bias": graph.named(f"{last}.bias")[0, :, 0, 0],
    }


def load_mobile_stylegan(folder: Path) -> MobileStyleGAN:
    """The generator from ``{Mapping,Synthesis}Network.{xml,bin}`` in ``folder``, on the CPU, in eval mode, frozen.

    Its ``w_avg`` is the mean of 8,192 mapped latents (seeded), good to 0.3 % of W's standard deviation.

    Raises:
        WeightsUnavailable: the files are not that model.
    """
    try:
        mapping, synthesis = (
            _read_ir(folder / f"{part}Network.xml", folder / f"{part}Network.bin") for part in ("Mapping", "Synthesis")
        )
        state = _mapping_state(mapping) | _synthesis_state(synthesis)
        generator = MobileStyleGAN()
        generator.load_state_dict(state | {"w_avg": torch.zeros(512)}, strict=True)
    except (ElementTree.ParseError, StopIteration, KeyError, ValueError, RuntimeError, OSError) as error:
        raise WeightsUnavailable(f"{folder} does not hold MobileStyleGAN FFHQ-1024 as OpenVINO IR: {error}") from error
    generator.eval().requires_grad_(False)
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((8192, 512)).astype(np.float32))
    generator.w_avg.copy_(generator.mapping(z).mean(0))
    return generator
