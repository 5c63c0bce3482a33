"""What the benchmarks share: their options, timing, and memory."""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch

CPU = torch.device("cpu")


def make_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """A parser of the options of the benchmark ``name``, with its docstring as help."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_grid(parser: argparse.ArgumentParser, name: str) -> None:
    """Add ``--grid``: where the pictures go."""
    path = Path(f"outputs/{name}.jpg")
    parser.add_argument("--grid", type=Path, default=path, help=f"where the pictures go (default: {path})")


def add_hair(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--hair``: the model that tells hair in pictures (see `evaluation.measure`)."""
    parser.add_argument("--hair", required=required, metavar="FILE", help="hair_segmentation.tflite")


def timed(work: Callable[[], object], runs: int, warm_up: int = 1, device: torch.device = CPU) -> list[float]:
    """Seconds of each of ``runs`` calls, after ``warm_up`` calls that are not counted."""
    taken = []
    for _ in range(runs + warm_up):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
    return taken[warm_up:]


def peak_memory(device: torch.device = CPU) -> float:
    """The most GiB that were in use: on a GPU since `reset_peak_memory`, else by this process since its start."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def reset_peak_memory(device: torch.device) -> None:
    """Forget the most that a GPU has used."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def device_name(device: torch.device) -> str:
    """What to print as the machine that figures were measured on."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
