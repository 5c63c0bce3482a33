"""The command line in processes of its own: what it refuses, how it ends, and one small real edit."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
import types
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from styleclip_core import cli, weights
from styleclip_core.cli import train, train_mapper
from styleclip_core.cli.typer_kit import repeat_options
from styleclip_core.errors import WeightsUnavailable
from styleclip_core.settings import InvertSettings, OptimizeSettings

PYTHON = [sys.executable, "-m", "styleclip_core"]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def call(*args: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run([*PYTHON, *args], capture_output=True, text=True, cwd=folder, env=ENVIRONMENT, timeout=300)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    result = call("random", "--seed", "3", "-o", "face.jpg", "--latent", "face.npz", folder=folder)
    assert result.returncode == 0, result.stderr
    assert Image.open(folder / "face.jpg").size == (1024, 1024)
    assert np.load(folder / "face.npz")["w_plus"].shape == (18, 512)
    return folder / "face.jpg"


@pytest.mark.parametrize("args", [["--help"], ["edit", "--help"], ["app", "--help"], ["dance"]])
def test_help_needs_no_networks(args: list[str]) -> None:
    slow = {"torch", "numpy", "gradio", "pydantic"}
    code = f"import sys; from styleclip_core import cli; cli.main({args}); print('loaded', {slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "loaded set()", done.stderr


COMMANDS = """edit batch slide sliders random invert app weights synthesize measure-faces train-face-clip fit-heads
train-encoder train-directions train-parser fit-identity train-mapper measure-effects train-concepts
optimise-faces tune-face-clip""".split()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture) -> None:
    assert cli.main([name, "--help"]) == 0
    assert f"python -m styleclip_core {name}" in capsys.readouterr().out.split("examples:")[1]


def test_help_states_the_defaults_of_the_settings(capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["edit", "-h"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for default in (InvertSettings.steps, InvertSettings.faithful, f"({OptimizeSettings.steps}, with --official"):
        assert f"[default: {default}" in said


@pytest.mark.parametrize(
    ("command", "module", "function"),
    [
        ("synthesize", "synthesize", "synthesize"),
        ("train_face_clip", "face_clip", "run"),
        ("fit_heads", "heads", "run"),
        ("train_encoder", "encoder", "run"),
        ("train_parser", "parser", "run"),
        ("fit_identity", "identity", "run"),
        ("measure_effects", "effects", "run"),
        ("train_concepts", "concepts", "run"),
        ("optimise_faces", "edited_faces", "run"),
        ("train_mapper", "mapper", "MapperSettings"),
    ],
)
def test_the_commands_of_training_have_the_defaults_of_its_functions(command: str, module: str, function: str) -> None:
    commands = train_mapper if command == "train_mapper" else train
    behind = getattr(import_module(f"styleclip_core.training.{module}"), function)
    asked, called = (inspect.signature(each).parameters for each in (getattr(commands, command), behind))
    shared = {name for name in asked.keys() & called.keys() if called[name].default is not inspect.Parameter.empty}
    assert shared
    for name in shared - {"levels"}:  # None stands for all of them
        assert asked[name].default == called[name].default, name


def test_a_list_option_takes_all_words_up_to_the_next_option() -> None:
    args = "edit a.jpg --set x=1 y=2 --steps 3 --set z=-1 -o out.png".split()
    spread = "edit a.jpg --set x=1 --set y=2 --steps 3 --set z=-1 -o out.png".split()
    assert repeat_options(args, {"--set"}) == spread
    assert repeat_options(["--set", "-1", "b", "--", "--set", "c", "d"], {"--set"})[2:] == "b -- --set c d".split()


def test_app_passes_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    page, given = types.ModuleType("app"), []
    page.main = lambda argv: given.extend(argv)
    monkeypatch.setitem(sys.modules, "app", page)
    assert cli.main(["app", "--pack", "compact", "--port", "8000", "--mcp"]) == 0
    networks = "--pack=compact --device=auto --precision=auto"
    assert given == f"{networks} --speedup auto --port 8000 --mcp".split()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["edit", "face.jpg", "old"], "-o"),
        (["edit", "face.jpg", "old", "-o", "out.gif"], ".png or .jpg"),
        (["edit", "face.jpg", "old", "-o", "nowhere/out.png"], "no folder"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--latent", "code.pt"], ".npz"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--strength", "7"], "strength must be from 0 to 2"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--strength", "nan"], "strength"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--steps", "many"], "--steps"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--set", "identity=much"], "identity must be a number"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--set", "speed=1"], "identity, likeness"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--official", "--strength", "1"], "--strength is not"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--official", "--set", "clip=1"], "lr, l2, identity"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--method", "tedigan", "--set", "start=x"], "start must be one"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--method", "tedigan", "--seed", "1"], "TediGAN's optimisation"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--precision", "fp8"], "fp8"),
        (["edit", "face.jpg", "  ", "-o", "out.png"], "Type what to change"),
        (["edit", "face.jpg", "old" * 4000, "-o", "out.png"], "shorten"),
        (["random", "-o", "face"], "must end in"),
        (["random", "-o", "new.png", "--pack", "huge"], "'huge'"),
        (["invert", "face.jpg", "-o", "code.txt"], ".npz"),
        (["weights", "verify", "nothing"], "'nothing'"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--inversion-steps", "-1"], "steps must be a number from 0 up"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--mask", "gone.png"], "gone.png"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--pack", "compact", "--region", "tail"], "'tail'"),
        (["slide", "face.jpg", "mapper:smiling=1", "-o", "out.png", "--pack", "compact", "--region", "tail"], "'tail'"),
        (["edit", "face.jpg", "old", "-o", "out.png", "--pack", "compact", "--official"], "needs CLIP"),
        (["slide", "face.jpg", "smiling", "-o", "out.png"], "NAME=VALUE"),
        (["slide", "face.jpg", "mapper:wings=1", "-o", "out.png", "--pack", "compact"], "'wings'"),
        (["train-directions", "--parts", "ganspace", "interfacegan"], "needs the folder"),
        (["train-directions", "--parts", "ganspace", "nothing"], "'nothing'"),
        (["train-mapper", "purple", "--name", "a/b"], "--name"),
        (["weights", "eat"], "'eat'"),
        (["weights"], "list, fetch, verify"),
        (["dance"], "dance"),
        ([], "COMMAND"),
    ],
)
def test_bad_arguments_get_one_sentence(
    args: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main(args)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    assert code == 2 and said.out == "" and says in said.err and said.err.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_bad_photos_get_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.jpg").write_text("no picture")
    Image.new("RGB", (300, 300), "green").save("lawn.png")
    for photo, says in (("note.jpg", "not a picture"), ("lawn.png", "No face"), ("gone.jpg", "no file gone.jpg")):
        assert cli.main(["edit", photo, "old", "-o", "out.png"]) == 2
        assert says in capsys.readouterr().err
    assert not Path("out.png").exists()


def test_a_small_edit_writes_all_results(portrait: Path) -> None:
    folder = portrait.parent
    files = ["-o", "out.png", "--aligned", "aligned.webp", "--latent", "code.npz", "--scores", "scores.json"]
    short = ["--steps", "2", "--inversion-steps", "2", "--set", "views=1", "identity=0.5"]
    result = call("edit", "face.jpg", "a smiling person", *files, *short, folder=folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("out.png: prompt match") and "First picture" in result.stderr
    assert Image.open(folder / "out.png").size == Image.open(folder / "aligned.webp").size == (1024, 1024)
    edited, photo = (np.asarray(Image.open(folder / name), float) for name in ("out.png", "face.jpg"))
    assert np.abs(edited - photo).mean() > 0.5
    assert np.load(folder / "code.npz")["w_plus"].shape == (18, 512)
    scores = json.loads((folder / "scores.json").read_text())
    assert {"similarity_before", "similarity_after", "identity", "distance", "seconds"} <= scores.keys()
    assert "smil" in scores["report"]["text"] and scores["report"]["text"].replace("→", "->") in result.stdout


def test_invert_writes_code_and_picture(portrait: Path) -> None:
    files = ["-o", "found.npz", "--image", "found.png"]
    result = call("invert", "face.jpg", *files, "--inversion-steps", "2", folder=portrait.parent)
    assert result.returncode == 0, result.stderr
    assert np.isfinite(np.load(portrait.parent / "found.npz")["w_plus"]).all()
    assert Image.open(portrait.parent / "found.png").size == (1024, 1024)


def test_ctrl_c_ends_with_130(portrait: Path) -> None:
    command = [*PYTHON, "edit", "face.jpg", "old", "-o", "never.png"]
    process = subprocess.Popen(
        command,
        cwd=portrait.parent,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs inherit it ignored
    )
    said = b""
    while b"Finding" not in said:  # read bit by bit: the progress bar writes no line ends
        said += (bit := os.read(process.stderr.fileno(), 1000))
        assert bit, said.decode()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130 and b"Cancelled." in rest and b"Traceback" not in rest
    assert not (portrait.parent / "never.png").exists()


def test_weights_list_and_verify(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cli.main(["weights", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in weights.CHECKPOINTS)
    monkeypatch.setenv("STYLECLIP_CACHE", str(tmp_path))
    assert cli.main(["weights", "verify", "face_landmarker.task"]) == 1
    assert capsys.readouterr().out.split() == ["missing", "face_landmarker.task"]


def test_weights_that_cannot_be_fetched(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(what: object) -> None:
        raise WeightsUnavailable("Connect to the internet and try again.")

    monkeypatch.setattr(weights, "fetch", offline)
    assert cli.main(["weights", "fetch"]) == 2
    assert capsys.readouterr().err == "Connect to the internet and try again.\n"
