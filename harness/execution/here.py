"""Runs tasks in this process, one after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic

from harness.execution.task import E, Ledger, Message, R, Reported, T, Work, end


class InProcess(Generic[T, E, R]):
    """Runs tasks in ``wait``, in the order in which they were submitted."""

    def __init__(self, work: Work[T, E, R], handle: Callable[[Message[E, R]], None]) -> None:
        self._work = work
        self._handle = handle
        self._ledger = Ledger()
        self._tasks: deque[T] = deque()

    def submit(self, task: T) -> None:
        self._ledger.begin(task.name)
        self._tasks.append(task)

    def wait(self, *names: str) -> None:
        while self._ledger.waiting(names):
            task = self._tasks.popleft()

            def report(event: E, name: str = task.name) -> None:
                try:
                    self._handle(Reported(name, event))
                except Exception as error:
                    raise _NotHandledError(error) from error

            try:
                message = end(self._work, task, report)
            except _NotHandledError as stopped:
                raise stopped.error from None
            finally:
                self._ledger.end(task.name)
            self._handle(message)

    def poll(self) -> None:
        """Does nothing: tasks run in ``wait`` only."""

    def close(self) -> None:
        self._tasks.clear()


class _NotHandledError(BaseException):
    """``handle`` raised ``error``. The task has not failed, so nothing inside the task may catch it."""

    def __init__(self, error: Exception) -> None:
        self.error = error
