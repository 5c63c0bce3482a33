"""Drawing with OpenVINO: on CPUs it runs the compact generator in less than half of PyTorch's time."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from styleclip_core import weights

Draw = Callable[[list[Tensor]], Tensor]


class _Drawing(nn.Module):
    """All style vectors side by side ``[1,S]`` -> the picture, or the features at ``features`` px."""

    def __init__(self, generator: nn.Module, features: int | None):
        super().__init__()
        self.generator, self.features = generator, features

    def forward(self, styles: Tensor) -> Tensor:
        styles = list(styles.split(self.generator.style_sizes, 1))
        return self.generator.features(styles, self.features) if self.features else self.generator.synthesize(styles)


def drawer(generator: nn.Module, features: int | None = None) -> Draw:
    """A function from style vectors ``list of [1,C_i]`` to the picture, or to the features at ``features`` px.

    The converted model is kept in the cache of weights: converting takes seconds, reading it again one.
    Raises whatever OpenVINO does, and ImportError without it.
    """
    import openvino

    folder = weights.cache_dir() / "openvino" / _fingerprint(generator, openvino.__version__)
    file = folder / (f"features{features}.xml" if features else "picture.xml")
    # The latency hint runs one request on all cores; fp32 is stated, since bf16 would be taken where the CPU has it.
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    options["INFERENCE_NUM_THREADS"] = torch.get_num_threads()
    try:
        model = openvino.Core().compile_model(file, "CPU", options)
    except RuntimeError:  # not there yet, or damaged
        _convert(generator, features, file)
        model = openvino.Core().compile_model(file, "CPU", options)

    def draw(styles: list[Tensor]) -> Tensor:
        return torch.from_numpy(model(torch.cat(styles, 1).detach().numpy())[0])

    return draw


def _fingerprint(generator: nn.Module, version: str) -> str:
    """Of the weights, the network's source and OpenVINO, so that a model of others is never used."""
    digest = hashlib.sha256(f"{version} {inspect.getsource(sys.modules[type(generator).__module__])}".encode())
    for name, value in generator.state_dict().items():
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _convert(generator: nn.Module, features: int | None, file: Path) -> None:
    """Write the converted model; a folder appears whole or not at all."""
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    drawing = _Drawing(generator, features)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the tracer, about checks of shapes
        decoder = TorchScriptPythonDecoder(drawing, example_input=torch.ones(1, sum(generator.style_sizes)))
        frontend = FrontEndManager().load_by_framework("pytorch")  # unlike openvino.convert_model it reports to nobody
        model = frontend.convert(frontend.load(decoder))
    model.reshape([1, sum(generator.style_sizes)])
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        made = Path(folder, file.name)
        openvino.save_model(model, made, compress_to_fp16=False)
        for part in (made.with_suffix(".bin"), made):  # the .xml last: it says that the model is there
            os.replace(part, file.parent / part.name)
