"""Fit linear RGB heads on the compact generator's 128- and 256-px features, so that previews can stop early.

The generator makes a picture only in its last block. By least squares a 1x1 convolution reads the picture, averaged
down, from earlier features; four colour terms would do, the features have 256 and 128 channels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core import weights
from styleclip_core.networks.mobile_stylegan import MobileStyleGAN
from styleclip_core.packs.compact import compact_generator
from styleclip_core.training.common import save_trained

RESOLUTIONS = (128, 256)


@torch.no_grad()
def fit_heads(
    generator: MobileStyleGAN, faces: int = 96, seed: int = 0, ridge: float = 1e-4, report=print
) -> dict[str, Tensor]:
    """Return ``{"256.weight": [3,C,1,1], "256.bias": [3], ...}`` and report R2 on faces that were not fitted."""
    rng = np.random.default_rng(seed)
    sums: dict[int, list] = {}
    held_out = []
    for i in range(faces + 8):
        z = torch.from_numpy(rng.standard_normal((1, 512)).astype(np.float32))
        styles = generator.styles(generator.map(z, float(rng.uniform(0.5, 1))))
        image = generator.synthesize(styles)
        for size in RESOLUTIONS:
            x = generator.features(styles, size)[0].flatten(1).double()
            x = torch.cat([x, torch.ones(1, x.shape[1], dtype=x.dtype)])
            y = F.adaptive_avg_pool2d(image, size)[0].flatten(1).double()
            if i >= faces:
                held_out.append((size, x.float(), y.float()))
                continue
            xx, xy = x @ x.T, x @ y.T
            if size in sums:
                sums[size][0] += xx
                sums[size][1] += xy
            else:
                sums[size] = [xx, xy]
    state = {}
    for size, (xx, xy) in sums.items():
        eye = torch.eye(len(xx), dtype=xx.dtype) * xx.diagonal().mean() * ridge
        solution = torch.linalg.solve(xx + eye, xy).float()  # [C+1,3]
        state[f"{size}.weight"], state[f"{size}.bias"] = (
            solution[:-1].T[:, :, None, None].contiguous(),
            solution[-1].clone(),
        )
        tests = [(x, y) for s, x, y in held_out if s == size]
        error = sum((solution.T @ x - y).square().mean() for x, y in tests)
        spread = sum((y - y.mean(1, keepdim=True)).square().mean() for _, y in tests)
        report(f"{size} px: R2 {1 - error / spread:.4f}, RMS error {(error / len(tests)) ** 0.5:.4f} of [-1,1]")
    return state


def run(faces: int = 96, seed: int = 0) -> None:
    """Fit and write ``pretrained/mobile_stylegan_heads.safetensors``."""
    path = weights.PRETRAINED / "mobile_stylegan_heads.safetensors"
    save_trained(fit_heads(compact_generator(), faces, seed), path)
