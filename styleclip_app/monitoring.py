"""What who runs the app gets to know of it: numbers for Prometheus and one line of JSON for each job.

Neither holds photos, prompts, addresses or names of people.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import traceback
import types
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
import gradio.queueing
import gradio.route_utils
import gradio.routes
import torch
from PIL import Image
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

import styleclip_core
from styleclip_core import Edit, Face, Progress, Studio, StudioError

T = TypeVar("T", Face, Edit)
log = logging.getLogger("styleclip")
_CORE = Path(styleclip_core.__file__).parent
OURS = (f"{_CORE}{os.sep}", f"{Path(__file__).parent}{os.sep}", str(_CORE.parent / "app.py"))  # where our files are

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)  # memory and processor time, where there is /proc
SECONDS = (0.1, 0.3, 1, 2, 5, 10, 20, 40, 80, 160, 320)
JOBS = Counter("styleclip_jobs", "Jobs that ended", ["kind", "outcome"], registry=REGISTRY)
DURATIONS = Histogram("styleclip_job_seconds", "How long jobs took", ["kind"], buckets=SECONDS, registry=REGISTRY)
STAGES = Counter("styleclip_stage_seconds", "Seconds spent in each stage of jobs", ["stage"], registry=REGISTRY)
WAITS = Histogram(
    "styleclip_wait_seconds", "How long calls waited in the queue", ["queue"], buckets=SECONDS, registry=REGISTRY
)
WAITING = Gauge("styleclip_waiting", "Calls that wait in the queue now", registry=REGISTRY)
GPU_MEMORY = Gauge("styleclip_gpu_memory_bytes", "GPU memory that PyTorch holds", registry=REGISTRY)
GPU_MEMORY.set_function(lambda: torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0)
QUEUES = ("edit", "quick", "preview")  # the others go by numbers


class WatchedStudio(Studio):
    """A Studio whose verbs are counted, timed and logged. A job is one call of a verb."""

    def random_face(self, seed: int = 0, truncation: float = 0.7) -> Face:
        with job("random_face"):
            return super().random_face(seed, truncation)

    def invert_steps(self, *args: Any, **options: Any) -> Iterator[Progress | Face]:
        return watched("invert", super().invert_steps(*args, **options))

    def optimize_steps(self, *args: Any, **options: Any) -> Iterator[Progress | Edit]:
        return watched("edit", super().optimize_steps(*args, **options))

    def slide(self, *args: Any, **options: Any) -> Edit:
        with job("slide"):
            return super().slide(*args, **options)

    def preview(self, *args: Any, **options: Any) -> Image.Image:
        with job("preview", logged=False):
            return super().preview(*args, **options)


def watched(kind: str, steps: Iterator[Progress | T]) -> Iterator[Progress | T]:
    """The same steps, as a job; the seconds of each count for the stage that it reports."""
    with job(kind) as stages:
        while True:
            start = time.perf_counter()
            step = next(steps, None)
            if step is None:
                break
            stages[step.stage if isinstance(step, Progress) else "Result"] += time.perf_counter() - start
            yield step


@contextlib.contextmanager
def job(kind: str, logged: bool = True) -> Iterator[dict[str, float]]:
    """Count, time and log what is done within. Gives a dict to note the seconds of stages in."""
    start, stages, outcome, error = time.perf_counter(), defaultdict(float), "done", None
    try:
        yield stages
    except GeneratorExit:
        outcome = "done" if "Result" in stages else "cancelled"
        raise
    except BaseException as raised:
        outcome, error = "refused" if isinstance(raised, StudioError) else "failed", type(raised).__name__
        raise
    finally:
        seconds = time.perf_counter() - start
        JOBS.labels(kind, outcome).inc()
        DURATIONS.labels(kind).observe(seconds)
        for stage, share in stages.items():
            STAGES.labels(stage).inc(share)
        if logged:
            rounded = {stage: round(share, 2) for stage, share in stages.items()}
            write_line("job", kind=kind, outcome=outcome, error=error, seconds=round(seconds, 2), stages=rounded)


def write_line(event: str, **fields: Any) -> None:
    """Write a line of JSON to the log, without the fields that are None or empty."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    known: Mapping[str, Any] = {name: value for name, value in fields.items() if value not in (None, {})}
    log.info(json.dumps({"time": now, "event": event, **known}))


def log_to_stderr() -> None:
    """Lines of JSON go to stderr as they are."""
    log.handlers = [logging.StreamHandler(sys.stderr)]
    log.setLevel(logging.INFO)
    log.propagate = False


def log_refusals() -> None:
    """Requests that gradio or its server refuse become a line of the log; only errors in our files stay tracebacks."""
    shown = types.SimpleNamespace(**vars(traceback) | {"print_exc": _print_or_log})
    for module in (gradio.queueing, gradio.routes, gradio.route_utils):
        module.traceback = shown  # type: ignore[attr-defined]
    logging.getLogger("uvicorn.error").addFilter(_is_ours_or_logged)


def _print_or_log() -> None:
    """What gradio calls to print the traceback of the current exception."""
    error = sys.exc_info()[1]
    if error is not None and not _log_if_refusal(error):
        traceback.print_exc()


def _is_ours_or_logged(record: logging.LogRecord) -> bool:
    """A filter of a logger: whether it goes on with a record."""
    error = record.exc_info[1] if record.exc_info else None
    return error is None or not _log_if_refusal(error)


def _log_if_refusal(error: BaseException) -> bool:
    """Write a line about an error that did not pass through our files, without its text, which may quote the caller."""
    frames = [frame.f_code for each in _chain(error) for frame, _ in traceback.walk_tb(each.__traceback__)]
    if any(code.co_filename.startswith(OURS) for code in frames):
        return False
    where = f"{Path(frames[-1].co_filename).name}, {frames[-1].co_name}" if frames else None
    write_line("refused", error=type(error).__name__, where=where)
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception after those that it came about by or holds."""
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        for each in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
            yield from _chain(each)
        yield error


def watch_queue(app: gr.Blocks) -> None:
    """Measure how long calls wait in gradio's queue, and how many do."""
    queue = app._queue
    process: Callable[..., Awaitable[None]] = queue.process_events

    async def timed(events: list[Any], *args: Any, **options: Any) -> None:
        name = events[0].concurrency_id
        waited = time.monotonic() - min(event.enqueue_time for event in events)
        WAITS.labels(name if name in QUEUES else "other").observe(waited)
        await process(events, *args, **options)

    queue.process_events = timed  # type: ignore[method-assign]
    WAITING.set_function(lambda: sum(len(each.queue) for each in queue.event_queue_per_concurrency_id.values()))
