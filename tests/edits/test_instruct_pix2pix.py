"""InstructPix2Pix on a tiny pipeline of random weights, made here from its configuration."""

import functools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

from styleclip_core import cli
from styleclip_core.edits import instruct_pix2pix
from styleclip_core.edits.instruct_pix2pix import FOLDER, HUB, edit_picture
from styleclip_core.errors import BadCheckpoint, BadSetting, EmptyPrompt, UnsupportedByPack, WeightsUnavailable
from styleclip_core.evaluation import methods
from styleclip_core.evaluation.methods import METHODS, TASKS
from styleclip_core.results import Face
from styleclip_core.settings import InstructSettings
from styleclip_core.studio import Studio
from support.browser import difference

diffusers = pytest.importorskip("diffusers", reason="the extra diffusion is not installed")
transformers = pytest.importorskip("transformers", reason="the extra diffusion is not installed")
QUICK = InstructSettings(steps=2, size=64)
EXAMPLE = Path(__file__).parents[2] / "examples" / "woman_indoors.jpg"


def tokenizer(folder: Path):
    """CLIP's kind of tokenizer that knows letters only."""
    letters = [chr(i) for i in range(33, 127)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that $STYLECLIP_WEIGHTS names, with the pipeline in it."""
    place = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    words = tokenizer(place / "words")
    text = transformers.CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=8,
        in_channels=8,  # the noise and the picture
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
    )
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(
        vae,
        transformers.CLIPTextModel(text),
        words,
        unet,
        diffusers.EulerAncestralDiscreteScheduler(),
        None,
        None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(place / FOLDER)
    shutil.rmtree(place / "words")
    return place


@pytest.fixture
def at_hand(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STYLECLIP_WEIGHTS", str(saved))
    instruct_pix2pix._load.cache_clear()
    return saved / FOLDER


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights on this machine, and no way to the Hub."""
    monkeypatch.delenv("STYLECLIP_WEIGHTS", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    instruct_pix2pix._load.cache_clear()


def test_a_picture_is_edited_at_its_own_size_and_repeatably(at_hand: Path) -> None:
    with Image.open(EXAMPLE) as photo:
        picture = photo.resize((120, 90))
    once, again = (edit_picture(picture, "make her smile", QUICK) for _ in range(2))
    assert once.size == (120, 90) and difference(once, again) == 0
    assert difference(once, edit_picture(picture, "make her smile", InstructSettings(steps=2, size=64, seed=1))) > 1


def test_picture_and_instruction_both_matter(at_hand: Path) -> None:
    with Image.open(EXAMPLE) as photo:
        picture = photo.resize((64, 64))
    base = edit_picture(picture, "make her smile", QUICK)
    assert difference(base, edit_picture(picture, "zzz", QUICK)) > 0.05
    assert difference(base, edit_picture(Image.new("RGB", (64, 64), "red"), "make her smile", QUICK)) > 1
    with pytest.raises(EmptyPrompt):
        edit_picture(picture, "  ", QUICK)


def test_settings_are_checked() -> None:
    for wrong in ({"size": 100}, {"image": 0.5}, {"steps": 0}):
        with pytest.raises(BadSetting):
            InstructSettings(**wrong)


def test_weights_as_pickles_are_refused(at_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the same weights as .bin is not read, since such a file can run code."""
    copy = shutil.copytree(at_hand, tmp_path / FOLDER)
    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()

    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"x": Bomb()}, copy / "unet" / "diffusion_pytorch_model.bin")
    monkeypatch.setenv("STYLECLIP_WEIGHTS", str(tmp_path))
    with pytest.raises(BadCheckpoint, match="safetensors"):
        edit_picture(Image.new("RGB", (64, 64)), "smile", QUICK)
    assert not (tmp_path / "ran").exists()


def test_code_beside_the_weights_is_not_run(at_hand: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(at_hand, tmp_path / FOLDER)
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {"unet": ["mine", "Unet"]}))
    for name in ("mine.py", "unet/mine.py", "pipeline.py"):
        (copy / name).write_text(
            f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nclass Unet: ...\n"
        )
    monkeypatch.setenv("STYLECLIP_WEIGHTS", str(tmp_path))
    with pytest.raises(BadCheckpoint):
        edit_picture(Image.new("RGB", (64, 64)), "smile", QUICK)
    assert not (tmp_path / "ran").exists()


def test_without_weights_it_says_where_to_get_them(nothing: None) -> None:
    assert not instruct_pix2pix.at_hand()
    with pytest.raises(WeightsUnavailable, match=f"Fetch {HUB} .* STYLECLIP_WEIGHTS"):
        edit_picture(Image.new("RGB", (64, 64)), "smile", QUICK)


def test_without_the_extra_it_says_what_to_install(at_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruct_pix2pix, "find_spec", lambda name: None)
    assert not instruct_pix2pix.at_hand()
    with pytest.raises(UnsupportedByPack, match=r"pip install 'styleclip-studio\[diffusion\]'"):
        edit_picture(Image.new("RGB", (64, 64)), "smile", QUICK)


def test_the_command_pastes_the_edit_back(
    at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("styleclip_core.studio.load_studio", lambda *names: pytest.fail("it needs no pack"))
    out, aligned, mask = tmp_path / "out.png", tmp_path / "face.png", tmp_path / "mask.png"
    drawn = Image.new("L", (1024, 1024))
    drawn.paste(255, (300, 500, 700, 900))
    drawn.save(mask)
    method = ["--method", "instruct-pix2pix", "--set", "size=64", "--steps", "2"]
    edit = ["edit", str(EXAMPLE), "make her smile", "-o", str(out), *method]
    assert cli.main([*edit, "--aligned", str(aligned), "--mask", str(mask), "--scores", str(tmp_path / "s.json")]) == 0
    photo, edited = np.asarray(Image.open(EXAMPLE).convert("RGB"), int), np.asarray(Image.open(out), int)
    assert edited.shape == photo.shape and Image.open(aligned).size == (1024, 1024)
    changed = np.abs(edited - photo).max(-1) > 8
    assert 0 < changed.mean() < 0.5 and not changed[:5].any()
    assert json.loads((tmp_path / "s.json").read_text())["seconds"] > 0
    for more, said in (
        (["--latent", "x.npz"], "no code"),
        (["--region", "hair"], "--mask"),
        (["--seed", "-1"], "seed"),
    ):
        assert cli.main([*edit, *more]) == 2
        assert said in capsys.readouterr().err


def test_the_benchmark_has_it_where_its_weights_are(at_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At rising guidance by the instruction, and on the photo itself rather than on its inversion."""
    method, device = METHODS["instruct-pix2pix"], torch.device("cpu")
    studio = cast(Studio, SimpleNamespace(pack=SimpleNamespace(device=device)))
    with Image.open(EXAMPLE) as photo:
        face = Face(torch.zeros(18, 512), Image.new("RGB", (64, 64)), aligned=photo.resize((64, 64)))
    monkeypatch.setattr(methods, "InstructSettings", functools.partial(InstructSettings, size=64))
    assert method.can(studio, TASKS[1])
    weak, strong = method.edits(studio, face, TASKS[1], (3.0, 15.0), 2)
    assert weak.start is strong.start is face.aligned and (weak.strength, strong.strength) == (3.0, 15.0)
    assert difference(weak.image, strong.image) > 0.05 and weak.seconds > 0
    monkeypatch.delenv("STYLECLIP_WEIGHTS")
    assert not method.can(studio, TASKS[1])
