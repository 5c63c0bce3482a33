"""The full pack, from files of the published layouts with random weights: the plumbing is real.

Pictures are noise, so nothing here says how good an edit is.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import gpu
from styleclip_core import BadSetting, Pack, Studio, cli, load_pack, weights
from styleclip_core.images import to_tensor
from styleclip_core.packs import full, load
from support import goldens, synthetic_pack
from support.browser import difference
from support.full_pack import INVERSION, PORTRAIT, SHORT


@torch.no_grad()
def test_every_role_is_filled(pack: Pack) -> None:
    assert (pack.name, pack.domain, pack.device.type) == ("full", "face", "cpu")
    images = torch.rand(1, 3, 300, 300, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = pack.encoder(images)
    assert codes.shape == (1, pack.generator.num_layers, 512) and codes.isfinite().all()
    picture = pack.generator.synthesize(codes)
    assert picture.shape == (1, 3, 64, 64) and picture.isfinite().all() and picture.std() > 0.01
    assert pack.parser.parse(images).shape == (1, 19, 300, 300)
    assert torch.allclose(pack.identity(images).norm(dim=1), torch.ones(1), atol=1e-4)
    assert pack.clip.encode_image(images).shape == pack.clip.encode_text(["a"]).shape == (1, 512)
    assert (
        pack.reference_faces.w.shape == pack.reference_faces.embeddings.shape == (synthetic_pack.REFERENCE_FACES, 512)
    )
    assert "minutes" in pack.note


@torch.no_grad()
def test_the_mean_code_is_added_to_what_e4e_says(pack: Pack) -> None:
    asked = []
    mean = torch.randn(16, 512)

    class Car:
        input_size, latent_avg = (192, 256), mean

        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            asked.append(images)
            return torch.zeros(len(images), 16, 512)

    square = torch.zeros(1, 3, 512, 512)
    square[:, :, 64:448] = 1  # a car's picture, between black bars
    assert torch.equal(full.e4e_encoder(Car())(square), mean[None])
    assert asked[0].shape == (1, 3, 192, 256) and asked[0][:, :, 2:-2].min() == 1


def test_the_reference_faces_are_drawn_once(pack: Pack, installed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_CACHE", str(tmp_path))
        first = full.cached_reference_faces(pack.generator, pack.clip, 3, "key")
        patch.setattr(full, "make_reference_faces", lambda *_: pytest.fail("the faces were drawn again"))
        again = full.cached_reference_faces(pack.generator, pack.clip, 3, "key")
    assert torch.equal(first.w, again.w) and torch.equal(first.embeddings, again.embeddings)
    with torch.no_grad():
        seen = pack.clip.encode_image(pack.generator.synthesize(first.w[2:], full.REFERENCE_FACES_PX))
    assert torch.allclose(seen, first.embeddings[2:], atol=1e-4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_CACHE", str(tmp_path))
        (tmp_path / "reference_faces" / "key-3.safetensors").write_bytes(b"damaged")
        assert torch.equal(full.cached_reference_faces(pack.generator, pack.clip, 3, "key").w, first.w)
        assert len(list((tmp_path / "reference_faces").iterdir())) == 1


def test_other_weights_have_other_reference_faces(pack: Pack) -> None:
    network = torch.nn.Linear(2, 2)
    before = full.fingerprint(network, pack.identity.__self__)
    assert before == full.fingerprint(network, pack.identity.__self__)
    with torch.no_grad():
        network.weight[0, 0] += 1e-6
    assert full.fingerprint(network, pack.identity.__self__) != before


def test_reference_faces_that_do_not_fit_are_drawn_in_smaller_batches(pack: Pack) -> None:
    sizes = []

    class Small:
        w_avg, map = pack.generator.w_avg, staticmethod(pack.generator.map)

        def synthesize(self, w: torch.Tensor, resolution: int) -> torch.Tensor:
            sizes.append(len(w))
            if len(w) > 1:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
            return pack.generator.synthesize(w, resolution)

    faces = full.make_reference_faces(Small(), pack.clip, 3)
    assert sizes == [2, 1, 1, 1] and faces.embeddings.shape == (3, 512)
    assert torch.allclose(faces.w, full.make_reference_faces(pack.generator, pack.clip, 3).w)


def test_an_edit_of_a_photo(studio: Studio) -> None:
    face = studio.invert(PORTRAIT, settings=INVERSION)
    assert face.w_plus.shape == (10, 512) and face.aligned.size == (1024, 1024) and face.image.size == (64, 64)
    edit = studio.optimize(face, "an old person", SHORT)
    assert edit.photo.size == face.photo.size and difference(edit.photo, face.photo) > 0
    assert edit.scores["identity"] <= 1 and all(np.isfinite(list(edit.scores.values())))


def test_from_the_command_line(
    pack: Pack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(load, "full_pack", lambda *_: pack)  # which was loaded once
    made, photo, scores = (str(tmp_path / name) for name in ("face.png", "edit.png", "scores.json"))
    assert cli.main(["random", "--pack", "full", "-o", made]) == 0
    assert "minutes" in capsys.readouterr().err and Image.open(made).size == (64, 64)
    short = ["--steps", "2", "--inversion-steps", "2", "--pack", "full"]
    arguments = ["edit", str(PORTRAIT), "old", "-o", photo, "--scores", scores, "--official", *short]
    assert cli.main(arguments) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert said.out.startswith(photo) and "Editing" in said.err
    assert Image.open(photo).size == Image.open(PORTRAIT).size and "identity" in json.loads(Path(scores).read_text())


def test_settings_that_are_no_numbers_are_refused(studio: Studio) -> None:
    for wrong in ({"resolution": None}, {"lr": "fast"}, {"steps": float("inf")}):
        with pytest.raises(BadSetting, match=f"{next(iter(wrong))} must be a number from 0 up"):
            studio.invert(PORTRAIT, settings=replace(INVERSION, **wrong))


def test_the_synthetic_files_have_the_published_layouts() -> None:
    for size, domain in ((1024, "ffhq"), (512, "car")):
        state = synthetic_pack.e4e(size, full.StyleGAN2(size).channels)["state_dict"]
        shapes = {name: list(value.shape) for name, value in state.items()}
        decoder = {f"decoder.{name}": shape for name, shape in goldens.layout(f"stylegan2_{domain}_{size}").items()}
        assert shapes == goldens.layout(f"e4e_encoder_{domain}_{size}") | decoder


def test_at_full_size(folder: Path, installed: pytest.MonkeyPatch, pack: Pack, tmp_path: Path) -> None:
    """The layouts as they are published, 1024 px, in bfloat16 where that is usual."""
    synthetic_pack.write(tmp_path, ["e4e_ffhq_encode.pt"], 1024, narrow=False)
    for file in folder.iterdir():
        if not (tmp_path / file.name).exists():
            (tmp_path / file.name).symlink_to(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full, "REFERENCE_FACES_CPU", 2)
        patch.setenv("STYLECLIP_WEIGHTS", str(tmp_path))
        patch.setitem(weights.CHECKPOINTS, "e4e_ffhq_encode.pt", synthetic_pack.table(tmp_path)["e4e_ffhq_encode.pt"])
        large = load_pack("full", "cpu", clip=pack.clip)
    studio = Studio(large)
    face = studio.random_face(1)
    assert face.w_plus.shape == (18, 512) and face.image.size == (1024, 1024)
    assert large.encoder(to_tensor(face.image)).isfinite().all()
    edit = studio.optimize(face, "old", replace(SHORT, steps=1))
    assert edit.image.size == (1024, 1024) and np.isfinite(edit.scores["distance"])


def test_the_benchmark_prints_its_tables(capsys: pytest.CaptureFixture) -> None:
    gpu.main("--device cpu --resolution 32 --clip ViT-S-32-alt --steps 1 --speedups eager graph --runs 1".split())
    said = capsys.readouterr().out
    for row in ("path A, one view", "official", "fp32 ", "fp32 eager", "fp32 graph"):
        assert re.search(rf"^{row} +\d+\.\d", said, re.M), said
    assert "need a GPU" in said
