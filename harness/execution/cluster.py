"""Runs tasks on the workers of a running Dask cluster."""

from __future__ import annotations

import hashlib
import platform
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import harness
from harness.environment.fingerprint import version
from harness.errors import SuiteError, invalid
from harness.execution.pool import Pool
from harness.execution.task import E, Message, R, T, Work
from harness.execution.worker import Share

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT = 30.0
"""Seconds to wait for the scheduler, and then for its first worker."""


class Cluster(Pool[T, E, R]):
    """Connects to the scheduler at ``address``, such as "tcp://10.0.0.1:8786".

    SuiteError if no scheduler answers, if it has no worker, or if a worker has other code or versions.
    """

    def __init__(self, work: Work[T, E, R], handle: Callable[[Message[E, R]], None], address: str) -> None:
        super().__init__(work, handle, _connected(address), Share())


def capacity(address: str) -> int:
    """The number of tasks that the cluster runs at the same time. SuiteError as for ``Cluster``."""
    client = _connected(address)
    try:
        return max(1, sum(client.nthreads().values()))
    finally:
        client.close()


def _connected(address: str) -> Client:
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)  # a client without an address would print a traceback
        client = _client(address)
    except (OSError, TimeoutError) as error:
        raise SuiteError(
            f"No Dask scheduler answers at {address} within {TIMEOUT:g} s. Start one with `dask scheduler`, or correct "
            "--cluster."
        ) from error
    except ValueError as error:
        expected = "a scheduler's address, such as tcp://10.0.0.1:8786"
        raise invalid("--cluster", expected=expected, received=repr(address)) from error
    try:
        _check(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _client(address: str) -> Client:
    """Connects in a thread of its own, with a limit: Dask waits forever for a server that accepts and never answers."""
    from distributed import Client

    made: queue.SimpleQueue[Client | Exception] = queue.SimpleQueue()

    def make() -> None:
        try:
            made.put(Client(address, timeout=TIMEOUT, set_as_default=False))
        except Exception as error:
            made.put(error)

    threading.Thread(target=make, daemon=True).start()
    try:
        client = made.get(timeout=TIMEOUT + 1)
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(client, Exception):
        raise client
    return client


def _check(client: Client, address: str) -> None:
    """SuiteError unless there is a worker, and all workers have this process's Python, Keras and code."""
    try:
        client.wait_for_workers(1, timeout=TIMEOUT)
        found = client.run(surroundings)
    except TimeoutError as error:
        raise SuiteError(
            f"The scheduler at {address} has no worker. Start some with `dask worker {address} --nthreads 1`."
        ) from error
    except ModuleNotFoundError as error:
        raise SuiteError(
            f"The workers of {address} lack a module: {error}. Start them in a checkout of this project, with its "
            "environment."
        ) from error
    ours = surroundings()
    for worker, theirs in sorted(found.items()):
        for what, here in ours.items():
            if theirs[what] != here:
                raise SuiteError(
                    f"The worker {worker} has {what} {theirs[what]}, and this process has {here}. Its results would "
                    "differ. Start it with the same checkout and environment."
                )


def surroundings() -> dict[str, str]:
    """The facts of a process that decide the results of its tasks, by name."""
    return {
        "Python": platform.python_version(),
        "Keras": version("keras", "keras-nightly") or "none",
        "code": code(Path(harness.__file__).resolve().parent.parent),
    }


def code(root: Path) -> str:
    """A short hash of the code that trains: the modules of harness/ and cases/ under ``root``."""
    found = hashlib.sha256()
    for path in sorted(path for package in ("harness", "cases") for path in (root / package).rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]
