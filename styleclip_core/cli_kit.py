"""What the commands share: how they are declared, their progress bars, and how they write results.

A command is a function of the parsed arguments under `@command`. It imports what it needs itself, so that `--help`
answers at once, and it returns the exit code or None for 0.
"""

from __future__ import annotations

import argparse
import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from styleclip_core.errors import BadSetting, DiskFull

if TYPE_CHECKING:
    from PIL import Image

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


def watch(steps: Iterator) -> Any:
    """Go through the steps, with a bar on stderr for each stage, and return the last, which is the result."""
    from tqdm import tqdm

    from styleclip_core.studio import Progress

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


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.\n")
