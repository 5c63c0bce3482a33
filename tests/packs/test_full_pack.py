"""The full pack and its sisters, from files of the published layouts with random weights: the plumbing is real.

Pictures are noise, so nothing here says how good an edit is.
"""

import gc
import json
import os
import re
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gradio_client import Client, handle_file
from PIL import Image

import app
from benchmarks import gpu
from styleclip_app.theme import numbers_html
from styleclip_core import (
    BadSetting,
    InvertSettings,
    OfficialSettings,
    OptimizeSettings,
    OutOfMemory,
    Pack,
    Studio,
    UnsupportedByPack,
    WeightsUnavailable,
    cli,
    devices,
    latents,
    load_pack,
    packs,
    rendering,
    weights,
)
from styleclip_core.edits import optimize as path_a
from styleclip_core.edits.styleclip_reference import optimize_official, ramp
from styleclip_core.faces.crop import cut_out, put_back
from styleclip_core.images import to_tensor
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs import full
from styleclip_core.progress import Progress
from support import synthetic_pack
from support.browser import ROOT, Page, chromium, difference, serve

REFERENCE = Path(os.environ.get("STYLECLIP_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))
SHORT = OptimizeSettings(steps=1, views=0, patience=0)
INVERSION = InvertSettings(steps=2)
PORTRAIT = ROOT / "examples" / "woman_indoors.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    synthetic_pack.write(folder, [*synthetic_pack.FACE, "e4e_church_encode.pt"])
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_pack.cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def installed(folder: Path, cache: Path) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_WEIGHTS", str(folder))
        patch.setenv("STYLECLIP_CACHE", str(cache))
        patch.setattr(weights, "CHECKPOINTS", weights.CHECKPOINTS | synthetic_pack.table(folder))
        patch.setattr(full, "GALLERY_CPU", synthetic_pack.REFERENCE_FACES)
        patch.setattr(path_a, "ANCHORS", path_a.ANCHORS[: synthetic_pack.ANCHORS])
        yield patch


@pytest.fixture(scope="module")
def pack(installed: pytest.MonkeyPatch) -> Pack:
    return load_pack("full", "cpu")


@pytest.fixture(scope="module")
def church(pack: Pack) -> Pack:
    return load_pack("church", "cpu", "bf16", clip=pack.clip)


@pytest.fixture(scope="module")
def studio(pack: Pack) -> Studio:
    return Studio(pack)


@pytest.fixture(scope="module")
def face(studio: Studio):
    return studio.random_face(3)


def test_the_synthetic_files_have_the_published_layouts() -> None:
    if not REFERENCE.is_dir():
        pytest.skip("the lists of the published files' keys are not here (set STYLECLIP_REFERENCE)")

    def published(name: str) -> dict[str, list[int]]:
        entries = json.loads((REFERENCE / "manifests" / f"{name}.json").read_text())
        return {key: entry["shape"] for key, entry in entries.items()}

    for size, domain in ((1024, "ffhq"), (512, "car")):
        state = synthetic_pack.e4e(size, full.StyleGAN2(size).channels)["state_dict"]
        shapes = {name: list(value.shape) for name, value in state.items()}
        decoder = {f"decoder.{name}": shape for name, shape in published(f"stylegan2_{domain}_{size}").items()}
        assert shapes == published(f"e4e_encoder_{domain}_{size}") | decoder


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


def test_the_gallery_is_drawn_once(pack: Pack, installed: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_CACHE", str(tmp_path))
        first = full.cached_gallery(pack.generator, pack.clip, 3, "key")
        patch.setattr(full, "make_gallery", lambda *_: pytest.fail("the gallery was drawn again"))
        again = full.cached_gallery(pack.generator, pack.clip, 3, "key")
    assert torch.equal(first.w, again.w) and torch.equal(first.embeddings, again.embeddings)
    with torch.no_grad():
        seen = pack.clip.encode_image(pack.generator.synthesize(first.w[2:], full.GALLERY_PX))
    assert torch.allclose(seen, first.embeddings[2:], atol=1e-4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLECLIP_CACHE", str(tmp_path))
        (tmp_path / "galleries" / "key-3.safetensors").write_bytes(b"damaged")
        assert torch.equal(full.cached_gallery(pack.generator, pack.clip, 3, "key").w, first.w)
        assert len(list((tmp_path / "galleries").iterdir())) == 1


def test_other_weights_have_another_gallery(pack: Pack) -> None:
    network = torch.nn.Linear(2, 2)
    before = full.fingerprint(network, pack.identity.__self__)
    assert before == full.fingerprint(network, pack.identity.__self__)
    with torch.no_grad():
        network.weight[0, 0] += 1e-6
    assert full.fingerprint(network, pack.identity.__self__) != before


def test_an_edit_of_a_photo(studio: Studio) -> None:
    face = studio.invert(PORTRAIT, settings=INVERSION)
    assert face.w_plus.shape == (10, 512) and face.aligned.size == (1024, 1024) and face.image.size == (64, 64)
    edit = studio.optimize(face, "an old person", SHORT)
    assert edit.photo.size == face.photo.size and difference(edit.photo, face.photo) > 0
    assert edit.scores["identity"] <= 1 and all(np.isfinite(list(edit.scores.values())))


# StyleCLIP's own optimisation


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


def test_settings_that_are_no_numbers_are_refused(studio: Studio) -> None:
    for wrong in ({"resolution": None}, {"lr": "fast"}, {"steps": float("inf")}):
        with pytest.raises(BadSetting, match=f"{next(iter(wrong))} must be a number from 0 up"):
            studio.invert(PORTRAIT, settings=replace(INVERSION, **wrong))


def test_the_official_learning_rate() -> None:
    expected = {0: 0, 0.025: 0.5, 0.05: 1, 0.5: 1, 0.75: 1, 0.875: 0.5, 1: 0}
    assert {t: pytest.approx(ramp(t), abs=1e-9) for t in expected} == expected


def test_the_official_optimisation_needs_clip(pack: Pack, face) -> None:
    with pytest.raises(UnsupportedByPack, match="needs CLIP"):
        Studio(replace(pack, clip=FaceCLIP())).optimize(face, "old", OfficialSettings())
    for wrong in ({"steps": 0}, {"lr": float("nan")}, {"l2": None}):
        with pytest.raises(BadSetting, match="must be"):
            Studio(pack).optimize(face, "old", OfficialSettings(**wrong))


def test_from_the_command_line(
    pack: Pack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(packs, "full_pack", lambda *_: pack)  # which was loaded once
    made, photo, scores = (str(tmp_path / name) for name in ("face.png", "edit.png", "scores.json"))
    assert cli.main(["random", "--pack", "full", "-o", made]) == 0
    assert "minutes" in capsys.readouterr().err and Image.open(made).size == (64, 64)
    short = ["--steps", "2", "--inversion-steps", "2", "--pack", "full"]
    arguments = ["edit", str(PORTRAIT), "old", "-o", photo, "--scores", scores, "--official", *short]
    assert cli.main(arguments) == 0, capsys.readouterr().err
    said = capsys.readouterr()
    assert said.out.startswith(photo) and "Editing" in said.err
    assert Image.open(photo).size == Image.open(PORTRAIT).size and "identity" in json.loads(Path(scores).read_text())


# Cars and churches


def test_a_church(church: Pack, tmp_path: Path) -> None:
    assert (church.domain, church.identity, church.parser) == ("church", None, None)
    assert church.generator.convs[-1][0].weight.dtype == torch.bfloat16
    studio = Studio(church)
    photo = Image.effect_noise((300, 200), 80).convert("RGB")
    with pytest.raises(UnsupportedByPack, match="draws no faces"):
        studio.find_faces(photo)
    with pytest.raises(BadSetting, match="middle of the photo"):
        studio.invert(photo, face=1)
    found = studio.invert(photo, settings=INVERSION)
    assert found.image.size == found.aligned.size == (64, 64) and found.faces == 1
    assert difference(found.aligned, photo.crop((50, 0, 250, 200)).resize((64, 64), Image.LANCZOS)) < 1
    for settings in (SHORT, OfficialSettings(steps=3)):
        edit = studio.optimize(found, "a church in the snow", settings)
        assert "identity" not in edit.scores and np.isfinite(edit.scores["similarity_after"])
        sides = [(0, 0, 50, 200), (250, 0, 300, 200)]
        assert all(difference(edit.photo.crop(side), photo.crop(side)) == 0 for side in sides)


def test_a_car_lies_between_black_bars() -> None:
    photo = Image.effect_noise((640, 500), 80).convert("RGB")
    square, alignment, count = cut_out(photo, "car", 512)
    assert (square.size, count, alignment.size) == ((512, 512), 1, 512)
    pixels = np.asarray(square)
    assert pixels[:64].max() == pixels[448:].max() == 0 and pixels[64:448].std() > 20
    middle = photo.crop((0, 10, 640, 490)).resize((512, 384), Image.LANCZOS)
    assert difference(square.crop((0, 64, 512, 448)), middle) < 1
    red = Image.new("RGB", square.size, "red")
    put = put_back(photo, red, alignment, "car", square)
    for rows in ((0, 0, 640, 8), (0, 492, 640, 500)):
        assert difference(put.crop(rows), photo.crop(rows)) == 0, "the photo above and below the car is not the car"
    assert np.asarray(put)[250, 320].tolist() == [255, 0, 0] or difference(put, photo) > 20


# Which pack


@pytest.mark.parametrize(
    ("available", "reachable", "trouble", "name", "note"),
    [
        (True, False, None, "full", "as loaded"),
        (False, True, None, "full", "as loaded"),
        (False, False, None, "compact", "neither here nor to be had from the Hub"),
        (True, True, WeightsUnavailable("The disk of the Hub is on fire."), "compact", "on fire"),
        (True, True, OutOfMemory("The GPU is small."), "compact", "is small"),
    ],
)
def test_auto_on_a_gpu(pack, monkeypatch, available, reachable, trouble, name, note) -> None:
    def load(name: str, device: torch.device, *_: object) -> Pack:
        assert device.type == "cuda"
        if name == "full" and trouble:
            raise trouble
        return replace(pack, name=name, note="as loaded")

    monkeypatch.setattr(packs, "_load", load)
    monkeypatch.setattr(packs, "choose_device", lambda _: torch.device("cuda", 0))
    monkeypatch.setattr(packs, "set_precision", lambda *_: torch.float32)
    monkeypatch.setattr(weights, "available", lambda _: available)
    monkeypatch.setattr(weights, "reachable", lambda _: reachable)
    chosen = load_pack("auto")
    assert chosen.name == name and note in chosen.note


def test_precisions() -> None:
    kinds = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [kind.fp32_precision for kind in kinds]
    cuda = torch.device("cuda", 0)
    try:
        assert devices.set_precision("fp32", cuda) == torch.float32
        assert {kind.fp32_precision for kind in kinds} == {"ieee"}
        assert devices.set_precision("auto", cuda) == torch.float32
        assert {kind.fp32_precision for kind in kinds} == {"tf32"}
        assert devices.set_precision("bf16", torch.device("cpu")) == torch.bfloat16
    finally:
        for kind, value in zip(kinds, before, strict=True):
            kind.fp32_precision = value


def test_auto_without_a_gpu(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_load", lambda name, *_: replace(pack, name=name, note=""))
    chosen = load_pack("auto", "cpu")
    assert chosen.name == "compact" and "there is no GPU" in chosen.note
    with pytest.raises(BadSetting, match="bf16"):
        load_pack("auto", "cpu", "fp8")


def test_weights_that_cannot_be_had(cache: Path, tmp_path: Path) -> None:
    elsewhere = {name: value for name, value in os.environ.items() if name != "STYLECLIP_WEIGHTS"}
    offline = elsewhere | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "STYLECLIP_CACHE": str(cache)}
    command = [sys.executable, str(ROOT / "app.py"), "--pack", "full", "--device", "cpu"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=offline)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert re.search(r"Could not download e4e_ffhq_encode.pt .*HF_HUB_OFFLINE.*STYLECLIP_WEIGHTS", result.stderr)


# Memory


def test_the_allocators_complaints_are_known() -> None:
    with pytest.raises(RuntimeError) as cpu:
        torch.empty(1 << 46)
    gpu = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    for error in (cpu.value, gpu, MemoryError(), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")):
        assert devices.is_out_of_memory(error)
        with pytest.raises(OutOfMemory, match="too little free memory.*--pack compact"):
            with devices.memory_errors(torch.device("cpu")):
                raise error
    assert not devices.is_out_of_memory(RuntimeError("shapes do not fit"))
    with pytest.raises(ZeroDivisionError), devices.memory_errors(torch.device("cpu")):
        raise ZeroDivisionError


def greedy(limit: int, asked: list, held: list):
    """`path_a.optimize` on a machine that has memory for pictures up to a limit."""
    optimize = path_a.optimize

    def steps(pack: Pack, code: torch.Tensor, prompt: str, settings: OptimizeSettings, blend=None):
        asked.append(settings)
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        if settings.resolution > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        yield from optimize(pack, code, prompt, settings, blend)

    return steps


def test_an_edit_that_does_not_fit_is_tried_coarser(studio: Studio, face, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, held = [], []
    monkeypatch.setattr(path_a, "optimize", greedy(128, asked, held))
    reports = list(studio.optimize_steps(face, "old", replace(SHORT, views=3)))
    assert [(settings.resolution, settings.views) for settings in asked] == [(256, 3), (128, 1)]
    assert {r.stage for r in reports if isinstance(r, Progress)} == {"Editing (coarser, since memory ran out)"}
    assert reports[-1].image.size == (64, 64)


def test_what_cannot_be_done_is_said_and_its_memory_freed(studio: Studio, face, monkeypatch) -> None:
    asked, held = [], []
    monkeypatch.setattr(path_a, "optimize", greedy(64, asked, held))
    with pytest.raises(OutOfMemory, match="This computer has too little") as raised:
        studio.optimize(face, "old", SHORT)
    assert len(asked) == 2
    gc.collect()
    assert [reference() for reference in held] == [None, None], "the error must not hold what the edit held"
    assert raised.value.__cause__ is not None


def test_a_gallery_that_does_not_fit_is_drawn_in_smaller_batches(pack: Pack) -> None:
    sizes = []

    class Small:
        w_avg, map = pack.generator.w_avg, staticmethod(pack.generator.map)

        def synthesize(self, w: torch.Tensor, resolution: int) -> torch.Tensor:
            sizes.append(len(w))
            if len(w) > 1:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
            return pack.generator.synthesize(w, resolution)

    gallery = full.make_gallery(Small(), pack.clip, 3)
    assert sizes == [2, 1, 1, 1] and gallery.embeddings.shape == (3, 512)
    assert torch.allclose(gallery.w, full.make_gallery(pack.generator, pack.clip, 3).w)


# Faster drawing


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


# At full size, and in the browser


def test_at_full_size(installed: pytest.MonkeyPatch, pack: Pack, tmp_path: Path) -> None:
    """The layouts as they are published, 1024 px, in bfloat16 where that is usual."""
    synthetic_pack.write(tmp_path, ["e4e_ffhq_encode.pt"], 1024, narrow=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full, "GALLERY_CPU", 2)
        patch.setitem(weights.CHECKPOINTS, "e4e_ffhq_encode.pt", synthetic_pack.table(tmp_path)["e4e_ffhq_encode.pt"])
        patch.setattr(weights, "_places", own_first(tmp_path, weights._places))
        large = load_pack("full", "cpu", clip=pack.clip)
    studio = Studio(large)
    face = studio.random_face(1)
    assert face.w_plus.shape == (18, 512) and face.image.size == (1024, 1024)
    assert large.encoder(to_tensor(face.image)).isfinite().all()
    edit = studio.optimize(face, "old", replace(SHORT, steps=1))
    assert edit.image.size == (1024, 1024) and np.isfinite(edit.scores["distance"])


def own_first(folder: Path, places):
    return lambda checkpoint: [*(file for file in [folder / checkpoint.name] if file.is_file()), *places(checkpoint)]


def test_the_app(folder: Path, cache: Path, pack: Pack, tmp_path: Path) -> None:
    program = [str(ROOT / "tests" / "synthetic_pack.py"), str(folder), str(ROOT / "app.py"), "--pack", "full"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLECLIP_CACHE": str(cache)}
    (tmp_path / "app").mkdir()
    with serve(tmp_path / "app", [*program, "--device", "cpu"], environment) as url, chromium(tmp_path) as browser:
        page = Page(browser, url)
        assert "minutes with this pack" in page.find("#head").text
        page.upload(PORTRAIT)
        page.wait_for("One face found")
        page.ask("an old person", steps=1)
        said = page.wait_for("Done")
        assert any("code" in text for text in said) and any("Editing" in text for text in said)
        assert "same person" in page.find("#numbers").text
        assert page.picture("#pasted img").size == Image.open(PORTRAIT).size

        client = Client(url, verbose=False, download_files=tmp_path)
        made = client.predict(3, api_name="/random_face")
        aligned, _, numbers = client.predict(handle_file(made), "a smile", 1, 1, 0, api_name="/edit")
        assert Image.open(aligned).size == (64, 64) and numbers["identity"] <= 1


def test_a_page_for_churches(church: Pack) -> None:
    page = app.build_app(Studio(replace(church, note="Made of <noise>.")))
    shown = " ".join(str(block.get_config()) for block in page.blocks.values())
    assert "What should the church look like?" in shown and "&lt;noise&gt;" in shown
    assert "woman_indoors" not in shown and "smiling" not in shown
    status, *_ = app.look(Studio(church), str(PORTRAIT), None)
    assert "middle" in status


def test_jobs_run_in_a_forked_process_too() -> None:
    code = (
        "import os\nfrom styleclip_app.session import in_worker\n"
        "assert list(in_worker(x for x in 'ab')) == ['a', 'b']\n"
        "child = os.fork()\n"
        "if child == 0:\n    os._exit(0 if list(in_worker(x for x in 'cd')) == ['c', 'd'] else 1)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_numbers_without_an_identity() -> None:
    scores = {"similarity_before": 0.0, "similarity_after": 1.0, "distance": 0.1, "seconds": 1.0}
    face = SimpleNamespace(seconds=2.0)
    assert "same person" not in numbers_html(scores, face)
    assert "same person" in numbers_html(scores | {"identity": 0.9}, face)


def test_the_benchmark_prints_its_tables(capsys: pytest.CaptureFixture) -> None:
    gpu.main("--device cpu --resolution 32 --clip ViT-S-32-alt --steps 1 --speedups eager graph --runs 1".split())
    said = capsys.readouterr().out
    for row in ("path A, one view", "official", "fp32 ", "fp32 eager", "fp32 graph"):
        assert re.search(rf"^{row} +\d+\.\d", said, re.M), said
    assert "need a GPU" in said
