"""A thousand hostile requests at a running app: refused in a line each; it reads nothing of others', and goes on."""

import json
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.browser import ROOT, serve

pytestmark = pytest.mark.slow

SECRET = "only the server may read this"
VALUES = [
    None,
    True,
    -1,
    1e308,
    10**40,
    "x",
    "",
    [],
    {},
    [[[]]],
    {"a": {"b": 1}},
    "NaN",
    "\0",
    "'; DROP TABLE",
    "\ud800",
]
STRANGE = ["x", 10**40, [], {"a": 1}, "\0", {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]
STRANGE += [{"path": "/dev/zero", "meta": {"_type": "gradio.FileData"}}, [["/etc/passwd", None]], -1e308]
PHOTO = (ROOT / "examples" / "woman_garden.jpg").read_bytes()
RAW = ["", "{", "null", "[]", '{"data":null}', '{"data":{}}', '{"data":"x"}', '{"data":[]}', '{"data":[NaN]}', "\xff"]
RAW += ['{"data":[1,2,3,4,5,6,7,8,9,10,11,12]}', '{"data":[' + "[" * 100_000 + "]" * 100_000 + "]}"]
PART = 'Content-Disposition: form-data; name="files"'
UPLOADS = [  # content type, body
    ("multipart/form-data", "x"),
    ("multipart/form-data; boundary=a", "x"),
    ("multipart/form-data; boundary=a", f"--a\r\n{PART}\r\n\r\nabc\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", f'--a\r\n{PART}; filename="{"a" * 5000}.png"\r\n\r\nabc\r\n--a--\r\n'),
    ("multipart/form-data; boundary=a", f'--a\r\n{PART}; filename="\0/x.png"\r\n\r\nabc'),
    ("multipart/form-data; boundary=" + "b" * 300, "--"),
    ("text/plain", "abc"),
]


class Caller:
    """Speaks to the app as no polite client would."""

    def __init__(self, url: str):
        self.http = httpx.Client(base_url=url, timeout=60, headers={"connection": "close"})
        self.asked = 0

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        self.asked += 1
        return self.http.request(method, f"gradio_api/{path}", **options)

    def upload(self, data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
        return file(self.ask("POST", "upload", files={"files": (name, data)}).json()[0])

    def call(self, name: str, data: list[Any] | None = None, raw: str = "") -> str:
        """What an endpoint says in the end."""
        body = json.dumps({"data": data}) if data is not None else raw
        answer = self.ask("POST", f"call/{name}", content=body, headers={"content-type": "application/json"})
        if answer.status_code != 200:
            return answer.text
        return self.http.get(f"gradio_api/call/{name}/{answer.json()['event_id']}").text

    def join(self, index: int, data: list[Any]) -> str:
        """What a handler of the page says, which programs are not meant to call."""
        session = f"session-{self.asked}"
        body = {"data": data, "fn_index": index, "session_hash": session}
        if self.ask("POST", "queue/join", json=body).status_code != 200:
            return ""
        said = ""
        with self.http.stream("GET", f"gradio_api/queue/data?session_hash={session}") as events:
            for line in events.iter_lines():
                said += line
                if "close_stream" in line:
                    break
        return said


def file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def header_only_png(width: int, height: int) -> bytes:
    """A small file that says to be large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def calls(photo: Any) -> dict[str, list[Any]]:
    """Endpoints with arguments that are fine but for an empty prompt or an unknown slider: nothing is computed."""
    return {
        "edit": [photo, "", 1, 0, 0, "auto", False],
        "slide": [photo, {"mapper:wings": 1}],
        "edit_region": [photo, "", "hair", None, 1],
    }


def wrong_arguments(photo: Any) -> Iterator[tuple[str, list[Any]]]:
    for name, arguments in calls(photo).items():
        for place in range(len(arguments)):
            for value in VALUES:
                if (name, place) == ("edit_region", 1) and value not in (None, "", "\ud800"):
                    continue  # any text is a prompt
                if (name, place, value) != ("slide", 1, {}):  # which is an edit that changes nothing
                    yield name, [*arguments[:place], value, *arguments[place + 1 :]]


def paths(folder: Path, mine: str) -> list[str]:
    """Files that the caller did not upload, and what is no file."""
    secret = folder / "secret.txt"
    root = Path(mine).parents[1]
    places = [str(secret), "/etc/passwd", "/proc/self/environ", str(ROOT / "app.py"), "../app.py", "~/.ssh/id_rsa"]
    places += [
        f"{root}/../{secret.name}",
        f"{mine}/../../../secret.txt",
        str(root),
        f"file://{secret}",
        f"{mine}\0.png",
    ]
    places += [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/",
        "gopher://127.0.0.1/",
        "data:image/png;base64,AA",
    ]
    return [*places, "/dev/zero", "/dev/stdin", "a" * 5000]


def test_hostile_requests(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    environment = os.environ | {"SECRET": SECRET}
    with serve(tmp_path, [str(ROOT / "app.py"), "--pack", "compact"], environment) as url:
        caller = Caller(url)
        photo = caller.upload(PHOTO)
        said = Counter[str]()

        def note(answer: str) -> None:
            assert SECRET not in answer and len(answer) < 10_000, "an answer neither tells nor repeats what it got"
            said["complete" if "event: complete" in answer else "refused"] += 1

        for name, arguments in wrong_arguments(photo):
            note(caller.call(name, arguments))
        for path in paths(tmp_path, photo["path"]):
            note(caller.call("edit", [file(path), "old", 1, 0, 0, "auto", True]))
            note(caller.call("edit", [file(path) | {"url": path}, "old", 1, 0, 0, "auto", True]))
            note(caller.call("edit_region", [photo, "old", "hair", file(path), 1]))
            if path.isprintable():
                answer = caller.ask("GET", f"file={path}")
                assert answer.status_code in (403, 404)
                note(answer.text)
        for size in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (1, 1), (60_000, 1900)):
            bomb = caller.upload(header_only_png(*size), "mask.png")
            note(caller.call("edit_region", [photo, "old", "hair", bomb, 1]))
            note(caller.call("edit", [bomb, "old", 1, 0, 0, "auto", True]))
        for mask in (b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", PHOTO[:999]):
            note(caller.call("edit_region", [photo, "old", "hair", caller.upload(mask, "mask.png"), 1]))
        text = "a" * 10_000_000
        note(caller.call("edit", [photo, text, 1, 0, 0, "auto", True]))
        note(caller.call("edit", [photo, "old", 1, 0, 0, text, True]))
        note(caller.call("slide", [photo, {text: 1}]))
        note(caller.call("slide", [photo, {str(number): 1 for number in range(100_000)}]))
        for name in calls(photo):
            for raw in RAW:
                note(caller.call(name, raw=raw))
        for kind, body in UPLOADS:
            note(caller.ask("POST", "upload", content=body.encode(), headers={"content-type": kind}).text)
        assert caller.ask("POST", "upload", files={"files": ("large.png", bytes(60 * 2**20))}).status_code == 413
        evil = caller.upload(b"abc", "../../../../evil.png")
        assert Path(evil["path"]).parents[1] == Path(photo["path"]).parents[1], "it stays in the folder of uploads"
        for dependency in caller.http.get("config").json()["dependencies"]:
            for value in STRANGE:
                note(caller.join(dependency["id"], [value] * len(dependency["inputs"])))
            note(caller.join(dependency["id"], []))
        for index in (-1, 10**9, 10**40):
            note(caller.join(index, []))

        assert said["complete"] == 0 and caller.asked > 1000
        arguments = [photo, {"mapper:smiling": 1}]
        assert "event: complete" in caller.call("slide", arguments), "the app still edits"
    errors = capfd.readouterr().err
    lines = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    refused = [line for line in lines if line["event"] == "refused"]
    assert "Traceback" not in errors
    assert len(refused) > 100 and SECRET not in errors
    assert all(set(line) <= {"time", "event", "error", "where"} for line in refused)
