"""What serving others needs: addresses that say whether the app is ready and how it is doing, and a login."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import gradio as gr
import gradio.route_utils
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from styleclip_app import zerogpu
from styleclip_app.monitoring import REGISTRY
from styleclip_app.session import call_in_worker
from styleclip_core import Studio, StudioError

TRIM_EVERY = 30.0  # seconds


class Readiness:
    """Whether a first picture was drawn, after which the app answers as fast as it can."""

    def __init__(self, studio: Studio):
        self._drawn = threading.Event()
        self._studio = studio

    def begin(self) -> None:
        """Draw the first picture, in the background. Where GPUs are lent for single calls, that would borrow one."""
        if zerogpu.spaces:
            self._drawn.set()
        else:
            threading.Thread(target=self._draw, daemon=True).start()

    def _draw(self) -> None:
        call_in_worker(Studio.random_face, self._studio)  # as of a plain Studio: nobody asked for it, so it is no job
        self._drawn.set()

    def routes(self) -> list[Route]:
        """/healthz (200, or 503 until then) and /metrics, which need no login."""

        def health(request: Request) -> Response:
            ready = self._drawn.is_set()
            return PlainTextResponse("ready\n" if ready else "not ready yet\n", 200 if ready else 503)

        def metrics(request: Request) -> Response:
            return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

        return [Route("/healthz", health), Route("/metrics", metrics)]


def folder_of_pictures() -> tempfile.TemporaryDirectory[str]:
    """A folder that only this user can read, until it is closed; those of apps that were killed are deleted.

    A killed app deletes nothing. Its number is in the folder's name, so that the next app knows what was left behind.
    """
    for left in Path(tempfile.gettempdir()).glob("styleclip-[0-9]*-*"):
        number = left.name.split("-")[1]
        if number.isdecimal() and left.is_dir() and left.stat().st_uid == os.getuid() and not _runs(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"styleclip-{os.getpid()}-")


def _runs(process: int) -> bool:
    """Whether another process has that number: a container's first one has the same each time."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return process != os.getpid()


def keep_deleting_files() -> None:
    """Let gradio delete old pictures even if a caller named a folder as a file, at which it would stop for good."""
    delete = gradio.route_utils.delete_files_created_by_app

    def delete_files(app: gr.Blocks, age: int | None) -> None:
        for files in app.temp_file_sets:
            files -= {file for file in files.copy() if os.path.isdir(file)}
        delete(app, age)

    gradio.route_utils.delete_files_created_by_app = delete_files


def keep_returning_memory() -> None:
    """Give freed memory back to the system twice a minute, where the C library is glibc, which keeps most of it."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "malloc_trim"):

        def trim() -> None:
            while True:
                time.sleep(TRIM_EVERY)
                library.malloc_trim(0)

        threading.Thread(target=trim, daemon=True).start()


def accounts() -> list[tuple[str, str]] | None:
    """Who may log in, by STYLECLIP_AUTH ("user:password,user2:..."); None: everybody, without. Raises StudioError."""
    text = os.environ.get("STYLECLIP_AUTH", "")
    pairs = [tuple(part.strip() for part in entry.split(":", 1)) for entry in text.split(",") if entry.strip()]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise StudioError("STYLECLIP_AUTH must be user:password, or several of them with commas between.")
    return [(name, password) for name, password in pairs] or None
