"""A Hub on this machine that can misbehave: HEAD and GET of /{repository}/resolve/{revision}/{file}, with ranges."""

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@dataclass
class FakeHub:
    """Its files by "repository/file", how it treats them, and what it was asked for.

    Attributes:
        etags: what it states instead of the sha256.
        faults: status and X-Error-Code that it answers with instead of the file.
        cuts: after how many bytes of the body it hangs up; each cut is made once.
        stalls: after how many bytes of the body it falls silent, for a second; once.
        pause: seconds between pieces of 1,000 bytes.
        asked: method, "repository/file" and Range of each request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    faults: dict[str, tuple[int, str]] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    stalls: dict[str, int] = field(default_factory=dict)
    pause: float = 0.0
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def downloads(self, key: str) -> list[str]:
        """The ranges in which a file was downloaded, "" for the whole."""
        return [span for method, asked, span in self.asked if (method, asked) == ("GET", key)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        hub: FakeHub = self.server.hub
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        key, span = f"{repo}/{rest.partition('/')[2]}", self.headers.get("Range", "")
        hub.asked.append((self.command, key, span))
        if key in hub.faults or key not in hub.files:
            status, code = hub.faults.get(key, (404, "EntryNotFound"))
            return self.send(status, {"X-Error-Code": code, "Content-Length": "0"})
        content = hub.files[key]
        first = int(span.removeprefix("bytes=").partition("-")[0] or 0)
        etag = hub.etags.get(key, hashlib.sha256(content).hexdigest())
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Content-Length": str(len(content) - first)}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self.send(206 if first else 200, headers)
        if body:
            self.send_body(hub, key, content, first)

    def send(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_body(self, hub: FakeHub, key: str, content: bytes, first: int) -> None:
        cut, stall = hub.cuts.pop(key, len(content)), hub.stalls.pop(key, None)
        with contextlib.suppress(OSError):  # a client that gave up
            for start in range(first, min(cut, len(content)), 1000):
                self.wfile.write(content[start : start + 1000])
                time.sleep(hub.pause)
                if stall is not None and start >= stall:
                    time.sleep(1)
        if cut < len(content):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve() -> Iterator[FakeHub]:
    """A fake Hub that answers at its `url` while the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
