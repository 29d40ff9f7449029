"""An executor on the workers of a running Dask cluster. Only this module needs ``distributed``, of the extra cluster.

Workers may join and leave meanwhile. Dask runs a task again if its worker died, as often as the scheduler's setting
``allowed-failures`` says.
"""

from __future__ import annotations

import functools
import os
import platform
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from harness.course import ROOT, folder
from harness.environment.fingerprint import code, version
from harness.errors import SuiteError, invalid
from harness.execution.local import single_threaded

if TYPE_CHECKING:
    from distributed import Client

TIMEOUT = 30.0
"""Seconds to wait for the scheduler, and then for its first worker."""
LONELY = 300.0
"""Seconds that a cluster may be without a worker during a run."""
GPU = "GPU"
"""The resource of a worker with a GPU: ``dask worker ADDRESS --resources GPU=1``."""
PACKAGES = ("harness", "suite")
"""The code that a task runs, besides the course's."""
OWN = random.Random()


class Cluster(Executor):
    """Connects to the scheduler at ``address``, such as "tcp://10.0.0.1:8786".

    A worker that joins later with other code or versions leaves again. If some workers have Dask's resource GPU, each
    task takes one, so workers without a GPU get none. If the connection or all workers are lost, all tasks are
    cancelled.

    Args:
        packages: whose versions the workers must share besides Keras and NumPy.

    Attributes:
        number: of tasks that the cluster runs at the same time.
        lost: why the tasks were cancelled, or "".

    Raises:
        SuiteError: no scheduler answers, it has no worker, or a worker has other code or versions.
    """

    def __init__(self, address: str, packages: Sequence[str] = ()) -> None:
        self._facts = environment(*packages)
        self._client = _connected(address, self._facts)
        self.number = max(1, sum(self._client.nthreads().values()))
        self.lost = "The connection to the Dask scheduler is lost. Go on with --resume."
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        with_gpu = any(worker.get("resources", {}).get(GPU) for worker in workers)
        self._executor = self._client.get_executor(pure=False, resources={GPU: 1} if with_gpu else {})
        self._closed = threading.Event()
        keep_random_numbers_apart()
        threading.Thread(target=self._watch, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self._executor.submit(checked, self._facts, fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Cancels all tasks. A second call does nothing."""
        self._closed.set()
        self._executor.shutdown(wait=False)
        self._client.close()

    def _watch(self) -> None:
        """Cancels all tasks where the cluster has had no worker for LONELY seconds."""
        seen = time.monotonic()
        while not self._closed.wait(LONELY / 10):
            try:
                if self._client.nthreads():
                    seen = time.monotonic()
            except Exception:  # of a connection that is lost; Dask then cancels the tasks
                return
            if time.monotonic() - seen > LONELY:
                self.lost = f"The cluster has had no worker for {LONELY:g} s. Start some, and go on with --resume."
                self._executor.shutdown(wait=False)
                return


def checked(facts: Mapping[str, str], fn: Callable[..., Any], /, *args: Any) -> Any:
    """Runs a task on a worker of the cluster. A worker with other facts leaves, and another one runs the task."""
    from distributed import Reschedule, get_worker
    from distributed.utils import sync

    if difference(facts):
        worker = get_worker()
        sync(worker.loop, worker.scheduler.retire_workers, workers=[worker.address], close_workers=True)
        raise Reschedule
    keep_random_numbers_apart()
    os.environ.update(single_threaded())
    return fn(*args)


def keep_random_numbers_apart() -> None:
    """Gives the modules of Dask a generator of their own.

    Their threads draw from Python's at any moment, and a training seeds it for Keras, which draws its seeds from it.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("dask", "distributed", "tornado") and vars(module).get("random") is random:
            vars(module)["random"] = OWN


def _connected(address: str, facts: Mapping[str, str]) -> Client:
    try:
        from distributed.comm.addressing import get_address_host_port
    except ModuleNotFoundError as error:
        raise SuiteError(f"--cluster needs the extra cluster: {error}. Install distributed.") from error
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
        differences = client.run(difference, dict(facts))
    except TimeoutError as error:
        raise SuiteError(
            f"The scheduler at {address} has no worker. Start some with `dask worker {address} --nthreads 1`."
        ) from error
    except ModuleNotFoundError as error:
        raise SuiteError(
            f"The workers of {address} lack a module: {error}. Start them in a checkout of this project, with its "
            "environment."
        ) from error
    for worker, text in sorted(differences.items()):
        if text:
            raise SuiteError(
                f"The worker {worker} has {text}. Its results would differ. Start it with the same checkout and "
                "environment."
            )


PYTHON, COURSE, CODE = "Python", "the course", "the project's code"


@functools.cache
def environment(*packages: str) -> dict[str, str]:
    """What of a process decides the results of its tasks: versions, course, and a hash of the code."""
    versions = {name: version(name, f"{name}-nightly") or "none" for name in ("keras", "numpy", *packages)}
    hashed = code(*(ROOT / name for name in PACKAGES), folder())
    return {PYTHON: platform.python_version(), **versions, COURSE: folder().name, CODE: hashed}


def difference(facts: Mapping[str, str]) -> str:
    """What this process has otherwise than ``facts`` say, in words; "" if nothing."""
    ours = environment(*sorted(facts.keys() - {PYTHON, COURSE, CODE}))
    return ", ".join(
        f"{name} {ours[name]} instead of {wanted}" for name, wanted in facts.items() if ours[name] != wanted
    )
