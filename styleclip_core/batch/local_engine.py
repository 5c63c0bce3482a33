"""The engine of this machine: workers are processes, with a pack each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from styleclip_core.batch.hand_out import Answer, Ready
from styleclip_core.batch.jobs import Plan
from styleclip_core.batch.work import Networks, Worker
from styleclip_core.errors import StudioError


@dataclass
class LocalTeam:
    """Worker processes. With the program they end, too: one that is killed leaves them with nobody to answer to.

    Attributes:
        place: folder of the results.
        jobs: how many workers there are, which share the cores.
    """

    networks: Networks
    plan: Plan
    place: str
    jobs: int
    _alive: dict[int, tuple[SpawnProcess, Connection]] = field(default_factory=dict)

    def begin(self, worker: int) -> None:
        share = max(1, (os.cpu_count() or 1) // self.jobs)
        networks = replace(self.networks, threads=self.networks.threads or share)
        context = multiprocessing.get_context("spawn")  # a fork would take over locks of torch's threads
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, networks, self.plan, self.place), daemon=True)
        process.start()
        there.close()  # the worker alone holds it, so that its death is an end of the line
        self._alive[worker] = process, here

    def give(self, worker: int, photo: Path, wait: bool) -> None:
        try:
            self._alive[worker][1].send((photo, wait))
        except OSError:
            pass  # it died meanwhile, which `answer` says

    def answer(self) -> tuple[int, Answer]:
        workers: dict[Any, int] = {connection: worker for worker, (_, connection) in self._alive.items()}
        connection = wait(list(workers))[0]
        worker = workers[connection]
        try:
            return worker, self._alive[worker][1].recv()
        except (EOFError, OSError):
            self._end(worker)
            return worker, None

    def close(self) -> None:
        for worker in list(self._alive):
            self._end(worker)

    def _end(self, worker: int) -> None:
        process, connection = self._alive.pop(worker)
        connection.close()
        process.terminate()
        process.join()


def _serve(connection: Connection, networks: Networks, plan: Plan, place: str) -> None:
    """A worker's life: photos come by the connection, rows go back; it ends with the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the program ends its workers
    try:
        try:
            worker = Worker(networks, plan, place)
        except StudioError as error:
            connection.send(error)
            return
        connection.send(Ready(worker.pack.note))
        while True:
            connection.send(worker.do(*connection.recv()))
    except (EOFError, OSError):
        return
