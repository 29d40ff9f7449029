"""The part that runs in a worker process: one task at a time. Each event is sent before the task continues."""

from __future__ import annotations

import ctypes
import os
import pickle
import random
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import SuiteError
from harness.execution.surroundings import difference
from harness.execution.task import Done, Failed, Reported, end

SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
"""Environment variables that NumPy, PyTorch and TensorFlow read when they are imported."""
XLA_SINGLE_THREADED = "--xla_cpu_multi_thread_eigen=false"
PR_SET_PDEATHSIG = 1
"""From Linux' <sys/prctl.h>."""


@dataclass(frozen=True)
class Started:
    """The first message of every attempt at a task."""

    name: str


@dataclass(frozen=True)
class Differs:
    """The worker at ``address`` has other code or versions than the process that sent the task, in words."""

    name: str
    address: str
    text: str


@dataclass(frozen=True)
class Share:
    """What a worker does before its first task. Worker i of a machine gets core i and GPU i, modulo their counts.

    Attributes:
        facts: what a worker must have, by name (``harness.execution.surroundings``); empty if it was started here.
        single_threaded: whether the backend gets one thread, because nothing has set that when the worker started.
        cores: numbers of the cores; () restricts no worker.
        gpus: names of the GPUs for CUDA_VISIBLE_DEVICES; () leaves that variable as it is.
        with_parent: whether the system ends a worker when the process that started it ends (Linux only). Dask does so
            in a thread, which fails while a library holds the interpreter's lock.
    """

    facts: Mapping[str, str] = field(default_factory=dict)
    single_threaded: bool = False
    cores: tuple[int, ...] = ()
    gpus: tuple[str, ...] = ()
    with_parent: bool = False

    def take(self, index: int) -> None:
        """Restricts this thread, and the threads it starts, to one core, and this process to one GPU."""
        if self.single_threaded:
            os.environ.update(single_threaded())
        if self.cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {self.cores[index % len(self.cores)]})
        if self.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus[index % len(self.gpus)]
        if self.with_parent and sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def single_threaded() -> dict[str, str]:
    """The environment variables of a process whose backend has one thread."""
    given = os.environ.get("XLA_FLAGS", "").split()
    flags = given if XLA_SINGLE_THREADED in given else [*given, XLA_SINGLE_THREADED]
    return {**SINGLE_THREADED, "XLA_FLAGS": " ".join(flags)}


OWN = random.Random()


def keep_random_numbers_apart() -> None:
    """Gives the modules of Dask a generator of their own.

    Their threads draw from Python's at any moment, and a training seeds it for Keras, which draws its seeds from it.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("dask", "distributed", "tornado") and vars(module).get("random") is random:
            vars(module)["random"] = OWN


def attempt(number: int, name: str, share: Share, job: bytes, topic: str) -> None:
    """Performs ``job``, a pickled (Work, task), in a thread of a Dask worker.

    Each message is a pickled (number, message). It reaches the scheduler before the task continues, so no message is
    lost if this process dies. The result is a message too, because Dask loses a result with its worker.
    """
    from distributed import get_worker
    from distributed.utils import sync

    worker: Any = get_worker()

    def send(message: Started | Differs | Reported[object] | Done[object] | Failed) -> None:
        try:
            item = pickle.dumps((number, message))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            what = "An event" if isinstance(message, Reported) else "The result"
            raise SuiteError(f"{what} of this task cannot be sent to another process: {error}.") from error
        sync(worker.loop, worker.scheduler.log_event, topic=topic, msg=item)

    if text := difference(share.facts):
        send(Differs(name, worker.address, text))
        return
    send(Started(name))
    keep_random_numbers_apart()
    share.take(worker.name if isinstance(worker.name, int) else 0)
    try:
        work, task = pickle.loads(job)
    except Exception as error:
        send(Failed(name, f"A worker process cannot read this task: {type(error).__name__}: {error}."))
        return
    message: Done[object] | Failed = end(work, task, lambda event: send(Reported(name, event)))
    try:
        send(message)
    except SuiteError as error:
        send(Failed(name, str(error)))
