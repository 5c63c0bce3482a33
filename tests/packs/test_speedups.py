"""Faster drawing, where it works."""

import pytest
import torch

from styleclip_core import BadSetting, Studio, latents, rendering
from support.browser import difference


def test_drawing_falls_back_to_what_works(studio: Studio, face, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = studio.render(face)
    graphs = Studio(studio.pack, "graph")
    assert difference(graphs.render(face), plain) == 0
    assert graphs.renderer.speedup == "eager" and "need a GPU" in graphs.renderer.note
    monkeypatch.setattr(rendering.torch, "compile", lambda *_, **__: lambda _: 1 / 0)
    compiler = Studio(studio.pack, "compile")
    assert difference(compiler.render(face), plain) == 0 and "division by zero" in compiler.renderer.note
    with pytest.raises(BadSetting, match="compile, graph"):
        Studio(studio.pack, "magic")


def test_compiled_drawing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    compile = torch.compile  # what is traced is run as it is: generating code takes a minute
    monkeypatch.setattr(rendering.torch, "compile", lambda draw, **options: compile(draw, backend="eager", **options))
    renderer = rendering.Renderer(studio.pack.generator, "compile")
    for seed in (1, 2):
        w_plus = latents.random_w(studio.pack.generator, seed).expand(1, 10, 512)
        with torch.no_grad():
            assert torch.allclose(renderer(w_plus), studio.pack.generator.synthesize(w_plus), atol=1e-3)
    assert (renderer.speedup, renderer.note) == ("compile", "")
