"""The compact pack, two random codes, and faces that nothing was fitted to: made once for all tests of this folder."""

import pytest
import torch

from styleclip_core import latents, load_pack
from support.directions import SEEDS, embed


@pytest.fixture(scope="package")
def pack():
    return load_pack("compact", "cpu")


@pytest.fixture(scope="package")
def w(pack):
    with torch.no_grad():
        return torch.cat([latents.random_w(pack.generator, seed) for seed in SEEDS])


@pytest.fixture(scope="package")
def unseen_faces(pack):
    """Codes of faces that nothing was fitted to, and their embeddings."""
    with torch.no_grad():
        codes = torch.cat([latents.random_w(pack.generator, 830_000 + i, 1.0) for i in range(16)])
        return codes, torch.cat([embed(pack, part) for part in codes.split(8)])
