"""The app's tools, as a language model's client sees and calls them over HTTP."""

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from PIL import Image

from styleclip_core import Source, save_picture
from support.browser import ROOT, difference, serve
from support.pictures import gradient

pytest.importorskip("mcp", reason="the extra mcp is not installed")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("mcp"), [str(ROOT / "app.py"), "--pack", "compact", "--mcp"]) as address:
        yield address


def ask(url: str, name: str | None = None, **arguments: Any) -> Any:
    """The tools, or what calling one of them gives."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> Any:
        async with streamable_http_client(f"{url}gradio_api/mcp/") as (reads, writes, _):
            async with ClientSession(reads, writes) as session:
                await session.initialize()
                if name is None:
                    return (await session.list_tools()).tools
                return await session.call_tool(name, arguments)

    return asyncio.run(talk())


def test_the_tools_read_well(url: str) -> None:
    tools = {tool.name: tool for tool in ask(url)}
    assert set(tools) == {"random_face", "edit", "slide", "edit_region"}
    for tool in tools.values():
        properties = tool.inputSchema["properties"]
        assert tool.description and "partial" not in tool.description and "Returns:" in tool.description
        assert properties and all(len(value["description"]) > 15 for value in properties.values()), tool.name
    edit = tools["edit"].inputSchema
    assert set(edit["required"]) == {"photo", "prompt"} and edit["properties"]["strength"]["type"] == "number"
    assert tools["edit_region"].inputSchema["required"] == ["photo", "prompt"]


def test_the_api_page_shows_the_same(url: str) -> None:
    shown = Client(url, verbose=False).view_api(return_format="dict")
    assert isinstance(shown, dict)
    endpoints = shown["named_endpoints"]
    names = [parameter["parameter_name"] for parameter in endpoints["/edit"]["parameters"]]
    assert names == ["photo", "prompt", "strength", "steps", "seed", "region", "anyway"]
    assert endpoints["/edit"]["description"].startswith("Edit the largest face in a photo")


def test_a_photo_is_edited_and_comes_back(url: str) -> None:
    photo = (ROOT / "examples" / "woman_garden.jpg").read_bytes()
    given = "data:image/jpeg;base64," + base64.b64encode(photo).decode()
    answer = ask(url, "edit", photo=given, prompt="a person with blond hair", steps=0)
    assert not answer.isError, answer.content
    pictures = [Image.open(io.BytesIO(base64.b64decode(c.data))) for c in answer.content if c.type == "image"]
    texts = [content.text for content in answer.content if content.type == "text"]
    assert [picture.size for picture in pictures] == [(1024, 1024)] * 2 and "identity" in texts[-1]
    assert difference(pictures[1], Image.open(io.BytesIO(photo))) > 0.5
    for picture in pictures:
        assert picture.getxmp()["xmpmeta"]["RDF"]["Description"]["DigitalSourceType"] == Source.EDITED
    refused = ask(url, "edit", photo=given, prompt="  ")
    assert refused.isError and "Type what to change" in refused.content[0].text


def test_large_pictures_are_reduced_in_answers(tmp_path: Path) -> None:
    from styleclip_app.mcp import MAX_SIDE, encoded

    for size in ((64, 48), (3000, 2000)):
        save_picture(gradient(*size), tmp_path / "photo.png", Source.EDITED)
        with Image.open(tmp_path / "photo.png") as saved:
            answered = Image.open(io.BytesIO(base64.b64decode(encoded(saved, "png"))))
        assert max(answered.size) == min(max(size), MAX_SIDE)
        assert answered.getxmp()["xmpmeta"]["RDF"]["Description"]["DigitalSourceType"] == Source.EDITED


def test_without_the_extra_one_sentence_says_so(tmp_path: Path) -> None:
    without = "import sys; sys.modules['mcp'] = None; import importlib.util as u; find = u.find_spec; "
    without += (
        "u.find_spec = lambda name, *a: None if name == 'mcp' else find(name, *a); import app; app.main(['--mcp'])"
    )
    command = [sys.executable, "-c", without]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and "styleclip-studio[mcp]" in done.stderr and "Traceback" not in done.stderr
