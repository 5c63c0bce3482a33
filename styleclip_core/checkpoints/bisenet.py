"""``parsing_bisenet.pth`` or ``79999_iter.pth``, a plain state dict -> the face parser of 19 classes."""

from __future__ import annotations

from pathlib import Path

from styleclip_core.checkpoints import reading
from styleclip_core.networks.bisenet import BiSeNetParser


def load_bisenet(path: str | Path) -> BiSeNetParser:
    """BiSeNet of CelebAMask-HQ's 19 classes, on the CPU, in eval mode, frozen.

    Calling it runs the bare network, normalised pictures -> logits; ``parse`` takes images in [-1,1] of any size.

    Raises:
        BadCheckpoint: the file is not that network.
    """
    state = reading.state_dict(reading.read(path))
    parser = BiSeNetParser()
    reading.fill(parser.network, state, path, "a BiSeNet face parser of 19 classes")
    return parser.eval().requires_grad_(False)
