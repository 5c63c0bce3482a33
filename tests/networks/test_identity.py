"""FaceCLIP's identity head: what it was fitted to, and what it says of faces that nothing was fitted to."""

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import latents, load_pack
from styleclip_core.edits import sliders
from styleclip_core.networks.bisenet import CLASSES
from styleclip_core.rendering import Preview
from styleclip_core.training.identity import discriminant, recolour

SEEDS = range(930_000, 930_008)  # no other part of the project uses seeds near them


@pytest.fixture(scope="module")
def pack():
    return load_pack("compact", "cpu")


@pytest.fixture(scope="module")
@torch.no_grad()
def faces(pack) -> list[tuple[torch.Tensor, Preview]]:
    codes = [latents.random_w(pack.generator, seed).expand(1, 18, 512) for seed in SEEDS]
    return [(code, Preview(pack.generator, code, 256)) for code in codes]


@torch.no_grad()
def test_dyed_hair_and_a_smile_leave_a_person_the_same(pack, faces):
    plain = torch.cat([look(code) for code, look in faces])
    hair = pack.parser.parse(plain)[:, [CLASSES.index("hair")]]
    dyed = recolour(plain, hair, torch.Generator().manual_seed(1))
    values = {"boundary:smile": 1.0}
    smiling = torch.cat([look(sliders.move(pack, code, values)[0]) for code, look in faces])
    people, *others = (pack.identity(pictures) for pictures in (plain, dyed, smiling))
    for changed in others:
        cosines = people @ changed.T
        same, different = cosines.diagonal(), cosines[~torch.eye(len(faces), dtype=torch.bool)]
        assert same.mean() > 0.85 and same.min() > different.max()
    assert (people @ people.T).fill_diagonal_(0).mean() < 0.3


def test_the_head_ignores_what_varies_within_a_person():
    rng = torch.Generator().manual_seed(0)
    people, varying = torch.randn(300, 1, 10, generator=rng), 5 * torch.randn(300, 4, 10, generator=rng)
    features = torch.cat([people.expand(-1, 4, -1) + 0.1 * torch.randn(300, 4, 10, generator=rng), varying], 2)
    weight, bias = discriminant([features[:200], features[200:]], 10, ridge=1e-3)
    seen = F.normalize(features @ weight.T + bias, dim=2)
    assert (seen[:, 0] * seen[:, 1]).sum(1).min() > 0.9
    assert F.cosine_similarity(features[:, 0], features[:, 1]).mean() < 0.3, "or the test proves nothing"
    assert (seen[:, 0] @ seen[:, 0].T).fill_diagonal_(0).mean().abs() < 0.05


def test_only_hair_is_dyed():
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hair = torch.zeros(2, 1, 16, 16)
    hair[..., :8, :] = 1
    dyed = recolour(images, hair, torch.Generator().manual_seed(1))
    assert torch.allclose(dyed[..., 8:, :], images[..., 8:, :], atol=1e-6) and dyed.abs().max() <= 1
    assert (dyed[..., :8, :] - images[..., :8, :]).abs().mean() > 0.1
    assert torch.isfinite(recolour(images, torch.zeros_like(hair), torch.Generator())).all()
