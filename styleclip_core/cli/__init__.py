"""The command line."""

from styleclip_core.cli.edit import main

__all__ = ["main"]
