"""A plugin (-p tests.suite.acting) that slows trainings down or kills their process, wherever they run.

The environment variable ``SLOW`` is the number of seconds to wait after each trial. ``DEADLY`` names a training, such
as "example-2/raw": a process that begins it dies.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from harness.domain.trial import Trial
from harness.execution.task import Work
from suite.catalogue import training_name
from suite.session import trials
from suite.session.work import Event, Task, perform, remaining


def slowly(task: Task, report: Callable[[Event], None]) -> None:
    if training_name(task.experiment, task.variant) == os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)

    def then_wait(event: Event) -> None:
        report(event)
        if isinstance(event, Trial):
            time.sleep(float(os.environ.get("SLOW", "0")))

    perform(task, then_wait)


trials.WORK = Work(slowly, remaining)
