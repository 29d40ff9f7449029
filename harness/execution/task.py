"""Tasks, the work that performs them, the messages about them, and the protocol of the places that run them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from harness.errors import SuiteError


class Named(Protocol):
    """A task: small and picklable, with a name that is unique in its place."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
T_contra = TypeVar("T_contra", bound=Named, contravariant=True)
E = TypeVar("E")
R = TypeVar("R")


@dataclass(frozen=True)
class Work(Generic[T, E, R]):
    """How to perform a task. Other processes import both functions by name.

    Attributes:
        perform: (task, report) -> result. It performs the task, and calls ``report`` with each event as it happens.
            Events and results are picklable.
        remaining: (task, events) -> the rest of a task whose worker died after it reported these events, under the same
            name; None if nothing is left.
    """

    perform: Callable[[T, Callable[[E], None]], R]
    remaining: Callable[[T, Sequence[E]], T | None]


@dataclass(frozen=True)
class Reported(Generic[E]):
    """An event of a task. The events of a task arrive in order, and before its end."""

    name: str
    event: E


@dataclass(frozen=True)
class RunAgain:
    """The worker of a task died. The rest of the task runs again, in another process."""

    name: str


@dataclass(frozen=True)
class Refused:
    """A worker with other code or versions took the task, was sent away, and another one runs the task."""

    name: str
    reason: str


@dataclass(frozen=True)
class Done(Generic[R]):
    """The end of a task. ``result`` is None if its worker died after the last event, with nothing left to do."""

    name: str
    result: R | None


@dataclass(frozen=True)
class Failed:
    """The end of a task without a result.

    Attributes:
        reason: why it failed, in sentences.
        details: the traceback of an unexpected error; "" for a SuiteError.
    """

    name: str
    reason: str
    details: str = ""


Message = Reported[E] | RunAgain | Refused | Done[R] | Failed


class Place(Protocol[T_contra]):
    """Runs tasks, and passes their messages to a handler, in the caller's thread.

    Any method raises SuiteError if the place cannot go on. Call ``close`` even then.
    """

    def submit(self, task: T_contra) -> None:
        """Adds a task. SuiteError if its name was submitted before."""

    def wait(self, *names: str) -> None:
        """Handles messages of all tasks until the named tasks have ended; without names, until all tasks have ended.

        SuiteError for a name that was never submitted.
        """

    def poll(self) -> None:
        """Handles the messages that have arrived, without waiting."""

    def close(self) -> None:
        """Handles the messages so far, then stops all tasks and processes. A second call does nothing."""


def end(work: Work[T, E, R], task: T, report: Callable[[E], None]) -> Done[R] | Failed:
    """Performs the task in this process. Any exception of it, except KeyboardInterrupt, gives ``Failed``."""
    try:
        return Done(task.name, work.perform(task, report))
    except SuiteError as error:
        return Failed(task.name, str(error))
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        reason = type(error).__name__ + (f": {text}" if text else "")
        return Failed(task.name, reason, traceback.format_exc())


class Ledger:
    """The submitted tasks by name, and which of them have ended."""

    def __init__(self) -> None:
        self._ended: dict[str, bool] = {}

    def begin(self, name: str) -> None:
        if name in self._ended:
            raise SuiteError(f"The task {name!r} was submitted before. Give each task a name of its own.")
        self._ended[name] = False

    def end(self, name: str) -> None:
        self._ended[name] = True

    def waiting(self, names: Iterable[str]) -> bool:
        """Whether one of the named tasks has not ended; without names, whether any task has not."""
        wanted = tuple(names) or tuple(self._ended)
        if unknown := [name for name in wanted if name not in self._ended]:
            raise SuiteError(f"Cannot wait for the task {unknown[0]!r}: it was never submitted. Submit it first.")
        return not all(self._ended[name] for name in wanted)
