"""A Dask scheduler and its workers as programs of their own, as on a cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 60
"""Seconds that a program may take to start."""


class Programs:
    """Starts schedulers and workers, and ends them all at the end of the ``with`` block.

    Their output goes to files in ``folder``. ``started``: all programs, in order.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Programs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.started:
            kill(process)

    def scheduler(self, port: int = 0) -> str:
        """Starts ``dask scheduler`` and returns its address; ``port`` 0 is any that is free."""
        port = port or free_port()
        address = f"tcp://127.0.0.1:{port}"
        process = self.start("scheduler", "--host", address, "--no-dashboard")
        until(lambda: _answers(port), process)
        return address

    def worker(self, address: str, *options: str, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        """Starts ``dask worker`` in a checkout, and waits until the scheduler knows it."""
        from distributed import Client

        threads = () if "--nthreads" in options else ("--nthreads", "1")
        with Client(address, set_as_default=False) as client:
            known = len(client.nthreads())
            process = self.start(
                "worker", address, "--no-dashboard", "--memory-limit", "0", *threads, *options, cwd=cwd
            )
            until(lambda: len(client.nthreads()) > known, process)
        return process

    def start(self, *command: str, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        """Starts ``dask COMMAND`` in a process group of its own."""
        with (self._folder / f"dask-{len(self.started)}.log").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                cwd=cwd,
                env={**os.environ, "PYTHONPATH": str(cwd)},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a program and the processes that it has started, as a node that goes away."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for a condition while the program runs."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert process.poll() is None, f"the program ended with status {process.returncode}: {process.args!r}"
        assert time.monotonic() < end, f"not started within {LONGEST} s: {process.args!r}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
