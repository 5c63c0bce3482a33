"""The command that serves the web page: app."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from styleclip_core.cli.common import NETWORKS_PANEL, NetworkOptions
from styleclip_core.cli.typer_kit import command
from styleclip_core.errors import StudioError

app = typer.Typer()


@command(
    app,
    "Studio",
    examples="""
  {prog} app
  {prog} app --pack compact --port 8000

  # Also as tools of language models (MCP)
  {prog} app --mcp

  # For others than this machine
  GRADIO_SERVER_NAME=0.0.0.0 {prog} app
""",
    name="app",
)
def serve(
    *,
    networks: NetworkOptions,
    speedup: Annotated[
        str, typer.Option(help="eager, compile, graph or auto.", rich_help_panel=NETWORKS_PANEL)
    ] = "auto",
    port: Annotated[
        int | None, typer.Option(show_default="GRADIO_SERVER_PORT, or the first free one from 7860")
    ] = None,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Also offer the edits as tools to language models, by MCP.")
    ] = False,
) -> int | None:
    """Serve the studio's page at 127.0.0.1, or where GRADIO_SERVER_NAME says."""
    if find_spec("gradio") is None:
        raise StudioError("The page needs gradio: pip install 'styleclip-studio[app]'.")
    # An installed wheel holds app.py inside the package; in a clone it lies at the top.
    page = import_module("styleclip_app.__main__" if find_spec("styleclip_app.__main__") else "app")
    argv = [f"--{name}={value}" for name, value in vars(networks).items()] + ["--speedup", speedup]
    argv += [] if port is None else ["--port", str(port)]
    return page.main([*argv, "--mcp"] if mcp else argv)
