"""The endpoints as tools of language models, over MCP (Model Context Protocol). Needs the extra `mcp`."""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path
from typing import Any

import gradio.mcp
from anyio.to_thread import run_sync
from PIL import Image, PngImagePlugin

MAX_SIDE = 1568  # px of pictures in answers: what models look at; the full ones are at the address beside them


class ToolServer(gradio.mcp.GradioMCPServer):
    """Gradio's server, but for tools with several results, whose pictures keep the note that AI made them."""

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        """What a tool gives, one after the other; gradio's own takes them for a single result and fails."""
        return list(await run_sync(job.result))

    @staticmethod
    def get_base64_data(image: Image.Image, format: str) -> str:
        return encoded(image, format)


def use_tool_server() -> None:
    """To be called before `launch(mcp_server=True)`."""
    gradio.mcp.GradioMCPServer = ToolServer
    warnings.filterwarnings("ignore", message=".*gr.State input")  # each call has its photo; no face is remembered


def encoded(picture: Image.Image, form: str) -> str:
    """A picture that was opened from a file, in base64, for an answer.

    Gradio would encode the picture anew and lose the note in it. Those that are larger than models look at are reduced.
    """
    if max(picture.size) <= MAX_SIDE or form.upper() != "PNG":
        return base64.b64encode(Path(getattr(picture, "filename", "")).read_bytes()).decode()
    small, file, kept = picture.copy(), io.BytesIO(), PngImagePlugin.PngInfo()
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    kept.add_itxt("XML:com.adobe.xmp", picture.info.get("xmp", b"").decode())
    small.save(file, "PNG", pnginfo=kept)
    return base64.b64encode(file.getvalue()).decode()
