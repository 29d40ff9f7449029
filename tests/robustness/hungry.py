"""A plugin (-p tests.robustness.hungry) with which a training runs out of memory.

HUNGRY says how it ends. "refused": a variant of Example 2 requests more memory for a layer's weights than any machine
has. "gone": the device disappears in that variant's second block of seeds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from suite.session import task, trials

WAY = "HUNGRY"
"""The environment variable that says how."""
EXPERIMENT, VARIANT = "example-2", "raw"


def too_large() -> Any:
    """A linear layer with 2⁴⁶ weights, a quarter of a pebibyte."""
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2**45)])


@contextlib.contextmanager
def disappearing() -> Iterator[None]:
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
def needing_too_much() -> Iterator[None]:
    declared = task.EXPERIMENTS[EXPERIMENT]
    own = dataclasses.replace(declared.variant(VARIANT), model=too_large)
    changed = dataclasses.replace(declared, variants=tuple(own if v.name == VARIANT else v for v in declared.variants))
    with mock.patch.dict(task.EXPERIMENTS, {EXPERIMENT: changed}):
        yield


def perform(asked: task.Task, report: Callable[[task.Event], None], /) -> None:
    """What a process does with a task, in want of memory."""
    way = os.environ[WAY]
    with contextlib.ExitStack() as wanting:
        if (asked.experiment, asked.variant) == (EXPERIMENT, VARIANT):
            task.start(asked.backend, asked.precision)
            wanting.enter_context(disappearing() if way == "gone" else needing_too_much())
        trained(asked, report)


def attempt(asked: task.Task, report: Callable[[task.Event], None] | None = None, /) -> task.Result:
    """A worker process that gets this task imports this module."""
    return task.attempt(asked, report)


trained, task.perform = task.perform, perform
trials.attempt = attempt
