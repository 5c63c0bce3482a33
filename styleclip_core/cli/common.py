"""What the commands share: how they are declared, their progress bars, and how they write results.

A command is a function of the parsed arguments under `@command`. It imports what it needs itself, so that `--help`
answers at once, and it returns the exit code or None for 0.
"""

from __future__ import annotations

import argparse
import errno
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from styleclip_core.errors import BadSetting, DiskFull

if TYPE_CHECKING:
    from PIL import Image

    from styleclip_core.results import Edit, Face

PROG = "python -m styleclip_core"
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Command:
    run: Callable[[argparse.Namespace], int | None]
    arguments: tuple[tuple[tuple[str, ...], dict[str, Any]], ...]
    examples: str


COMMANDS: dict[str, Command] = {}


def arg(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """An argument of a command, written as for `ArgumentParser.add_argument`."""
    return names, options


def command(*arguments: tuple, examples: str) -> Callable:
    """Make a function a command: its name is the command's, its docstring the help, `examples` are shown below it."""

    def register(function: Callable) -> Callable:
        COMMANDS[function.__name__.replace("_", "-")] = Command(function, arguments, examples)
        return function

    return register


SEED = arg("--seed", type=int, default=0, help="(default: 0)")
PACK = arg(
    "--pack",
    default="auto",
    help="which networks to use: compact, full, car, church, or auto, which is full "
    "on a GPU if its weights can be had, else compact (default: auto)",
)
DEVICE = arg("--device", default="auto", help="cpu, cuda, cuda:1 or auto (default: auto)")
PRECISION = arg(
    "--precision",
    default="auto",
    help="fp32, tf32, bf16, fp16 or auto, which is tf32 on a GPU, else fp32 (default: auto)",
)
NETWORKS = PACK, DEVICE, PRECISION


def watch(steps: Iterator) -> Any:
    """Go through the steps, with a bar on stderr for each stage, and return the last, which is the result."""
    from tqdm import tqdm

    from styleclip_core.results import Progress

    bar, step = None, None
    try:
        for step in steps:
            if isinstance(step, Progress):
                if bar is None or bar.desc != f"{step.stage}: ":
                    bar = bar and bar.close()
                    bar = tqdm(total=step.steps, desc=step.stage, unit="step", dynamic_ncols=True, leave=False)
                bar.update(step.step - bar.n)
    finally:
        if bar is not None:
            bar.close()
    return step


def check_output(path: str | None, suffixes: tuple[str, ...]) -> None:
    """Raise BadSetting, before the long work, if a result could not be written there."""
    if path is None:
        return
    if Path(path).suffix.lower() not in suffixes:
        raise BadSetting(f"{path} must end in {' or '.join(suffixes)}.")
    if not Path(path).absolute().parent.is_dir():
        raise BadSetting(f"There is no folder {Path(path).absolute().parent}; make it first.")


def read_text(path: str) -> str:
    """The text of a small file. Raises BadSetting."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1_000_000)
    except OSError as error:
        raise BadSetting(f"{path} cannot be read ({error.strerror or error}); check the path.") from error


def save(image: Image.Image, path: str) -> None:
    image.save(path, quality=95)


def write(path: str | None, action: Callable[[], Any]) -> None:
    """Write a result if a path was given. Raises DiskFull, BadSetting."""
    if path is None:
        return
    try:
        action()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no room left to write {path}; free some space and try again.") from error
        raise BadSetting(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error


def check_results(args: argparse.Namespace) -> None:
    """Raise BadSetting, before the long work, if a result could not be written."""
    for path, suffixes in (
        (args.output, PICTURES),
        (args.aligned, PICTURES),
        (args.latent, (".npz",)),
        (args.scores, (".json",)),
    ):
        check_output(path, suffixes)


def write_results(args: argparse.Namespace, face: Face, result: Edit) -> None:
    """Write what was asked for, and say how it went. Raises DiskFull, BadSetting."""
    from styleclip_core.studio import save_latent

    scores = result.scores
    write(args.output, lambda: save(result.photo, args.output))
    write(args.aligned, lambda: save(result.image, args.aligned))
    write(args.latent, lambda: save_latent(result.latent, args.latent))
    write(args.scores, lambda: Path(args.scores).write_text(json.dumps(scores, indent=2) + "\n"))
    said = []
    if "similarity_after" in scores:
        said.append(f"prompt match {scores['similarity_before']:+.1f} -> {scores['similarity_after']:+.1f}")
    if "identity" in scores:
        said.append(f"identity {scores['identity']:.2f}")
    said.append(f"{face.seconds + scores['seconds']:.0f} s")
    print(f"{args.output}: {', '.join(said)}")


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit_resolution(2, f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.\n")
