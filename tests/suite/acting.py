"""A plugin (-p tests.suite.acting) that slows trainings down, starves them or kills their process, wherever they run.

The environment variable ``SLOW`` is the number of seconds to wait after each trial. ``DEADLY`` names a training, such
as "example-2/raw": a process that begins it dies. ``HUNGRY`` says how the training ``NEEDY`` runs out of memory:
"refused", it requests more memory for a layer's weights than any machine has; or "gone", the device disappears in its
second block of seeds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from harness.model import Trial
from suite.session import task, trials
from suite.session.task import Event, Result, Task

NEEDY = EXPERIMENT, VARIANT = "example-2", "raw"
perform = task.perform


def too_large() -> Any:
    """A linear layer with 2⁴⁶ weights, a quarter of a pebibyte."""
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2**45)])


@contextlib.contextmanager
def gone() -> Iterator[None]:
    """The second launch fails as it does when a driver loses its GPU, and so does all that follows."""
    import jax

    from harness.training.vectorized import VectorizedProgram

    launch = VectorizedProgram.launch_all
    done: list[bool] = []

    def failing(self: Any, orders: Any) -> Any:
        if done:
            raise jax.errors.JaxRuntimeError("INTERNAL: CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure")
        done.append(True)
        return launch(self, orders)

    with mock.patch.object(VectorizedProgram, "launch_all", failing):
        yield


@contextlib.contextmanager
def refused() -> Iterator[None]:
    declared = task.EXPERIMENTS[EXPERIMENT]
    own = dataclasses.replace(declared.variant(VARIANT), model=too_large)
    changed = dataclasses.replace(declared, variants=tuple(own if v.name == VARIANT else v for v in declared.variants))
    with mock.patch.dict(task.EXPERIMENTS, {EXPERIMENT: changed}):
        yield


def acting(asked: Task, report: Callable[[Event], None], /) -> None:
    if asked.name == os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)

    def then_wait(event: Event) -> None:
        report(event)
        if isinstance(event, Trial):
            time.sleep(float(os.environ.get("SLOW", "0")))

    with contextlib.ExitStack() as wanting:
        if asked.key == NEEDY and "HUNGRY" in os.environ:
            task.start(asked.backend, asked.precision)
            wanting.enter_context({"refused": refused, "gone": gone}[os.environ["HUNGRY"]]())
        perform(asked, then_wait)


def attempt(asked: Task, report: Callable[[Event], None] | None = None, /) -> Result:
    """A worker process that gets this task imports this module."""
    return task.attempt(asked, report)


task.perform = acting
trials.attempt = attempt
