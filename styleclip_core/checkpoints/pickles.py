"""Reads weights from pickles without running what else is in them.

Files of `torch.save` go through torch's own restricted loader. NVIDIA's pickles hold whole modules with their source
code, to be executed when they are loaded; here an unpickler that knows few names takes the tensors and leaves the code.
PTI saves such a module by `torch.save`, which is the same pickle with its numbers beside it.
"""

from __future__ import annotations

import _codecs
import argparse
import io
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._utils import _rebuild_tensor

from styleclip_core.checkpoints import numpy_pickles
from styleclip_core.errors import BadCheckpoint

LEGACY_TORCH = pickle.dumps(0x1950A86A20F9469CFC6C, 2)  # what files of torch.save from before 2020 begin with


def read_torch(path: Path | str) -> Any:
    """What `torch.save` wrote to ``path``, on the CPU: tensors, containers, plain values and `argparse.Namespace`.

    Raises:
        BadCheckpoint: the file is missing, damaged, or holds objects of other kinds; none of their code is run.
    """
    path = Path(path)
    if _is_program(path):
        raise BadCheckpoint(
            f"{path.name} is a TorchScript program, which is not run here. Give the same weights as plain tensors: "
            "CLIP's are open_clip_model.safetensors of timm/vit_base_patch32_clip_224.openai on the Hugging Face Hub."
        )
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from error
    except Exception as error:  # torch has no common error for damaged files
        raise BadCheckpoint(f"{path.name} cannot be read; get it again where it was published ({error}).") from error


def is_torch_file(path: Path | str) -> bool:
    """Whether ``path`` looks like a file of `torch.save`, old or new. Raises BadCheckpoint if it cannot be read."""
    return _start(path).startswith((LEGACY_TORCH, b"PK\3\4"))  # zipfile's own test raises on some damaged files


def is_nvidia_file(path: Path | str) -> bool:
    """Whether ``path`` looks like a pickle, but not one of `torch.save`. Raises BadCheckpoint if it cannot be read."""
    return _start(path).startswith(b"\x80") and not is_torch_file(path)


def _start(path: Path | str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(len(LEGACY_TORCH))
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}.") from error


@dataclass(frozen=True)
class _Module:
    """A module as NVIDIA pickles it, less its source code: what its ``__dict__`` held."""

    state: dict[str, Any]

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """Parameters and buffers by the names that `state_dict` would give them."""
        own = {**self.state["_parameters"], **self.state["_buffers"]}
        found = {f"{prefix}{name}": value for name, value in own.items() if isinstance(value, Tensor)}
        for name, child in self.state["_modules"].items():
            if isinstance(child, _Module):
                found |= child.tensors(f"{prefix}{name}.")
        return found


class _Unpickler(pickle.Unpickler):
    """Knows the names that weights need. Its functions are made anew for each pickle, which could alter them."""

    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "torch_utils.persistence", "_reconstruct_persistent_obj":
                return lambda meta: _Module(meta["state"])
            case "torch._utils", "_rebuild_parameter":
                return lambda data, *_: data
            case "torch._utils", "_rebuild_tensor_v2":
                return lambda *arguments: _tensor(*arguments[:4])  # without its hooks
            case "torch.storage", "_load_from_bytes":
                return lambda data: torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
            case "collections", "OrderedDict":
                return OrderedDict
            case "dnnlib.util", "EasyDict":
                return dict
            case "builtins" | "__builtin__", "set":
                return set
            case "numpy" | "numpy.core.multiarray" | "numpy._core.multiarray", "dtype" | "scalar":
                if found := numpy_pickles.find(module, name):  # single numbers among a module's settings
                    return found
            case "dnnlib.tflib.network", _:
                raise BadCheckpoint(
                    "this is a TensorFlow pickle, which only its own code can read. Convert it once with NVIDIA's "
                    "stylegan2-ada-pytorch: python legacy.py --source=old.pkl --dest=new.pkl (it runs the code in the "
                    "pickle, so do that with files you trust only), and load the new file."
                )
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """A tensor of numbers that lie in a storage of torch, or in a flat tensor."""
    if isinstance(storage, Tensor):
        return storage.as_strided(size, stride, offset)
    return _rebuild_tensor(storage, offset, size, stride)


STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class _ZippedUnpickler(_Unpickler):
    """The same for a module in a file of `torch.save`, whose numbers lie beside the pickle."""

    def __init__(self, archive: zipfile.ZipFile, pickled: str):
        super().__init__(io.BytesIO(archive.read(pickled)))
        self.archive, self.folder = archive, pickled.removesuffix("data.pkl") + "data/"
        self.storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in STORAGES:
            return name  # an argument of persistent_load only
        if (module, name) == ("_codecs", "encode"):  # the bytes of protocol 2
            return lambda text, encoding: _codecs.encode(text, "latin-1")
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Tensor:
        _, kind, key, *_ = pid
        if key not in self.storages:
            numbers = bytearray(self.archive.read(f"{self.folder}{key}"))
            dtype = STORAGES[kind]
            self.storages[key] = torch.frombuffer(numbers, dtype=dtype) if numbers else torch.empty(0, dtype=dtype)
        return self.storages[key]


def is_saved_module(path: Path | str) -> bool:
    """Whether ``path`` is a module of NVIDIA's in a file of `torch.save`, as PTI writes them."""
    pickled = _entry(Path(path), "/data.pkl")
    return pickled is not None and b"_reconstruct_persistent_obj" in pickled


def _is_program(path: Path) -> bool:
    """Whether a file is of `torch.jit.save`, as OpenAI publishes CLIP."""
    return _entry(path, "/constants.pkl") is not None


def _entry(path: Path, end: str) -> bytes | None:
    """The first entry of a zip with that end of its name; None if there is none, or the file is no whole zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            return next((archive.read(name) for name in archive.namelist() if name.endswith(end)), None)
    except Exception:  # zips can be damaged in any way; whoever reads the file next says what is wrong with it
        return None


def read_saved_module(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a module that `is_saved_module`, named like ``synthesis.b4.const``.

    Raises:
        BadCheckpoint: the file is damaged, or asks for anything but tensors and containers; none of its code is run.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            content = _ZippedUnpickler(archive, pickled).load()
            if not isinstance(content, _Module):
                raise pickle.UnpicklingError("it holds no single module")
            return content.tensors("")
    except Exception as error:  # a damaged or hostile pickle can fail in any way
        raise _refusal(path, error) from error


def read_nvidia(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a pickle of stylegan2-ada-pytorch, named like ``G_ema.synthesis.b4.const``.

    Raises:
        BadCheckpoint: the file is missing, damaged, from the TensorFlow version, or asks for anything but tensors and
            containers; none of its code is run.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = _Unpickler(file).load()
        modules = {name: module for name, module in content.items() if isinstance(module, _Module)}
        return {key: value for name, module in modules.items() for key, value in module.tensors(f"{name}.").items()}
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path.name}: {error}") from error
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # a damaged or hostile pickle can fail in any way
        raise _refusal(path, error) from error


def _refusal(path: Path, error: Exception) -> BadCheckpoint:
    detail = str(error).rpartition("WeightsUnpickler error: ")[2]  # before it, torch advises to let the code run
    reason = (detail.splitlines() or ["a damaged pickle"])[0].split(" was not an allowed")[0].rstrip(".")
    return BadCheckpoint(
        f"{path.name} is not a file of plain weights, so it was refused; no code in it was run. Get it from where it "
        f"was published ({reason})."
    )
