"""What happens when memory runs out."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from styleclip_core import (
    OptimizeSettings,
    OutOfMemory,
    Pack,
    Studio,
    devices,
)
from styleclip_core.edits import optimize as path_a
from styleclip_core.progress import Progress
from support.full_pack import SHORT


def test_the_allocators_complaints_are_known() -> None:
    with pytest.raises(RuntimeError) as cpu:
        torch.empty(1 << 46)
    gpu = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    for error in (cpu.value, gpu, MemoryError(), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")):
        assert devices.is_out_of_memory(error)
        with pytest.raises(OutOfMemory, match="too little free memory.*--pack compact"):
            with devices.memory_errors(torch.device("cpu")):
                raise error
    assert not devices.is_out_of_memory(RuntimeError("shapes do not fit"))
    with pytest.raises(ZeroDivisionError), devices.memory_errors(torch.device("cpu")):
        raise ZeroDivisionError


def greedy(limit: int, asked: list, held: list):
    """`path_a.optimize` on a machine that has memory for pictures up to a limit."""
    optimize = path_a.optimize

    def steps(pack: Pack, code: torch.Tensor, prompt: str, settings: OptimizeSettings, *others):
        asked.append(settings)
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        if settings.resolution > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        yield from optimize(pack, code, prompt, settings, *others)

    return steps


def test_an_edit_that_does_not_fit_is_tried_coarser(studio: Studio, face, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, held = [], []
    monkeypatch.setattr(path_a, "optimize", greedy(128, asked, held))
    reports = list(studio.optimize_steps(face, "old", replace(SHORT, views=3)))
    assert [(settings.resolution, settings.views) for settings in asked] == [(256, 3), (128, 1)]
    assert {r.stage for r in reports if isinstance(r, Progress)} == {
        "First picture",
        "Editing (coarser, since memory ran out)",
    }
    assert reports[-1].image.size == (64, 64)


def test_what_cannot_be_done_is_said_and_its_memory_freed(studio: Studio, face, monkeypatch) -> None:
    asked, held = [], []
    monkeypatch.setattr(path_a, "optimize", greedy(64, asked, held))
    with pytest.raises(OutOfMemory, match="This computer has too little") as raised:
        studio.optimize(face, "old", SHORT)
    assert len(asked) == 2
    gc.collect()
    assert [reference() for reference in held] == [None, None], "the error must not hold what the edit held"
    assert raised.value.__cause__ is not None
