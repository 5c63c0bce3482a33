"""StyleCLIP's own optimisation, step by step against its arithmetic."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import BadSetting, InvertSettings, OfficialSettings, Pack, Studio, UnsupportedByPack
from styleclip_core.edits.styleclip_reference import optimize_official, ramp
from styleclip_core.networks.face_clip import FaceCLIP
from support.full_pack import PORTRAIT


def test_the_official_optimisation_is_styleclips(pack: Pack, face) -> None:
    start = face.w_plus[None]
    steps = list(optimize_official(pack, start, "an old person", OfficialSettings(steps=3, l2=0.02, identity=0.5)))
    text, person = pack.clip.encode_text(["an old person"]), pack.identity(pack.generator.synthesize(start))
    before = [step.w_plus for step in steps]  # of each step what its picture was drawn from
    assert torch.equal(before[0], start)
    for code, step in zip(before, steps, strict=True):
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


def test_the_official_optimisation_in_stylespace(pack: Pack, face) -> None:
    settings = OfficialSettings(steps=3, space="stylespace")
    steps = list(optimize_official(pack, face.w_plus[None], "an old person", settings))
    start, rgb = pack.generator.styles(face.w_plus[None]), pack.generator.rgb_styles
    for part, was, is_rgb in zip(steps[-1].styles, start, rgb, strict=True):
        assert torch.equal(part, was) if is_rgb else (part != was).any()
    l2 = sum(float(((part - was) ** 2).sum()) for part, was in zip(steps[-1].styles, start, strict=True))
    assert steps[-1].terms["l2"] == pytest.approx(0.008 * l2, rel=1e-3)
    edit = Studio(pack).optimize(face, "an old person", settings)
    assert edit.state.styles is not None and edit.scores["plain_code"] == 1


def test_free_generation_starts_from_the_mean_and_follows_clip_alone(pack: Pack, face) -> None:
    settings = OfficialSettings(steps=2, mode="free_generation")
    steps = list(optimize_official(pack, face.w_plus[None], "an old person", settings))
    assert torch.equal(steps[0].w_plus, pack.generator.w_avg.expand(1, pack.generator.num_layers, -1))
    assert steps[-1].terms.keys() == {"clip"}
    edit = Studio(pack).optimize(face, "an old person", settings)
    assert edit.photo.size == edit.image.size and edit.face.photo is None


def test_a_face_with_a_residual_is_inverted_anew_without_one(pack: Pack) -> None:
    studio = Studio(pack)
    face = studio.invert(PORTRAIT, settings=InvertSettings(steps=1, faithful=1))
    plain = studio.invert(PORTRAIT, settings=InvertSettings(faithful=0))
    assert face.weights and not plain.weights
    edit = studio.optimize(face, "an old person", OfficialSettings(steps=1))
    assert edit.scores["plain_code"] == 1 and torch.equal(edit.state.w_plus, plain.w_plus)


def test_the_official_learning_rate() -> None:
    expected = {0: 0, 0.025: 0.5, 0.05: 1, 0.5: 1, 0.75: 1, 0.875: 0.5, 1: 0}
    assert {t: pytest.approx(ramp(t), abs=1e-9) for t in expected} == expected


def test_the_official_optimisation_needs_clip(pack: Pack, face) -> None:
    with pytest.raises(UnsupportedByPack, match="needs CLIP"):
        Studio(replace(pack, clip=FaceCLIP(), styleclip_embed=None)).optimize(face, "old", OfficialSettings())
    for wrong in ({"steps": 0}, {"lr": float("nan")}, {"l2": None}, {"mode": "draw"}, {"space": "w"}):
        with pytest.raises(BadSetting, match="must be"):
            Studio(pack).optimize(face, "old", OfficialSettings(**wrong))
