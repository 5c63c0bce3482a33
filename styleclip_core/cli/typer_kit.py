"""What this command line adds to typer: examples in the help, list options, and errors of one sentence.

A command is a function under `@command`. It imports what it needs itself, so that `--help` answers at once, and it
returns the exit code or None for 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

PROG = "styleclip" if Path(sys.argv[0]).stem == "styleclip" else "python -m styleclip_core"

Function = TypeVar("Function", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command whose help ends with its examples, and whose list options take every word up to the next option."""

    examples: ClassVar[str] = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        lists = {name for param in self.params if getattr(param, "multiple", False) for name in param.opts}
        return super().parse_args(ctx, repeat_options(args, lists))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        formatter.write(f"examples:\n{self.examples.format(prog=PROG)}")


class Group(TyperGroup):
    """The commands together, whose help ends with the examples of the first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if option := self.get_help_option(ctx):
            option.default = False  # None, typer's own, would be converted by pydantic, whose import takes 80 ms
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        first = next(command for command in self.commands.values() if isinstance(command, Command))
        formatter.write(f"examples:\n{first.examples.format(prog=PROG)}\n`{PROG} COMMAND --help` says more.\n")


def repeat_options(args: list[str], names: set[str]) -> list[str]:
    """Write ``--set a=1 b=2`` as typer wants it, ``--set a=1 --set b=2``, for the options of those names."""
    spread, repeated, complete = [], None, True
    for position, arg in enumerate(args):
        if arg == "--":
            return spread + args[position:]
        if arg.startswith("-") and len(arg) > 1:
            repeated, complete = (arg if arg in names else None), False
            spread.append(arg)
        elif repeated and complete:
            spread += [repeated, arg]
        else:
            spread.append(arg)
            complete = True
    return spread


def command(app: typer.Typer, panel: str, examples: str, name: str | None = None) -> Callable[[Function], Function]:
    """Make a function a command of ``app``, with its docstring as the help.

    Args:
        panel: the heading in the list of commands under which it stands.
        examples: shown below the help as they are; ``{prog}`` is how the program is called.
        name: of the command, by default the function's.
    """
    kind = type("Command", (Command,), {"examples": examples.lstrip("\n").join(("\n", ""))})
    return app.command(name, cls=kind, rich_help_panel=panel)  # type: ignore[return-value]


def sentence(error: typer.TyperException) -> str:
    """What to say about an error of usage, on one line, with the help to look at."""
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")  # pydantic's prefix
    path = getattr(getattr(error, "ctx", None), "command_path", PROG)
    if message == "Missing command":
        message = "A COMMAND is missing"
    return f"{message}; see `{path} --help`."
