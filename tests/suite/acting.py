"""A plugin (-p tests.suite.acting) that slows trainings down or kills their process, wherever they run.

The environment variable ``SLOW`` is the number of seconds to wait after each trial. ``DEADLY`` names a training, such
as "example-2/raw": a process that begins it dies.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from harness.model import Trial
from suite.session import task, trials
from suite.session.task import Event, Result, Task

perform = task.perform


def slowly(asked: Task, report: Callable[[Event], None], /) -> None:
    if asked.name == os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)

    def then_wait(event: Event) -> None:
        report(event)
        if isinstance(event, Trial):
            time.sleep(float(os.environ.get("SLOW", "0")))

    perform(asked, then_wait)


def attempt(asked: Task, report: Callable[[Event], None] | None = None, /) -> Result:
    """A worker process that gets this task imports this module."""
    return task.attempt(asked, report)


task.perform = slowly
trials.attempt = attempt
