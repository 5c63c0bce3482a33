"""StyleCLIP's own optimisation, step by step against its arithmetic."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import BadSetting, OfficialSettings, Pack, Studio, UnsupportedByPack
from styleclip_core.edits.styleclip_reference import optimize_official, ramp
from styleclip_core.networks.face_clip import FaceCLIP


def test_the_official_optimisation_is_styleclips(pack: Pack, face) -> None:
    start = face.w_plus[None]
    steps = list(optimize_official(pack, start, "an old person", OfficialSettings(steps=3, l2=0.02, identity=0.5)))
    text, person = pack.clip.encode_text(["an old person"]), pack.identity(pack.generator.synthesize(start))
    before = [start, *(step.w_plus for step in steps)]
    for code, step in zip(before, steps, strict=False):
        code = code.clone().requires_grad_()
        image = pack.generator.synthesize(code)
        seen = F.avg_pool2d(F.interpolate(image, scale_factor=7), image.shape[-1] * 7 // 224)
        terms = {
            "clip": 1 - F.cosine_similarity(pack.clip.model.encode_image(seen), text),
            "l2": 0.02 * ((code - start) ** 2).sum(),
            "identity": 0.5 * (1 - F.cosine_similarity(pack.identity(image), person)),
        }
        assert {name: pytest.approx(value.item(), abs=1e-4) for name, value in terms.items()} == step.terms
        if step is steps[0]:
            slope = torch.autograd.grad(sum(terms.values()), code)[0]
    # The first learning rate is 0, so Adam has seen the same slope twice when it first moves: by the rate, downhill.
    assert torch.equal(before[1], start)
    move = before[2] - start
    assert (move.abs() - 0.1).abs().median() < 1e-3
    assert (move.sign() == -slope.sign()).float().mean() > 0.95


def test_the_official_learning_rate() -> None:
    expected = {0: 0, 0.025: 0.5, 0.05: 1, 0.5: 1, 0.75: 1, 0.875: 0.5, 1: 0}
    assert {t: pytest.approx(ramp(t), abs=1e-9) for t in expected} == expected


def test_the_official_optimisation_needs_clip(pack: Pack, face) -> None:
    with pytest.raises(UnsupportedByPack, match="needs CLIP"):
        Studio(replace(pack, clip=FaceCLIP(), styleclip_embed=None)).optimize(face, "old", OfficialSettings())
    for wrong in ({"steps": 0}, {"lr": float("nan")}, {"l2": None}):
        with pytest.raises(BadSetting, match="must be"):
            Studio(pack).optimize(face, "old", OfficialSettings(**wrong))
