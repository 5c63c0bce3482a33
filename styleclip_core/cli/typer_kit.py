"""What this command line adds to typer: examples in the help, list options, and errors of one sentence.

A command is a function under `@command`. It imports what it needs itself, so that `--help` answers at once, and it
returns the exit code or None for 0. A parameter whose type is a dataclass stands for an option for each of its fields:
so commands share options.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_type_hints

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
    register = app.command(name, cls=kind, rich_help_panel=panel)

    def decorate(function: Function) -> Function:
        register(_spread(function))
        return function

    return decorate


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of keywords in which the fields of dataclasses stand in place of the parameters of these types."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint) and name != "return"}
    parameters = list[inspect.Parameter]()
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY, annotation=hints[name]))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        parameters += [_parameter(field, types[field.name]) for field in fields(groups[name])]

    @functools.wraps(function)
    def spread(**values: Any) -> Any:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return function(**values, **made)

    spread.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    spread.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return spread


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def sentence(error: typer.TyperException) -> str:
    """What to say about an error of usage, on one line, with the help to look at."""
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")  # pydantic's prefix
    path = getattr(getattr(error, "ctx", None), "command_path", PROG)
    if message == "Missing command":
        message = "A COMMAND is missing"
    return f"{message}; see `{path} --help`."
