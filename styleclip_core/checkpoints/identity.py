"""``model_ir_se50.pth``, a plain state dict -> the identity network."""

from __future__ import annotations

from pathlib import Path

import torch

from styleclip_core.checkpoints import reading
from styleclip_core.networks.ir_se50 import ArcFace


def load_identity(path: str | Path) -> ArcFace:
    """ArcFace IR-SE50, 112-px crops -> unit vectors ``[N,512]``, on the CPU, in eval mode, frozen.

    Raises:
        BadCheckpoint: the file is not that network.
    """
    with torch.device("meta"):
        network = ArcFace()
    return reading.fill(network, reading.state_dict(reading.read(path)), path, "an IR-SE50 identity network")
