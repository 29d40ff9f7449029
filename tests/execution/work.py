"""Small tasks, each a list of steps. Worker processes need to import only this module."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import SuiteError
from harness.execution.task import Work


@dataclass(frozen=True)
class Job:
    """A task that performs its steps in order. ``perform`` lists the possible steps."""

    name: str
    steps: tuple[tuple, ...] = ()


def perform(job: Job, report: Callable[[object], None]) -> object:
    result: object = None
    for action, *values in job.steps:
        if action == "report":
            report(values[0])
        elif action == "report function":
            report(lambda: None)
        elif action == "report pid once":
            path = Path(values[0])
            if not path.exists():
                path.write_text(str(os.getpid()))
                time.sleep(60)
        elif action == "reports":
            for number in range(values[0]):
                report(number)
        elif action == "report and die":
            report(values[0])
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "sleep":
            time.sleep(values[0])
        elif action == "hold":  # the interpreter's lock, for an hour
            sum(range(10**12))
        elif action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "die once":
            if not Path(values[0]).exists():
                Path(values[0]).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        elif action == "refuse":
            raise SuiteError(values[0])
        elif action == "break":
            raise ZeroDivisionError(values[0])
        elif action == "exit":
            raise SystemExit(3)
        elif action == "unpicklable":
            return lambda: None
        elif action == "surroundings":
            names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "XLA_FLAGS", "CUDA_VISIBLE_DEVICES")
            result = (os.getpid(), os.sched_getaffinity(0), {name: os.environ.get(name) for name in names})
        elif action == "draw":  # from Python's generator, while Dask's threads are busy
            random.seed(0)
            for number in range(values[0]):
                report({str(i): number for i in range(50)})
            drawn = random.random()
            shared = [name for name, one in sys.modules.items() if vars(one).get("random") is random]
            result = drawn, [name for name in shared if name.startswith(("dask", "distributed", "tornado"))]
        elif action == "worker":
            from distributed import get_worker

            result = get_worker().name
        elif action == "return":
            result = values[0]
        else:
            raise AssertionError(action)
    return result


def remaining(job: Job, events: Sequence[object]) -> Job | None:
    """The job without the steps that have reported; None if nothing is left."""
    steps = list(job.steps)
    for event in events:
        while steps.pop(0)[1:] != (event,):
            pass
    return replace(job, steps=tuple(steps)) if steps else None


WORK: Work[Job, object, object] = Work(perform, remaining)
