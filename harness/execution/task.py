"""What is run: a task, the work that is done with it, and the messages that say what became of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from harness.errors import SuiteError


class Named(Protocol):
    """A task: small, picklable, with a name that no other task of the same place has."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
T_contra = TypeVar("T_contra", bound=Named, contravariant=True)
E = TypeVar("E")
R = TypeVar("R")


@dataclass(frozen=True)
class Work(Generic[T, E, R]):
    """What is done with a task. Both functions are importable by name: other processes find them that way.

    Attributes:
        perform: does a task, calls its second argument with each event as it happens, and returns the result. Events
            and results are picklable.
        remaining: what is left of a task whose worker died after it had reported these events; None where that is
            nothing. It has the task's name.
    """

    perform: Callable[[T, Callable[[E], None]], R]
    remaining: Callable[[T, Sequence[E]], T | None]


@dataclass(frozen=True)
class Reported(Generic[E]):
    """A task's event. All events of a task come in order and before its end."""

    name: str
    event: E


@dataclass(frozen=True)
class RunAgain:
    """The worker of this task died. What is left of the task is run once more, in another process."""

    name: str


@dataclass(frozen=True)
class Done(Generic[R]):
    """The end of a task. ``result`` is None where its worker died after the last event, with nothing left to do."""

    name: str
    result: R | None


@dataclass(frozen=True)
class Failed:
    """The end of a task without a result.

    Attributes:
        reason: one sentence, or several, for people.
        details: the traceback of an error that nobody foresaw; "" for a SuiteError.
    """

    name: str
    reason: str
    details: str = ""


Message = Reported[E] | RunAgain | Done[R] | Failed


class Place(Protocol[T_contra]):
    """Runs tasks, and hands each message of theirs to the one function that it was made with, in the caller's thread.

    SuiteError from any method where it cannot go on. ``close`` is to be called all the same.
    """

    def submit(self, task: T_contra) -> None:
        """Has the task run; SuiteError for a name that was submitted before."""

    def wait(self, *names: str) -> None:
        """Handles messages of any task as they arrive, until the named tasks have ended; without names, until all have.

        SuiteError for a name that was not submitted.
        """

    def poll(self) -> None:
        """Handles the messages that have arrived, and does not wait."""

    def close(self) -> None:
        """Handles what has been reported, then ends what still runs, and every process. A second call does nothing."""


def end(work: Work[T, E, R], task: T, report: Callable[[E], None]) -> Done[R] | Failed:
    """Does the task in this process, whatever it raises; KeyboardInterrupt alone passes."""
    try:
        return Done(task.name, work.perform(task, report))
    except SuiteError as error:
        return Failed(task.name, str(error))
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        reason = type(error).__name__ + (f": {said}" if said else "")
        return Failed(task.name, reason, traceback.format_exc())


class Ledger:
    """The names of the tasks that were submitted, and which of them have ended."""

    def __init__(self) -> None:
        self._ended: dict[str, bool] = {}

    def begin(self, name: str) -> None:
        if name in self._ended:
            raise SuiteError(f"The task {name!r} was submitted before. Each name is one task.")
        self._ended[name] = False

    def end(self, name: str) -> None:
        self._ended[name] = True

    def waiting(self, names: Iterable[str]) -> bool:
        """Whether one of these has not ended, or, of none, one of all."""
        wanted = tuple(names) or tuple(self._ended)
        if unknown := [name for name in wanted if name not in self._ended]:
            raise SuiteError(f"The task {unknown[0]!r} is waited for and was never submitted.")
        return not all(self._ended[name] for name in wanted)
