"""e4e's files: ``{"state_dict": {"encoder.*", "decoder.*"}, "latent_avg": [L,512], "opts": ...}``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from styleclip_core.checkpoints import reading
from styleclip_core.checkpoints.stylegan2 import stylegan2_from_rosinality
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
    if not encoder_state or not decoder_state or not isinstance(content.get("latent_avg"), Tensor):
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it needs encoder.*, decoder.* and latent_avg.")
    kind = reading.options(content).get("encoder_type", "Encoder4Editing")
    if kind != "Encoder4Editing":  # pSp's keys are the same, its arithmetic is not
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it holds a {kind}; give an e4e file.")
    encoder = encoder_from_state(encoder_state, content["latent_avg"], path)
    return encoder, stylegan2_from_rosinality(decoder_state, encoder.latent_avg)


def encoder_from_state(state: dict[str, Any], latent_avg: Tensor, path: str | Path) -> E4E:
    """The encoder from its keys without ``encoder.``, and the mean ``[L,512]`` or ``[512]``. Raises BadCheckpoint."""
    layers = sum(name.startswith("styles.") and name.endswith(".linear.weight") for name in state)
    if layers not in LAYERS:
        raise BadCheckpoint(f"{Path(path).name} is not {KIND}: it has {layers} style heads; 14, 16 or 18 are usual.")
    with torch.device("meta"):
        encoder = E4E(layers)
    reading.fill(encoder, state, path, KIND, "encoder.")
    encoder.latent_avg = _rows(latent_avg, layers, path)
    return encoder


def _rows(latent_avg: Tensor, layers: int, path: str | Path) -> Tensor:
    """The mean code with a row for each layer, ``[L,512]``; if the file's rows are all alike, one serves any L."""
    rows = latent_avg.float().reshape(-1, 512) if latent_avg.numel() and latent_avg.shape[-1:] == (512,) else None
    if rows is not None and rows.isfinite().all():
        if len(rows) == layers:
            return rows.clone()
        if (rows == rows[0]).all():
            return rows[:1].repeat(layers, 1)
    raise BadCheckpoint(f"{Path(path).name} is not {KIND}: latent_avg {list(latent_avg.shape)} is no mean of W+ codes.")
