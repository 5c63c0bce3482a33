"""e4e's files: ``{"state_dict": {"encoder.*", "decoder.*"}, "latent_avg": [L,512], "opts": ...}``.

Some lack ``latent_avg``: then the mean of the generator's W takes its place, or nothing where the encoder was trained
without (``opts.start_from_latent_avg``). Some encoders have 18 heads for a generator with fewer layers, which reads the
first ones only.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from styleclip_core.checkpoints import reading
from styleclip_core.checkpoints.stylegan2 import rosinality_levels, stylegan2_from_rosinality
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.e4e import E4E
from styleclip_core.networks.stylegan2 import StyleGAN2

KIND = "an e4e encoder with its generator"
LAYERS = range(8, 20, 2)  # of generators from 32 to 1024 px


def load_e4e(path: str | Path) -> tuple[E4E, StyleGAN2]:
    """The encoder and the generator of an e4e file, on the CPU, in eval mode, frozen.

    The encoder returns raw codes; ``encoder(images) + encoder.latent_avg`` is W+.

    Raises:
        BadCheckpoint: the file is not that.
    """
    content = reading.read(path)
    state = reading.state_dict(content)
    encoder_state, decoder_state = reading.part(state, "encoder."), reading.part(state, "decoder.")
    if not encoder_state or not decoder_state:
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it needs encoder.* and decoder.*.")
    kind = reading.options(content).get("encoder_type", "Encoder4Editing")
    if kind != "Encoder4Editing":  # pSp's keys are the same, its arithmetic is not
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it holds a {kind}; give an e4e file.")
    layers = 2 * rosinality_levels(decoder_state)
    encoder_state = {name: value for name, value in encoder_state.items() if _head(name) < layers}
    if (heads := 1 + max(map(_head, encoder_state))) not in (0, layers):
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it has {heads} style heads for {layers} layers of W+.")
    latent_avg = content.get("latent_avg")
    if latent_avg is None:
        generator = stylegan2_from_rosinality(decoder_state)
        relative = reading.options(content).get("start_from_latent_avg", True)
        return encoder_from_state(encoder_state, generator.w_avg * float(bool(relative)), path), generator
    if isinstance(latent_avg, Tensor) and latent_avg.ndim == 2:
        latent_avg = latent_avg[:layers]
    encoder = encoder_from_state(encoder_state, latent_avg, path)
    return encoder, stylegan2_from_rosinality(decoder_state, encoder.latent_avg)


def _head(name: str) -> int:
    """The number of the style head that a key of the encoder belongs to; -1 for other keys."""
    match = re.match(r"styles\.(\d{1,4})\.", name)
    return int(match[1]) if match else -1


def encoder_from_state(state: dict[str, Any], latent_avg: Any, path: str | Path) -> E4E:
    """The encoder from its keys without ``encoder.``, and the mean ``[L,512]`` or ``[512]``. Raises BadCheckpoint."""
    layers = sum(name.startswith("styles.") and name.endswith(".linear.weight") for name in state)
    if layers not in LAYERS:
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it has {layers} style heads; 14, 16 or 18 are usual.")
    with torch.device("meta"):
        encoder = E4E(layers)
    reading.fill(encoder, state, path, KIND, "encoder.")
    encoder.latent_avg = _rows(latent_avg, layers, path)
    return encoder


def _rows(latent_avg: Any, layers: int, path: str | Path) -> Tensor:
    """The mean code with a row for each layer, ``[L,512]``; if the file's rows are all alike, one serves any L."""
    if not isinstance(latent_avg, Tensor):
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: latent_avg is a {type(latent_avg).__name__}.")
    rows = latent_avg.float().reshape(-1, 512) if latent_avg.numel() and latent_avg.shape[-1:] == (512,) else None
    if rows is not None and rows.isfinite().all():
        if len(rows) == layers:
            return rows.clone()
        if (rows == rows[0]).all():
            return rows[:1].repeat(layers, 1)
    raise BadCheckpoint(f"{Path(path).name} is not {KIND}: latent_avg {list(latent_avg.shape)} is no mean of W+ codes.")
