"""Runs tasks in worker processes on this machine. Each process is single-threaded, on a core of its own."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.resource_tracker
import os
import signal
import sys
from collections.abc import Callable, Iterator

from harness.environment import gpu
from harness.environment.fingerprint import cores
from harness.errors import SuiteError, invalid
from harness.execution.pool import Pool
from harness.execution.task import E, Message, R, T, Work
from harness.execution.worker import SINGLE_THREADED, Share, single_threaded

MEMORY = 2.5e9
"""Bytes that a worker may need for a backend, MNIST and a training."""
MOST = 16
"""The most workers without --workers."""
RESTART = "120 s"
"""How long tasks wait for a new worker if none is left."""
CONFIGURATION: dict[str, object] = {
    "distributed.scheduler.allowed-failures": 0,  # harness.execution.pool runs the rest of a task again
    "distributed.scheduler.worker-ttl": None,  # a worker that computes may not answer for long
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.no-workers-timeout": RESTART,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.multiprocessing-method": "spawn",
    "distributed.worker.profile.enabled": False,
    "distributed.diagnostics.nvml": False,
    "logging": {"distributed": "critical", "tornado": "critical", "asyncio": "critical"},
}


def count(asked: int | None, tasks: int) -> int:
    """The number of workers for ``tasks`` tasks. SuiteError if more are asked for than cores or free memory allow.

    Args:
        asked: the value of --workers; None without it.
        tasks: number of tasks.
    """
    most = cores()
    if asked is not None and asked < 1:
        raise invalid("--workers", expected="at least 1", received=asked)
    if asked is not None and asked > most:
        raise invalid("--workers", expected=f"at most {most}, the cores to use", received=asked, fix=_use(most))
    wanted = min(max(tasks, 1), asked or min(most, MOST))
    if wanted == 1:
        return 1
    fitting = max(1, int(free_memory() // MEMORY))
    if asked is not None and asked > fitting:
        expected = f"at most {fitting} with {free_memory() / 1e9:.1f} GB free, at {MEMORY / 1e9:g} GB each"
        raise invalid("--workers", expected=expected, received=asked, fix=_use(fitting))
    return min(wanted, fitting)


def _use(number: int) -> str:
    return f"Use --workers {number}, or leave it out."


def free_memory() -> float:
    """Bytes of memory that processes may still take, on this machine and in this container."""
    import psutil
    from distributed.system import memory_limit

    return float(min(psutil.virtual_memory().available, memory_limit()))


class Workers(Pool[T, E, R]):
    """Starts ``number`` worker processes, which takes seconds. SuiteError if they do not start.

    The workers ignore Ctrl-C. They end when this process ends, for whatever reason.
    """

    def __init__(self, work: Work[T, E, R], handle: Callable[[Message[E, R]], None], number: int) -> None:
        import dask
        from distributed import Client, LocalCluster

        settings = {**CONFIGURATION, "distributed.nanny.pre-spawn-environ": single_threaded()}
        self._environment = dict(os.environ)
        try:
            with contextlib.ExitStack() as undo:
                with dask.config.set(settings), _interrupts_blocked():
                    self._cluster = LocalCluster(
                        n_workers=number,
                        threads_per_worker=1,
                        host="127.0.0.1",
                        memory_limit=0,
                        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                        silence_logs=logging.CRITICAL,
                    )
                    undo.callback(self._cluster.close)
                    client = Client(self._cluster, set_as_default=False)
                    undo.callback(client.close)
                undo.pop_all()  # no interrupt came meanwhile
        except (OSError, TimeoutError, RuntimeError) as error:
            raise SuiteError(f"The worker processes cannot be started: {error}. Try --workers 1.") from error
        finally:
            self._restore_environment()
        super().__init__(work, handle, client, Share(cores=_cores(), gpus=visible_gpus(), with_parent=True))

    def _stop(self) -> None:
        """Kills the workers without waiting for their tasks."""

        async def kill() -> None:
            for nanny in self._cluster.workers.values():
                nanny.close_gracefully()  # so that it restarts no process
                if nanny.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

        try:
            self._cluster.sync(kill)
            self._client.close()
        finally:
            self._cluster.close()
            self._restore_environment()

    def _restore_environment(self) -> None:
        """Restores the variables that Dask sets in this process for its workers to inherit."""
        for name in {*SINGLE_THREADED, "XLA_FLAGS", "PYTHONHASHSEED"}:
            os.environ.pop(name, None)
            if name in self._environment:
                os.environ[name] = self._environment[name]


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Blocks SIGINT in all threads and processes started in the ``with`` block: Ctrl-C is for the main thread."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    multiprocessing.resource_tracker.ensure_running()  # else the first process starts it, which unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cores() -> tuple[int, ...]:
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def visible_gpus() -> tuple[str, ...]:
    """The GPUs in CUDA_VISIBLE_DEVICES; without that variable, the numbers of all GPUs that the driver knows."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return tuple(filter(None, (name.strip() for name in given.split(","))))
    return tuple(map(str, range(gpu.count())))
