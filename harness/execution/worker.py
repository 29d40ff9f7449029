"""What a worker process does: one task at a time, each event handed over before the task goes on."""

from __future__ import annotations

import ctypes
import os
import pickle
import random
import signal
import sys
from dataclasses import dataclass
from typing import Any

from harness.execution.task import Done, Failed, Reported, end

PR_SET_PDEATHSIG = 1
"""From Linux' <sys/prctl.h>."""


@dataclass(frozen=True)
class Started:
    """The first message of each attempt at a task."""

    name: str


@dataclass(frozen=True)
class Share:
    """How the workers of one machine divide it: worker ``i`` has core ``i`` and GPU ``i``, modulo their numbers.

    Attributes:
        cores: their numbers; () leaves a worker where the system puts it.
        gpus: as CUDA_VISIBLE_DEVICES names them; () leaves that variable as it is.
        with_parent: whether the system ends a worker with the process that started it (Linux). A thread of Dask does so
            too, but not while a library holds the interpreter's lock.
    """

    cores: tuple[int, ...] = ()
    gpus: tuple[str, ...] = ()
    with_parent: bool = False

    def take(self, index: int) -> None:
        """Restricts this thread, and those it starts, to a core, and this process to a GPU."""
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {self.cores[index % len(self.cores)]})
        if self.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus[index % len(self.gpus)]
        if self.with_parent and sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


OWN = random.Random()


def keep_random_numbers_apart() -> None:
    """Gives the modules of Dask a generator of their own.

    Their threads draw from Python's at any moment, and a training seeds it for Keras, which draws its seeds from it.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("dask", "distributed", "tornado") and vars(module).get("random") is random:
            vars(module)["random"] = OWN


def attempt(number: int, name: str, share: Share, job: bytes, topic: str) -> None:
    """Does ``job``, a pickled (Work, task), in a thread of a Dask worker.

    Each message, a pickled (number, message), is with the scheduler before the task goes on: what was reported is not
    lost with this process. The end of the task is a message too, for a result that Dask keeps dies with its worker.
    """
    from distributed import get_worker
    from distributed.utils import sync

    worker: Any = get_worker()

    def send(message: Started | Reported[object] | Done[object] | Failed) -> None:
        sync(worker.loop, worker.scheduler.log_event, topic=topic, msg=pickle.dumps((number, message)))

    send(Started(name))
    keep_random_numbers_apart()
    share.take(worker.name if isinstance(worker.name, int) else 0)
    try:
        work, task = pickle.loads(job)
    except Exception as error:
        send(Failed(name, f"A worker process cannot read the task: {type(error).__name__}: {error}."))
        return
    message: Done[object] | Failed = end(work, task, lambda event: send(Reported(name, event)))
    try:
        send(message)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        send(Failed(name, f"Its result cannot be sent to another process: {error}."))
