"""Directions are fitted: a boundary to labels, the relevance of style channels to what they do to pictures."""

import pytest
import torch

from styleclip_core import latents, load_pack
from styleclip_core.edits import relevance
from styleclip_core.training.directions import fit
from support.directions import embed


@pytest.fixture(scope="module")
def pack():
    return load_pack("compact", "cpu")


def test_a_label_along_a_line_gives_that_line():
    codes = torch.randn(4000, 512, generator=torch.Generator().manual_seed(1))
    truth = torch.nn.functional.normalize(torch.randn(512, generator=torch.Generator().manual_seed(2)), dim=0)
    assert float(fit(codes, codes @ truth) @ truth) > 0.95


def test_relevance_is_that_of_small_steps(pack):
    """A step along the slopes themselves, so short that few of the many kinks of the networks lie on it."""
    content = relevance.measure(pack, faces=1, count=1, seed=2, report=lambda _: None)
    slopes = content["changes"][:, 0] * content["scales"] / content["deviations"]
    step = 0.003 * slopes / slopes.norm()
    with torch.no_grad():
        styles = pack.generator.styles(latents.random_w(pack.generator, 2))
        parts = step.split([style.shape[1] for style in styles])
        more, less = (embed(pack, [s + x * p for s, p in zip(styles, parts, strict=True)]) for x in (1, -1))
    assert float((more - less) @ content["axes"].T) / 0.006 == pytest.approx(float(slopes.norm()), rel=0.15)
