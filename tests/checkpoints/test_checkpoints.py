"""Published layouts of the full pack's networks: what the original code computed, and the networks' contracts."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from styleclip_core import checkpoints
from styleclip_core.checkpoints import e4e, reading
from styleclip_core.errors import BadCheckpoint
from styleclip_core.networks.bisenet import CLASSES, BiSeNetParser
from styleclip_core.networks.hairclip import HairMapper
from styleclip_core.networks.ir_se50 import ArcFace
from styleclip_core.networks.mapper import LevelsMapper
from styleclip_core.networks.stylegan2 import StyleGAN2
from support import goldens


def enlarged(image, size):
    return F.interpolate(image, (size, size), mode="bilinear", align_corners=False)


def assert_close(found, wanted, tolerance=1e-3):
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < tolerance * wanted.abs().max()


def assert_ready(module):
    assert not module.training
    assert all(p.device.type == "cpu" and not p.requires_grad for p in module.parameters())


@pytest.fixture(scope="module")
def arcface():
    torch.manual_seed(0)
    return ArcFace().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def mapper():
    torch.manual_seed(0)
    return LevelsMapper(["course", "fine"], {"description": "grey hair"}).eval().requires_grad_(False)


# What the original code computed


@torch.no_grad()
@pytest.mark.parametrize("levels", ["all_levels", "no_fine"])
def test_the_mapper_is_styleclips(levels, tmp_path):
    wanted, state = goldens.load(f"styleclip_mapper_{levels}"), goldens.weights(f"styleclip_mapper_{levels}")
    decoder = {"decoder.input.input": torch.zeros(1, 512, 4, 4), "face_pool.weight": torch.zeros(1)}
    opts = argparse.Namespace(description="mohawk", lr=0.5)
    torch.save({"state_dict": state | decoder, "opts": opts}, tmp_path / "mapper.pt")
    mapper = checkpoints.load_mapper(tmp_path / "mapper.pt")
    assert_close(mapper(wanted["w_plus"]), wanted["delta"], 1e-4)
    assert mapper.opts["description"] == "mohawk"
    assert mapper.levels == ("course", "medium", "fine")[: 3 if levels == "all_levels" else 2]
    assert_ready(mapper)


@torch.no_grad()
def test_the_single_mapper_is_styleclips(tmp_path):
    wanted = goldens.load("styleclip_mapper_single")
    torch.save({"state_dict": goldens.weights("styleclip_mapper_single"), "opts": {}}, tmp_path / "single.pt")
    mapper = checkpoints.load_mapper(tmp_path / "single.pt")
    assert_close(mapper(wanted["w_plus"]), wanted["delta"], 1e-4)
    assert_ready(mapper)


@torch.no_grad()
@pytest.mark.parametrize("name", ["stylespace", "stylespace_no_torgb"])
def test_the_mappers_of_stylespace_are_styleclips(name, tmp_path):
    wanted = goldens.load(f"styleclip_mapper_{name}")
    torch.save({"state_dict": goldens.weights(f"styleclip_mapper_{name}"), "opts": {}}, tmp_path / "styles.pt")
    mapper = checkpoints.load_mapper(tmp_path / "styles.pt")
    styles = [wanted[f"style_{i}"] for i in range(26)]
    for i, step in enumerate(mapper(styles)):
        if name == "stylespace" or i % 3 != 1:
            assert_close(step, wanted[f"delta_{i}"], 1e-4)
        else:
            assert not step.any()
    generator = StyleGAN2(1024)
    assert mapper.fits(generator.style_sizes, generator.rgb_styles)
    assert not mapper.fits(generator.style_sizes[:-3], generator.rgb_styles[:-3])
    assert_ready(mapper)


@torch.no_grad()
def test_the_hair_mapper_is_hairclips(tmp_path):
    wanted, state = goldens.load("hairclip_mapper"), goldens.weights("hairclip_mapper")
    others = {"decoder.input.input": torch.zeros(1, 512, 4, 4), "mapper.clip_model.logit_scale": torch.zeros(())}
    torch.save({"state_dict": state | others, "opts": argparse.Namespace(lr=0.5)}, tmp_path / "hair.pt")
    mapper = checkpoints.load_mapper(tmp_path / "hair.pt")
    assert isinstance(mapper, HairMapper) and mapper.state_dict().keys() == {key[7:] for key in state}
    style, color = (wanted[f"{name}_embedding"].expand(2, -1) for name in ("style", "color"))
    assert_close(mapper(wanted["w_plus"], style, color), wanted["delta_both"], 1e-4)
    assert_close(mapper(wanted["w_plus"], style), wanted["delta_style_only"], 1e-4)
    assert_close(mapper(wanted["w_plus"], None, color[:1]), wanted["delta_color_only"], 1e-4)
    assert_ready(mapper)


@torch.no_grad()
def test_identity_is_arcfaces(tmp_path):
    wanted = goldens.load("ir_se50")
    torch.save(goldens.weights("ir_se50"), tmp_path / "ir.pth", _use_new_zipfile_serialization=False)  # as published
    network = checkpoints.load_identity(tmp_path / "ir.pth")
    assert_close(network(enlarged(wanted["image_16"], 112)), wanted["embedding"])
    assert_ready(network)


@torch.no_grad()
def test_the_parser_is_bisenet(tmp_path):
    wanted = goldens.load("bisenet_19")
    torch.save(goldens.weights("bisenet_19"), tmp_path / "parsing.pth")
    parser = checkpoints.load_bisenet(tmp_path / "parsing.pth")
    logits = parser(enlarged(wanted["image_16"], 512))
    assert_close(F.adaptive_avg_pool2d(logits, 32), wanted["logits_32"])
    assert_ready(parser)


@torch.no_grad()
def test_e4e_is_the_originals(tmp_path):
    """The encoder of 1024 px with a smaller generator, which reads its first heads; that for cars has some of them."""
    wanted, state = goldens.load("e4e_encoder_ffhq_1024"), goldens.weights("e4e_encoder_ffhq_1024")
    decoder = {f"decoder.{name}": value for name, value in goldens.weights("stylegan2_church_256").items()}
    mean = torch.randn(18, 512, generator=torch.Generator().manual_seed(0))
    content = {"state_dict": state | decoder, "latent_avg": mean, "opts": {"encoder_type": "Encoder4Editing"}}
    torch.save(content, tmp_path / "e4e.pt")
    encoder, generator = checkpoints.load_e4e(tmp_path / "e4e.pt")
    image = enlarged(wanted["image_32"], 256)
    assert_close(encoder(image), wanted["codes"][:, :14])
    assert torch.equal(encoder.latent_avg, mean[:14])
    assert generator.resolution == 256
    for module in (encoder, generator):
        assert_ready(module)
    encoder = e4e.encoder_from_state(reading.part(state, "encoder."), mean, "e4e.pt")
    assert_close(encoder(image), wanted["codes"])
    assert torch.equal(encoder.latent_avg, mean)
    del encoder

    cars = goldens.load("e4e_encoder_car_512")
    fewer = {k: v for k, v in reading.part(state, "encoder.").items() if not k.startswith(("styles.16", "styles.17"))}
    encoder = e4e.encoder_from_state(fewer, mean[0], "cars.pt")
    assert_close(encoder(enlarged(cars["image_32"], 256)), cars["codes"])
    assert encoder(image[:, :, : encoder.input_size[0]]).shape == (1, 16, 512)


@torch.no_grad()
def test_e4e_files_without_a_mean_code_and_with_heads_for_a_larger_generator(tmp_path):
    """Cars' files have 18 heads for 16 layers; here the heads are many for a generator of 256 px."""
    state = goldens.weights("e4e_encoder_car_512")
    state |= {f"decoder.{name}": value for name, value in goldens.weights("stylegan2_church_256").items()}
    torch.save({"state_dict": state, "opts": {"start_from_latent_avg": True}}, tmp_path / "e4e.pt")
    encoder, generator = checkpoints.load_e4e(tmp_path / "e4e.pt")
    assert encoder.num_layers == generator.num_layers == 14
    assert generator.w_avg.any() and torch.equal(encoder.latent_avg, generator.w_avg.expand(14, 512))
    torch.save({"state_dict": state, "opts": {"start_from_latent_avg": False}}, tmp_path / "e4e.pt")
    encoder, _ = checkpoints.load_e4e(tmp_path / "e4e.pt")
    assert not encoder.latent_avg.any()


# The networks' contracts


def test_the_mapper_moves_only_its_levels_and_survives_a_file(mapper, tmp_path):
    w_plus = torch.randn(2, 18, 512, generator=torch.Generator().manual_seed(0))
    step = mapper(w_plus)
    assert step.shape == w_plus.shape
    assert (step[:, 4:8] == 0).all() and (step[:, :4].std() > 0.1) and (step[:, 8:].std() > 0.1)
    checkpoints.save_mapper(mapper, tmp_path / "ours.pt", steps=100)
    again = checkpoints.load_mapper(str(tmp_path / "ours.pt"))
    assert torch.equal(again(w_plus), step)
    assert again.opts["description"] == "grey hair" and again.opts["steps"] == 100
    assert again.opts["no_medium_mapper"] and not again.opts["no_coarse_mapper"]
    half = {f"mapper.{name}": value.half() for name, value in mapper.state_dict().items()}
    save_file(half, tmp_path / "ours.safetensors", {"description": "grey hair"})
    again = checkpoints.load_mapper(tmp_path / "ours.safetensors")
    assert_close(again(w_plus), step, 1e-2)
    assert again.opts == {"description": "grey hair"}


def test_the_mapper_normalises_over_layers(mapper):
    w_plus = torch.randn(1, 14, 512, generator=torch.Generator().manual_seed(0))
    scales = torch.rand(512, generator=torch.Generator().manual_seed(1)) + 0.5
    assert torch.allclose(mapper(w_plus * scales), mapper(w_plus), atol=1e-4)


def test_identity_is_a_differentiable_unit_vector_at_any_size(arcface):
    small = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images = enlarged(small, 256).requires_grad_()
    embedding = arcface.encode_identity(images)
    assert embedding.shape == (1, 512) and embedding.norm().item() == pytest.approx(1, abs=1e-5)
    embedding[0, 0].backward()
    inside = images.grad[:, :, 35:223, 32:220]
    assert inside.abs().sum() > 0
    assert images.grad.abs().sum() == pytest.approx(inside.abs().sum())  # nothing outside the face counts
    with torch.no_grad():
        repeated = F.interpolate(images.detach(), scale_factor=2)
        assert torch.allclose(arcface.encode_identity(repeated), embedding, atol=1e-4)
        low = arcface.encode_identity(enlarged(small, 128))
        assert F.cosine_similarity(low, embedding).item() > 0.95


@torch.no_grad()
def test_the_parser_gives_probabilities_at_the_pictures_size():
    torch.manual_seed(0)
    parser = BiSeNetParser().eval()
    images = torch.rand(1, 3, 40, 24) * 2 - 1
    classes = parser.parse(images)
    assert classes.shape == (1, len(CLASSES), 40, 24)
    assert torch.allclose(classes.sum(1), torch.ones(1, 40, 24), atol=1e-5)
    images = enlarged(images, 512)
    pixels = (images + 1) / 2
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    wanted = parser((pixels - mean[:, None, None]) / std[:, None, None])
    assert torch.allclose(parser.logits(images), wanted, atol=1e-4)


def test_old_files_without_batch_counters_load(arcface, tmp_path):
    state = {name: value for name, value in arcface.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    loaded = checkpoints.load_identity(tmp_path / "old.pth").state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in arcface.state_dict().items())


def test_a_mean_code_has_a_row_for_each_layer_or_all_rows_alike():
    row = torch.arange(512.0)
    for mean in (row, row[None], row.expand(18, 512)):
        assert torch.equal(e4e._rows(mean, 14, "e4e.pt"), row.expand(14, 512))
    for mean in (torch.randn(18, 512), torch.zeros(14, 3), torch.full([14, 512], torch.inf), torch.zeros(())):
        with pytest.raises(BadCheckpoint, match="latent_avg"):
            e4e._rows(mean, 14, "e4e.pt")


def test_importing_the_loaders_imports_no_heavy_library():
    heavy = {"facexlib", "open_clip", "torchvision", "timm"}
    code = f"import sys, styleclip_core.checkpoints; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "set()", done.stderr
