"""Runs tasks on the workers of a running Dask cluster."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.errors import SuiteError, invalid
from harness.execution.pool import Finished, Pool
from harness.execution.surroundings import difference, surroundings
from harness.execution.task import E, Message, R, T, Work
from harness.execution.worker import Share

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT = 30.0
"""Seconds to wait for the scheduler, and then for its first worker."""
LONELY = 300.0
"""Seconds that a cluster may be without a worker during a run."""
GPU = "GPU"
"""The resource of a worker with a GPU: ``dask worker ADDRESS --resources GPU=1``."""


class Cluster(Pool[T, E, R]):
    """Connects to the scheduler at ``address``, such as "tcp://10.0.0.1:8786".

    Workers may join and leave meanwhile. A worker with other code or versions is sent away. If some workers have Dask's
    resource GPU, each task takes one, so workers without a GPU get none.

    Args:
        packages: whose versions the workers must share besides Keras and NumPy.

    Raises:
        SuiteError: no scheduler answers, it has no worker, or a worker has other code or versions.
    """

    def __init__(
        self,
        work: Work[T, E, R],
        handle: Callable[[Message[E, R]], None],
        address: str,
        packages: Sequence[str] = (),
    ) -> None:
        facts = surroundings(packages)
        client = _connected(address, facts)
        share = Share(facts=facts, single_threaded=True)
        super().__init__(work, handle, client, share, {GPU: 1} if _with_gpu(client) else {})

    def _next(self) -> bytes | Finished:
        """The next message. SuiteError if there has been no worker for LONELY seconds."""
        alone: float | None = None
        while True:
            try:
                return self._inbox.get(timeout=LONELY / 10)
            except queue.Empty:
                if self._has_workers():
                    alone = None
                elif alone is None:
                    alone = time.monotonic()
                elif time.monotonic() - alone > LONELY:
                    raise SuiteError(
                        f"The cluster has had no worker for {LONELY:g} s. Start some, and go on with --resume."
                    ) from None

    def _has_workers(self) -> bool:
        try:
            return bool(self._client.nthreads())
        except (OSError, TimeoutError):
            return False


def _with_gpu(client: Client) -> bool:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return any(worker.get("resources", {}).get(GPU) for worker in workers)


def capacity(address: str, packages: Sequence[str] = ()) -> int:
    """The number of tasks that the cluster runs at the same time. SuiteError as for ``Cluster``."""
    client = _connected(address, surroundings(packages))
    try:
        return max(1, sum(client.nthreads().values()))
    finally:
        client.close()


def _connected(address: str, facts: Mapping[str, str]) -> Client:
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
        _check(client, address, facts)
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


def _check(client: Client, address: str, facts: Mapping[str, str]) -> None:
    """SuiteError unless there is a worker, and all workers have these facts."""
    try:
        client.wait_for_workers(1, timeout=TIMEOUT)
        found = client.run(difference, dict(facts))
    except TimeoutError as error:
        raise SuiteError(
            f"The scheduler at {address} has no worker. Start some with `dask worker {address} --nthreads 1`."
        ) from error
    except ModuleNotFoundError as error:
        raise SuiteError(
            f"The workers of {address} lack a module: {error}. Start them in a checkout of this project, with its "
            "environment."
        ) from error
    for worker, text in sorted(found.items()):
        if text:
            raise SuiteError(
                f"The worker {worker} has {text}. Its results would differ. Start it with the same checkout and "
                "environment."
            )
