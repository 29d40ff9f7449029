"""An executor of worker processes on this machine, with one thread and one core each.

A worker imports this module before it sets the number of threads, so nothing here imports NumPy at its top.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import multiprocessing
import multiprocessing.resource_tracker
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple

from harness import working_folder
from harness.errors import SuiteError, invalid

MEMORY = 2.5e9
"""Bytes that a worker may need for a backend, MNIST and a training."""
MOST = 16
"""The most workers without --workers."""
DEATHS = 2
"""Number of workers that may die of a task. The task then fails."""
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
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the limit of a container's memory."""
PR_SET_PDEATHSIG = 1
"""From Linux' <sys/prctl.h>."""


class _Worker(NamedTuple):
    process: SpawnProcess
    connection: Connection


class Workers(ThreadPoolExecutor):
    """Worker processes, each with a thread here that sends it a task and waits for the result.

    So it is known which task a process died of. That task runs once more, in a new process; a task of which ``DEATHS``
    processes die fails with a SuiteError. The processes do not hear Ctrl-C, and end when this process ends, for
    whatever reason.

    Args:
        number: of processes. Each starts with its first task.
        on_death: called with the arguments of a task that runs again, in another thread.
    """

    def __init__(self, number: int, on_death: Callable[..., None] = lambda *args: None) -> None:
        super().__init__(number, initializer=_block_interrupts)
        self._on_death = on_death
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._indices = itertools.count()
        self._processes: list[SpawnProcess] = []
        self._closed = False
        multiprocessing.resource_tracker.ensure_running()  # a thread that starts it would hear Ctrl-C again

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(self._perform, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Kills the workers without waiting for their tasks, which are cancelled. A second call does nothing."""
        with self._lock:
            self._closed = True
            for process in self._processes:
                process.kill()
        super().shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.join()

    def _perform(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs a task in this thread's process."""
        for death in range(DEATHS):
            if death and not self._closed:
                self._on_death(*args)
            worker = self._worker()
            try:
                worker.connection.send((fn, args, kwargs))
                done, result = worker.connection.recv()
            except (EOFError, OSError):  # the process died
                worker.process.join()
                worker.connection.close()
                del self._thread.worker
                continue
            if done:
                return result
            raise SuiteError(result)
        if self._closed:
            raise CancelledError
        raise SuiteError(
            f"{DEATHS} worker processes died while they ran it, most often for lack of memory. Use fewer --workers or "
            "a machine with more memory, and go on with --resume."
        )

    def _worker(self) -> _Worker:
        if not hasattr(self._thread, "worker"):
            if not hasattr(self._thread, "index"):
                self._thread.index = next(self._indices)
            with self._lock:
                if self._closed:
                    raise CancelledError
                self._thread.worker = self._started(self._thread.index)
        worker: _Worker = self._thread.worker
        return worker

    def _started(self, index: int) -> _Worker:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=serve, args=(theirs, _share(cores(), index), _share(visible_gpus(), index)))
        try:
            with working_folder.LOCK:
                process.start()
        except OSError as error:
            raise SuiteError(f"The worker processes cannot be started: {error}. Try --workers 1.") from error
        theirs.close()
        self._processes.append(process)
        return _Worker(process, ours)


def serve(connection: Connection, core: int | None, gpu: str | None) -> None:
    """Runs tasks in a worker process, until the connection ends. ``core`` and ``gpu``: all that it may use."""
    os.environ.update(single_threaded())
    if core is not None:
        os.sched_setaffinity(0, {core})
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    if sys.platform == "linux":  # a thread is not enough, because a library may hold the interpreter's lock
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            fn, args, kwargs = pickle.loads(task)
            connection.send((True, fn(*args, **kwargs)))
        except (Exception, SystemExit) as error:
            connection.send(
                (False, str(error) if isinstance(error, SuiteError) else f"{type(error).__name__}: {error}")
            )


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def single_threaded() -> dict[str, str]:
    """The environment variables of a process whose backend has one thread."""
    given = os.environ.get("XLA_FLAGS", "").split()
    flags = given if XLA_SINGLE_THREADED in given else [*given, XLA_SINGLE_THREADED]
    return {**SINGLE_THREADED, "XLA_FLAGS": " ".join(flags)}


def _block_interrupts() -> None:
    """Blocks SIGINT in this thread, and so in the processes that it starts: Ctrl-C is for the main thread."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _share(of: Sequence[Any], index: int) -> Any:
    return of[index % len(of)] if of else None


def cores() -> tuple[int, ...]:
    """The cores that this process may use; empty where the system has no such list."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def visible_gpus() -> tuple[str, ...]:
    """The GPUs in CUDA_VISIBLE_DEVICES; without that variable, the numbers of all GPUs that the driver knows."""
    from harness.environment import gpu

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return tuple(filter(None, (name.strip() for name in given.split(","))))
    return tuple(map(str, range(gpu.count())))


def count(asked: int | None, tasks: int) -> int:
    """The number of workers for ``tasks`` tasks. SuiteError if more are asked for than cores or free memory allow.

    Args:
        asked: the value of --workers; None without it.
        tasks: number of tasks.
    """
    most = len(cores()) or os.cpu_count() or 1
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

    free = [psutil.virtual_memory().available]
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no container, or "max"
            free.append(int(Path(path).read_text("ascii")))
    return float(min(free))
