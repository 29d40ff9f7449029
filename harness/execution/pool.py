"""Runs tasks in the worker processes of a Dask scheduler.

Dask starts tasks, moves them to idle workers, and notices workers that die. The events and the end of a task are
events of one Dask topic. They arrive in order, and before the news that their worker has died. Dask never runs a task
again: only this process knows which events have arrived, and so what is left of the task. A worker that hangs is not
noticed, because there is no limit of time that holds for every training on every machine.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

from harness.errors import SuiteError
from harness.execution.task import Done, E, Failed, Ledger, Message, R, Refused, Reported, RunAgain, T, Work
from harness.execution.worker import Differs, Share, Started, attempt, keep_random_numbers_apart

if TYPE_CHECKING:
    from distributed import Client, Future

DEATHS = 2
"""Number of workers that may die of a task. The task then fails."""
FLUSH = 5.0
"""Seconds that ``close`` waits for messages that are on their way."""


@dataclass
class _Attempt(Generic[T, E]):
    """A task that Dask runs. ``deaths`` counts the workers that died of it before."""

    task: T
    deaths: int
    future: Future
    started: bool = False
    events: list[E] = field(default_factory=list)


@dataclass(frozen=True)
class Finished:
    """Dask's notice that an attempt is over. The task's own end has usually arrived before."""

    number: int
    status: str
    error: BaseException | None


class Pool(Generic[T, E, R]):
    """Runs tasks through ``client``, which it closes.

    Args:
        work: how to perform a task.
        handle: called with every message, in the thread that calls ``wait``, ``poll`` or ``close``.
        client: connected to a scheduler.
        share: what a worker does before its first task.
        resources: what of a worker a task takes, by Dask's name of the resource.
    """

    def __init__(
        self,
        work: Work[T, E, R],
        handle: Callable[[Message[E, R]], None],
        client: Client,
        share: Share,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        self._work = work
        self._handle = handle
        self._client = client
        self._share = share
        self._resources = resources or {}
        self._topic = f"task-{uuid.uuid4().hex}"
        self._ledger = Ledger()
        self._submitted = 0
        self._running: dict[int, _Attempt[T, E]] = {}
        self._inbox: queue.SimpleQueue[bytes | Finished] = queue.SimpleQueue()
        self._closed = False
        keep_random_numbers_apart()
        client.subscribe_topic(self._topic, lambda event: self._inbox.put(event[1]))

    def submit(self, task: T) -> None:
        self._ledger.begin(task.name)
        try:
            self._attempt(task, deaths=0)
        except SuiteError:
            self._ledger.end(task.name)
            raise

    def wait(self, *names: str) -> None:
        while self._ledger.waiting(names):
            self._receive(self._next())

    def _next(self) -> bytes | Finished:
        return self._inbox.get()

    def poll(self) -> None:
        while not self._inbox.empty():
            self._receive(self._inbox.get())

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._flush()
        finally:
            self._stop()

    def _stop(self) -> None:
        self._client.close()

    def _refuse(self, address: str) -> None:
        """Ends a worker, so that the scheduler gives it no further task."""
        with contextlib.suppress(OSError, TimeoutError):
            self._client.retire_workers([address], close_workers=True)

    def _attempt(self, task: T, deaths: int) -> None:
        """Passes the task to Dask. SuiteError if it cannot be pickled."""
        self._submitted += 1
        number = self._submitted
        try:
            job = pickle.dumps((self._work, task))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise SuiteError(f"The task {task.name!r} cannot be sent to another process: {error}.") from error
        future = self._client.submit(
            attempt,
            number,
            task.name,
            self._share,
            job,
            self._topic,
            key=f"{self._topic}-{number}",
            pure=False,
            resources=self._resources,
        )
        self._running[number] = _Attempt(task, deaths, future)
        future.add_done_callback(lambda done: self._inbox.put(_finished(number, done)))

    def _receive(self, item: bytes | Finished) -> None:
        """Handles one item of the inbox. It ignores items of attempts that have ended."""
        if isinstance(item, Finished):
            if item.number in self._running:
                self._lost(self._running.pop(item.number), item)
            return
        number, message = pickle.loads(item)
        run = self._running.get(number)
        if run is None:
            return
        if isinstance(message, Started):
            if run.started:  # the scheduler, with other settings than ours, has run it again
                run.future.cancel()
                self._lost(self._running.pop(number), Finished(number, "error", None))
            run.started = True
            return
        if isinstance(message, Differs):
            del self._running[number]
            self._refuse(message.address)
            self._attempt(run.task, run.deaths)
            reason = f"The worker {message.address} has {message.text}. Its results would differ, so it was sent away."
            self._handle(Refused(message.name, reason))
            return
        if isinstance(message, Reported):
            run.events.append(message.event)
        else:
            del self._running[number]
            self._ledger.end(message.name)
        self._handle(message)

    def _lost(self, run: _Attempt[T, E], finished: Finished) -> None:
        """Handles an attempt that is over without the task's own end: runs the rest of the task, or lets it fail."""
        name = run.task.name
        error = type(finished.error).__name__
        if finished.status != "error":  # cancelled, or finished without a message of the task's end
            self._ledger.end(name)
            raise SuiteError("The connection to the Dask scheduler is lost. Go on with --resume.")
        if error in ("NoWorkerError", "NoValidWorkerError"):
            self._ledger.end(name)
            raise SuiteError(
                "No worker process is left, and none can be started. Free memory, and go on with --resume."
            )
        if error != "KilledWorker" and not run.started:
            self._ledger.end(name)
            self._handle(Failed(name, f"No worker process can begin this task. {error}: {finished.error}."))
            return
        deaths = run.deaths + run.started
        if deaths == DEATHS:
            self._ledger.end(name)
            self._handle(
                Failed(
                    name,
                    f"{DEATHS} worker processes died while they ran {name}, most often for lack of memory. Use fewer "
                    "--workers or a machine with more memory, and go on with --resume.",
                )
            )
            return
        left = self._work.remaining(run.task, run.events) if run.events else run.task
        if left is None:
            self._ledger.end(name)
            self._handle(Done(name, None))
            return
        self._attempt(left, deaths)
        if run.started:
            self._handle(RunAgain(name))

    def _flush(self) -> None:
        """Handles all messages that workers have sent so far: it sends one of its own, and reads until that arrives.

        The first may be sent before the subscription is active, so it repeats until one arrives.
        """
        mark = pickle.dumps((0, None))
        end = time.monotonic() + FLUSH
        while time.monotonic() < end:
            try:
                self._client.log_event(self._topic, mark)
                while (item := self._inbox.get(timeout=0.2)) != mark:
                    if isinstance(item, bytes):
                        self._receive(item)
                return
            except queue.Empty:
                continue
            except (OSError, TimeoutError):  # the scheduler cannot be reached
                return


def _finished(number: int, future: Future) -> Finished:
    return Finished(number, str(future.status), future.exception() if future.status == "error" else None)
