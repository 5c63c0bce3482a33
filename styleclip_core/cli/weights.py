"""The command that keeps the checkpoints: weights."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from styleclip_core.cli.typer_kit import command

app = typer.Typer()


@command(
    app,
    "Studio",
    examples="""
  {prog} weights list
  {prog} weights fetch full
  {prog} weights verify face_landmarker.task

  # Without the Hub: a folder with the published files in it
  STYLECLIP_WEIGHTS=~/weights {prog} weights verify full
""",
)
def weights(
    action: Annotated[
        Literal["list", "fetch", "verify"],
        typer.Argument(help="Show the table, fetch what is missing, or hash all files."),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Names or packs of the table. Default: fetch compact; verify what is here.",
        ),
    ] = None,
) -> int | None:
    """List, fetch or verify the checkpoints."""
    from styleclip_core import weights

    what = names[0] if names and len(names) == 1 else names
    if action == "list":
        print(weights.describe())
    elif action == "fetch":
        print("\n".join(map(str, weights.fetch(what or "compact"))))
    else:
        states = weights.verify(what or "all")
        print("\n".join(f"{state:9}{name}" for name, state in states.items()))
        bad = {"damaged", "missing"} if what else {"damaged"}
        return 1 if bad & set(states.values()) else 0
    return None
