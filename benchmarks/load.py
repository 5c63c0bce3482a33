"""What happens when many people use the app at once: throughput, waits, refusals, memory, and whose face they get.

Starts the app on this machine and lets visitors use it for a while, over HTTP as a browser does. Each has a face of
their own (a random one, or the picture of one that they upload), drags sliders, applies them, edits by a prompt,
cancels, or leaves in the middle. Every face that comes back must be nearer to the visitor's own than to all others'.

    python -m benchmarks load --visitors 50 --seconds 300
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.common import make_parser

ROOT = Path(__file__).parents[1]
PROMPTS = ("a smiling person", "a person with blond hair", "a person with a beard")
ACTS = {"drag": 8, "slide": 4, "edit": 3, "cancel": 1, "leave": 1}  # what visitors do, and how often
PAUSE = 4.0  # seconds between two acts of a visitor, on average
SIZE = 32  # px at which faces are compared
LIMIT = 300.0  # seconds that the server may be silent
PATIENCE = 30.0  # seconds after the end for which answers are still waited for


class Refused(Exception):
    """The server said a sentence instead of doing what was asked."""


@dataclass
class Findings:
    """What all visitors saw."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # kind -> seconds
    said: Counter[str] = field(default_factory=Counter)  # sentences instead of results
    compared: int = 0
    mixed_up: int = 0  # results that are like another visitor's face
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since the beginning, MiB


class Visitor:
    """One person with one page."""

    def __init__(self, http: httpx.AsyncClient, config: dict[str, Any], number: int, findings: Findings):
        self.http, self.number, self.findings = http, number, findings
        self.luck = random.Random(number)
        self.functions = {f["api_name"]: f for f in config["dependencies"] if f["api_name"]}
        self.defaults = {c["id"]: c.get("props", {}).get("value") for c in config["components"]}
        self.kinds = {c["id"]: c["type"] for c in config["components"]}
        self.faces: dict[int, np.ndarray] = {}  # of all visitors, by number
        self.photo: dict[str, Any] | None = None
        self._come()

    def _come(self) -> None:
        """Open the page anew: the server knows nothing of this session."""
        self.session, self.found = uuid.uuid4().hex, False

    async def call(self, name: str, data: list[Any], leave_after: int | None = None, cancel: bool = False) -> Any:
        """What an endpoint gives at its end. Raises Refused.

        Args:
            leave_after: break off after so many messages, and return None.
            cancel: break off by asking the server to, not by leaving.
        """
        function = self.functions[name]["id"]
        body = {"data": data, "fn_index": function, "session_hash": self.session}
        answer = await self.http.post("queue/join", json=body)
        if answer.status_code != 200:
            raise Refused(str(answer.json().get("detail", answer.status_code)))
        event, last, messages = answer.json()["event_id"], None, 0
        async with self.http.stream("GET", "queue/data", params={"session_hash": self.session}) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                if message.get("event_id") != event:
                    continue
                messages += 1
                if leave_after is not None and messages > leave_after:
                    if cancel:
                        asked = {"session_hash": self.session, "fn_index": function, "event_id": event}
                        await self.http.post("cancel", json=asked)
                    return None
                if message["msg"] == "process_generating" and message["success"]:
                    last = message["output"]["data"]
                if message["msg"] == "process_completed":
                    output = message["output"]
                    if not message["success"]:
                        raise Refused(str(output.get("error") or "an error without a sentence"))
                    return output.get("data") or last
        raise Refused("the stream ended early")

    async def begin(self) -> np.ndarray:
        """Get a face of one's own; every second visitor uploads its picture as a photo. Returns it, small."""
        picture = await self.picture((await self.call("random_face", [self.number]))[0])
        if self.number % 2:
            data = io.BytesIO()
            picture.save(data, "JPEG", quality=92)
            answer = await self.http.post("upload", files={"files": (f"{self.number}.jpg", data.getvalue())})
            self.photo = {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}
        return small(picture)

    async def picture(self, value: Any) -> Image.Image:
        """The picture of an answer."""
        value = value["value"] if "value" in value else value
        answer = await self.http.get(f"file={value['path']}")
        answer.raise_for_status()
        return Image.open(io.BytesIO(answer.content)).convert("RGB")

    async def live(self, until: float) -> None:
        """Do one thing after another."""
        while time.monotonic() < until:
            await asyncio.sleep(self.luck.expovariate(1 / PAUSE))
            act = self.luck.choices(list(ACTS), list(ACTS.values()))[0]
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic() + PATIENCE):
                    await getattr(self, act)()
            except Refused as error:
                self.findings.said[_numberless(str(error))] += 1
            except TimeoutError:
                self.findings.said["(still waiting at the end)"] += 1
            except httpx.HTTPError as error:
                self.findings.said[f"{type(error).__name__} ({act})"] += 1

    async def _own_photo(self) -> Any:
        if self.photo is None:
            drawn = (await self._timed("random face", self.call("random_face", [self.number])))[0]
            self.photo = drawn["value"] if "value" in drawn else drawn
            self.found = True
        return self.photo

    async def drag(self) -> None:
        """Drag a slider: several previews, one after the other."""
        if not self.found:
            await self.slide()
        inputs = self.functions["drag"]["inputs"]
        sliders = [place for place, each in enumerate(inputs) if self.kinds[each] == "slider"][:20]
        moved = self.luck.choice(sliders)
        for strength in (0.4, 0.8, 1.2):
            data = [None if self.kinds[each] == "state" else self.defaults[each] for each in inputs]
            data[moved] = strength
            [shown, *_] = await self._timed("preview", self.call("drag", data))
            if isinstance(shown, list):
                self.compare(small(await self.picture(shown[0])))

    async def slide(self) -> None:
        """Apply a slider."""
        photo = await self._own_photo()
        answer = await self._timed("slide", self.call("slide", [photo, {"boundary:smile": 1.0}, None]))
        self.found = True
        self.compare(small(await self.picture(answer[0])))

    async def edit(self) -> None:
        """Edit by a prompt."""
        photo = await self._own_photo()
        data = [photo, self.luck.choice(PROMPTS), 1, 10, 0, "auto", False, None]
        answer = await self._timed("edit", self.call("edit", data))
        self.found = True
        self.compare(small(await self.picture(answer[0])))

    async def cancel(self) -> None:
        """Ask for an edit and cancel it."""
        data = [await self._own_photo(), PROMPTS[0], 1, 50, 0, "auto", False, None]
        await self.call("edit", data, leave_after=self.luck.randint(1, 4), cancel=True)

    async def leave(self) -> None:
        """Ask for an edit, go away in the middle, and come back with a page that was loaded anew."""
        data = [await self._own_photo(), PROMPTS[1], 1, 50, 0, "auto", False, None]
        await self.call("edit", data, leave_after=self.luck.randint(0, 3))
        self._come()

    async def _timed(self, kind: str, work: Any) -> Any:
        start = time.monotonic()
        answer = await work
        self.findings.waits[kind].append(time.monotonic() - start)
        return answer

    def compare(self, face: np.ndarray) -> None:
        """Note whether a face that came back is this visitor's."""
        distances = {number: float(np.abs(face - own).mean()) for number, own in self.faces.items()}
        self.findings.compared += 1
        self.findings.mixed_up += min(distances, key=lambda number: distances[number]) != self.number


def small(picture: Image.Image) -> np.ndarray:
    """A face as it is compared, ``[SIZE,SIZE,3]``."""
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32)


def _numberless(sentence: str) -> str:
    """A sentence without its numbers, so that equal ones are counted together."""
    return "".join("N" if digit else "".join(part) for digit, part in itertools.groupby(sentence, str.isdigit))


def resident(process: int) -> float:
    """MiB of memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def watch(process: int, begun: float, until: float, findings: Findings) -> None:
    while (now := time.monotonic()) < until:
        findings.memory.append((now - begun, resident(process)))
        await asyncio.sleep(5)


async def visit(url: str, process: int, visitors: int, seconds: float) -> tuple[Findings, float]:
    """Let so many visitors use the app for so long. Returns what they saw, and how long it took to the last answer."""
    findings = Findings()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=f"{url}/gradio_api/", timeout=LIMIT, limits=limits) as http:
        config = (await http.get(f"{url}/config")).json()
        people = [Visitor(http, config, number, findings) for number in range(visitors)]
        faces = {person.number: await person.begin() for person in people}
        for person in people:
            person.faces = faces
        begun = time.monotonic()
        until = begun + seconds
        watching = asyncio.create_task(watch(process, begun, until, findings))
        await asyncio.gather(*(person.live(until) for person in people))
        await watching
        findings.memory.append((time.monotonic() - begun, resident(process)))
        return findings, time.monotonic() - begun


def start(folder: Path) -> tuple[subprocess.Popen, str]:
    """The app in a process of its own, ready, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, str(ROOT / "app.py"), "--pack", "compact", "--port", url.rpartition(":")[2]]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(folder)}, stdout=log, stderr=log)
    for _ in range(600):
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return process, url
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit("the app did not start")


def print_findings(findings: Findings, seconds: float) -> None:
    print(f"{'':12} {'done':>5} {'a minute':>8} {'p50 s':>7} {'p95 s':>7}")
    for kind, waits in sorted(findings.waits.items()):
        p95 = statistics.quantiles(waits, n=20)[-1] if len(waits) > 1 else waits[0]
        rate = 60 * len(waits) / seconds
        print(f"{kind:12} {len(waits):5} {rate:8.1f} {statistics.median(waits):7.2f} {p95:7.2f}")
    print(f"faces that came back: {findings.compared}, another visitor's: {findings.mixed_up}")
    for sentence, count in findings.said.most_common():
        print(f"  {count} x {sentence}")
    marks = [next((mib for at, mib in findings.memory if at >= m), findings.memory[-1][1]) for m in range(0, 3600, 60)]
    print("MiB at the start and after each minute:", *(f"{mib:.0f}" for mib in marks[: int(seconds // 60) + 1]))
    print(f"MiB after the last answer: {findings.memory[-1][1]:.0f}")


def main(argv: list[str]) -> None:
    parser = make_parser("load", __doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300, help="for which they come (default: 300)")
    parser.add_argument("--log", type=Path, help="where the app's log goes")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder))
        try:
            findings, seconds = asyncio.run(visit(url, process.pid, options.visitors, options.seconds))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        print_findings(findings, seconds)
        log = (Path(folder) / "log").read_text()
        print(f"tracebacks in the app's log: {log.count('Traceback')}")
        if options.log:
            options.log.write_text(log)
