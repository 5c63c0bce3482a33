"""Fast drawing and previews of the compact generator, compared with plain PyTorch at full size."""

import pytest
import torch
import torch.nn.functional as F

from styleclip_core import latents, openvino_drawing, packs
from styleclip_core.drawing import Painter, Preview


@pytest.fixture(scope="module")
def generator():
    return packs.compact_generator().requires_grad_(False)


@pytest.fixture(scope="module")
def codes(generator):
    """Two faces ``[2,18,512]``, the second an edit of the first a few standard deviations long."""
    first, towards = (latents.random_w(generator, seed) for seed in (3, 4))
    return torch.stack([first, torch.lerp(first, towards, 0.15)]).expand(2, 18, 512)


@pytest.fixture(scope="module")
@torch.no_grad()
def pictures(generator, codes):
    return generator.synthesize(codes)


def test_previews_look_like_full_pictures_averaged_down(generator, codes, pictures):
    for size in (256, 128, 100):
        small = F.adaptive_avg_pool2d(pictures, size)
        preview = Preview(generator, codes[:1], size)
        with torch.no_grad():
            plain, better = generator.synthesize(codes, size), preview(codes)
        assert (better[:1] - small[:1]).abs().max() < 1e-4
        moved = (better[1] - small[1]).square().mean().sqrt()
        assert moved < 0.12 and moved < 0.8 * (plain[1] - small[1]).square().mean().sqrt()
        quick = Preview(generator, codes[:1], size, quick=True)
        with torch.no_grad():
            softer = quick(codes)
        assert softer.shape == better.shape and (softer[:1] - small[:1]).abs().max() < 1e-4
        assert moved <= (softer[1] - small[1]).square().mean().sqrt() < 0.15
    large = Preview(generator, codes[:1], 512)  # the generator cannot stop early here
    with torch.no_grad():
        assert torch.equal(large(codes[:1]), generator.synthesize(codes[:1], 512))


def test_previews_are_differentiable(generator, codes):
    code = codes[:1].clone().requires_grad_()
    Preview(generator, codes[:1], 128)(code).square().mean().backward()
    assert code.grad[:, :10].abs().sum() > 0


def test_openvino_draws_what_pytorch_draws(generator, codes, pictures):
    painter = Painter(generator, "openvino")
    for i in range(2):
        styles = generator.styles(codes[i : i + 1])
        for latent in (codes[i : i + 1], styles):
            assert (painter(latent) - pictures[i : i + 1]).abs().max() < 1e-2
    assert (painter.features(styles, 256) - generator.features(styles, 256)).abs().max() < 1e-2
    preview = Preview(generator, codes[:1], 256, painter=painter)
    assert (preview(codes[1:]) - Preview(generator, codes[:1], 256)(codes[1:])).abs().max() < 1e-2
    assert (painter.speedup, painter.note) == ("openvino", "")


def test_a_converted_model_is_kept_and_a_damaged_one_made_anew(generator, codes, pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path))
    styles = generator.styles(codes[:1])
    first = openvino_drawing.drawer(generator, 128)(styles)
    files = sorted(tmp_path.rglob("*.*"))
    assert [file.suffix for file in files] == [".bin", ".xml"]
    with monkeypatch.context() as patch:
        patch.setattr(openvino_drawing, "_convert", lambda *_: 1 / 0)
        assert torch.equal(openvino_drawing.drawer(generator, 128)(styles), first)
    files[1].write_text("<net")
    assert torch.equal(openvino_drawing.drawer(generator, 128)(styles), first)


def test_auto_draws_from_the_start_and_gives_up_quietly(generator, codes, pictures, monkeypatch):
    painter = Painter(generator, "auto")
    assert (painter(codes[:1]) - pictures[:1]).abs().max() < 1e-2
    painter.wait()
    assert None in painter._fast and 128 in painter._fast and painter.note == ""
    monkeypatch.setattr(openvino_drawing, "drawer", lambda *_: 1 / 0)
    painter = Painter(generator, "auto")
    painter.wait()
    assert torch.equal(painter(codes[:1]), generator.synthesize(codes[:1]))
    assert painter.speedup == "eager" and "division by zero" in painter.note
