"""The engine of a Ray cluster: workers are actors, with a pack each, on whatever machines have room for them.

Photos are read by the workers from paths that all machines share; so are the results written, or to a URL of fsspec's.
Weights come from each machine's own cache, where the first worker puts them under a lock. A worker that dies, or whose
machine does, is begun anew where there is room, and its photo goes to whoever is free first.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from styleclip_core.batch.hand_out import Answer, Ready
from styleclip_core.batch.jobs import Plan
from styleclip_core.batch.work import Networks, Row, Worker
from styleclip_core.errors import BadSetting, StudioError

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before ray is imported: nothing is reported to anybody
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # a worker without a GPU sees none
os.environ["RAY_TQDM_PATCH_PRINT"] = "0"  # print stays Python's own

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
except ImportError as missing:
    raise BadSetting("--engine ray needs the extra ray: pip install 'styleclip-studio[ray]'.") from missing


class RayTeam:
    """Workers on a Ray cluster: that of RAY_ADDRESS, one that runs here, or else one that is begun here and ended.

    Those for which there is no room yet are waited for by nobody: the others do the work.
    """

    def __init__(self, networks: Networks, plan: Plan, place: str, cpus: float = 1, gpus: float = 0):
        """Connect.

        Args:
            place: path that the machines share, or URL of the results.
            cpus, gpus: what a worker takes of a machine; less than 1 of a GPU lets several share it.
        """
        self._own = not ray.is_initialized()
        if self._own:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        threads = networks.threads or max(1, int(cpus))
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": -1}
        self._new = ray.remote(_Actor).options(**options)
        content = networks.pack, networks.device, networks.precision, threads
        self._job = Networks(*content), plan, place if "://" in place else str(Path(place).absolute())
        self._actors: dict[int, Any] = {}
        self._awaited: dict[Any, int] = {}  # ray's reference to an answer -> the worker

    def begin(self, worker: int) -> None:
        if worker not in self._actors:
            self._actors[worker] = self._new.remote(*self._job)
        self._awaited[self._actors[worker].begin.remote()] = worker

    def give(self, worker: int, photo: Path, wait: bool) -> None:
        self._awaited[self._actors[worker].do.remote(photo.absolute(), wait)] = worker

    def answer(self) -> tuple[int, Answer]:
        done = ray.wait(list(self._awaited), num_returns=1)[0][0]
        worker = self._awaited.pop(done)
        try:
            return worker, ray.get(done)
        except RayTaskError:  # a bug, not a death
            raise
        except RayError:
            return worker, None

    def close(self) -> None:
        if self._own:
            ray.shutdown()
            return
        for actor in self._actors.values():
            ray.kill(actor)


class _Actor:
    """A worker's life on a machine of the cluster. Ray makes it anew when it dies."""

    def __init__(self, networks: Networks, plan: Plan, place: str):
        self._job = networks, plan, place
        self._worker: Worker | None = None

    def begin(self) -> Answer:
        """Load the networks."""
        try:
            self._worker = Worker(*self._job)
        except StudioError as error:
            return error
        return Ready(self._worker.pack.note)

    def do(self, photo: Path, wait: bool) -> Row | None:
        """The row; None from an actor that died and was made anew meanwhile: what it had loaded is gone."""
        return self._worker.do(photo, wait) if self._worker else None
