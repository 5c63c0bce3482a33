"""The command line: `styleclip COMMAND ...`, or `python -m styleclip_core COMMAND ...` in a clone."""

from __future__ import annotations

import sys

import typer
from typer.main import get_command

from styleclip_core.cli import app, batch, benchmark, edit, faces, hair, train, train_mapper, video, weights
from styleclip_core.cli.typer_kit import PROG, Group, sentence
from styleclip_core.errors import StudioError

__all__ = ["main"]


def commands() -> typer.Typer:
    """All commands, one module a group. Completion is for the installed command alone."""
    top = typer.Typer(
        cls=Group,
        add_completion=PROG == "styleclip",
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for group in (edit, hair, batch, video, faces, app, weights, benchmark, train_mapper, train):
        top.add_typer(group.app)

    @top.callback()
    def describe() -> None:
        """Edit face photos by prompts."""

    return top


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit code: 0, 1 (weights verify found something), 2 (user's error), 3 (of some
    photos of a batch nothing came), 130 (Ctrl-C)."""
    code = 0
    try:
        code = get_command(commands())(argv, prog_name=PROG, standalone_mode=False) or 0
    except typer.TyperException as error:
        print(sentence(error), file=sys.stderr)
        return 2
    except StudioError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        code = 130
    if code == 130:  # typer turns an interrupt inside a command into this code
        print("Cancelled.", file=sys.stderr)
        # An interrupt that passed through an exec() of text (an import of dataclasses, say) leaves CPython's mark for
        # "unhandled", and the process would end by the signal instead of 130. The next exec() takes the mark away.
        exec("")
    return code
