"""Files of W+ codes by `torch.save`: PTI's pivots (``0.pt``), StyleCLIP's and e4e's ``latents.pt``."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from styleclip_core.checkpoints.pickles import read_torch
from styleclip_core.errors import BadCheckpoint


def load_codes(path: str | Path) -> Tensor:
    """The codes in a file, ``[N,L,512]``, float32 on the CPU. PTI's belong to the generator that lies beside them.

    Raises:
        BadCheckpoint: the file holds no tensor ``[L,512]`` or ``[N,L,512]`` of finite numbers.
    """
    content = read_torch(path)
    if not isinstance(content, Tensor) or content.ndim not in (2, 3) or content.shape[-1] != 512:
        raise BadCheckpoint(f"{Path(path).name} holds no codes of W+: a tensor [L,512] or [N,L,512] by torch.save.")
    codes = content.detach().to(torch.float32)
    if not codes.isfinite().all():
        raise BadCheckpoint(f"{Path(path).name} holds codes that are not finite.")
    return codes if codes.ndim == 3 else codes[None]
