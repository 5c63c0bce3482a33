"""Reads what StyleCLIP publishes for its global directions: ``fs3.npy`` and ``S_mean_std``, for a 1024-px StyleGAN2.

``fs3.npy`` is ``[6048,512]``: how each channel of the convolutions changes the CLIP embedding, in synthesis order.
``S_mean_std`` is a pickle of two lists of arrays, mean and deviation of each layer's styles, RGB or not.
"""

from __future__ import annotations

import _codecs
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.checkpoints import numpy_pickles
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.stylegan2 import default_channels


@dataclass(frozen=True)
class ChannelEffects:
    """What StyleCLIP measured of a generator's C style channels, in synthesis order.

    Attributes:
        changes: unit rows ``[C,D]``, how each channel changes the CLIP embedding; 0 for RGB channels.
        deviations: standard deviation of each channel over random faces, ``[C]``.
    """

    changes: Tensor
    deviations: Tensor


class _ArrayUnpickler(pickle.Unpickler):
    """Knows numpy arrays of numbers and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):  # the bytes of protocol 2
            return lambda text, encoding: _codecs.encode(text, "latin-1")
        if found := numpy_pickles.find(module, name):
            return found
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read_arrays(path: str | Path) -> Any:
    """What a file holds that `numpy.save`, `numpy.savez` or a pickle of numbers wrote; no code in it is run.

    Raises:
        BadCheckpoint: the file is missing, damaged, or a pickle of anything but lists of arrays.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            if start.startswith((b"\x93NUMPY", b"PK\3\4")):
                content = np.load(file, allow_pickle=False)
                return content if isinstance(content, np.ndarray) else [content[name] for name in content.files]
            return _ArrayUnpickler(file, encoding="latin-1").load()
    except OSError as error:
        raise BadCheckpoint(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged or hostile pickle can fail in any way
        reason = (str(error).splitlines() or ["damaged"])[0].rstrip(".")
        raise BadCheckpoint(
            f"{path.name} is not a file of plain numbers, so it was refused; no code in it was run. Get it from where "
            f"it was published ({reason})."
        ) from error


def load_fs3(fs3_path: str | Path, mean_std_path: str | Path, generator) -> ChannelEffects:
    """What a StyleGAN2's channels do to CLIP embeddings, from StyleCLIP's files. RGB channels get none.

    Args:
        fs3_path: ``.npy`` with one row for each channel of the convolutions, or of all layers.
        mean_std_path: the pickle ``S_mean_std``, or the same as ``.npz`` with all means before all deviations.
        generator: the one whose channels they are (``style_sizes``, ``rgb_styles``).
    Raises:
        BadCheckpoint: a file cannot be read, or does not fit the generator.
    """
    deviations = _deviations(
        read_arrays(mean_std_path), generator.style_sizes, generator.rgb_styles, Path(mean_std_path).name
    )
    return ChannelEffects(load_changes(fs3_path, generator), deviations.to(generator.w_avg.device))


def load_changes(fs3_path: str | Path, generator) -> Tensor:
    """`ChannelEffects.changes` from ``fs3.npy``. For the arguments and errors see `load_fs3`."""
    sizes, rgb = generator.style_sizes, generator.rgb_styles
    changes = _matrix(read_arrays(fs3_path), Path(fs3_path).name)
    wanted = torch.cat([torch.full((size,), not is_rgb) for size, is_rgb in zip(sizes, rgb, strict=True)])
    if len(changes) not in (int(wanted.sum()), len(wanted)):
        raise BadCheckpoint(
            f"{Path(fs3_path).name} is about {_generator_of(len(changes))}; this generator has {int(wanted.sum())} "
            "channels in its convolutions. Give the file that was made for it."
        )
    full = changes.new_zeros(len(wanted), changes.shape[1])
    full[wanted] = changes if len(changes) == int(wanted.sum()) else changes[wanted]
    return F.normalize(full, dim=1).to(generator.w_avg.device)


def _generator_of(channels: int) -> str:
    """The StyleGAN2 generator whose table has so many rows."""
    for resolution in (1024, 512, 256, 128):
        widths = default_channels(resolution)
        convolutions = sum(widths) + sum(widths[:-1])
        if channels in (convolutions, convolutions + sum(widths)):
            return f"the {channels} channels of a StyleGAN2 of {resolution} px"
    return f"{channels} channels, as no usual StyleGAN2 has them"


def _matrix(content: Any, name: str) -> Tensor:
    if not isinstance(content, np.ndarray) or content.ndim != 2 or content.dtype.kind != "f":
        raise BadCheckpoint(f"{name} does not hold a table of numbers, one row for each channel.")
    if not np.isfinite(content).all():
        raise BadCheckpoint(f"{name} holds values that are not finite.")
    return torch.from_numpy(content.astype(np.float32))


def _deviations(content: Any, sizes: tuple[int, ...], rgb: tuple[bool, ...], name: str) -> Tensor:
    """The second half of the arrays, one for each layer; RGB layers that are missing get zeros."""
    halves = content if isinstance(content, (list, tuple)) else []
    if len(halves) == 2 and all(isinstance(half, (list, tuple)) for half in halves):
        halves = [*halves[0], *halves[1]]
    arrays = list(halves[len(halves) // 2 :])
    kept = [size for size, is_rgb in zip(sizes, rgb, strict=True) if not is_rgb]
    shapes = [array.size if isinstance(array, np.ndarray) and array.dtype.kind == "f" else -1 for array in arrays]
    fits = shapes in (list(sizes), kept)
    if not fits or not all(np.isfinite(array).all() and (array >= 0).all() for array in arrays):
        raise BadCheckpoint(f"{name} does not hold means and deviations of this generator's style channels.")
    given = iter(arrays)
    parts = [
        np.zeros(size) if is_rgb and shapes == kept else next(given).reshape(-1)
        for size, is_rgb in zip(sizes, rgb, strict=True)
    ]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))
