"""A plugin (-p tests.robustness.hungry) with which something needs more memory than there is.

HUNGRY says what, and how that ends: "refused", a variant of Example 2 asks for more than any machine has, for the
weights of a layer; "gone", the device disappears in that variant's second block of seeds; "killed", it dies as of the
system's own hand, which kills with -9 what has taken too much; "exact", so does an exact claim.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

WAY = "HUNGRY"
"""The environment variable that says how."""
EXPERIMENT, VARIANT, CLAIM = "example-2", "raw", "minmax-table"


def too_large() -> Any:
    """A linear layer with 2⁴⁶ weights, a quarter of a pebibyte."""
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2**45)])


@contextlib.contextmanager
def disappearing() -> Iterator[None]:
    """The second launch fails as it does when a driver loses its GPU, and so does all that follows."""
    import jax

    from harness.training.vectorized_jax import VectorizedProgram

    launch = VectorizedProgram.launch_all
    done: list[bool] = []

    def failing(self: Any, orders: Any, initial: Any) -> Any:
        if done:
            raise jax.errors.JaxRuntimeError("INTERNAL: CUDA_ERROR_LAUNCH_FAILED: unspecified launch failure")
        done.append(True)
        return launch(self, orders, initial)

    with (
        mock.patch.object(VectorizedProgram, "launch_all", failing),
        mock.patch.object(VectorizedProgram, "computes", return_value=False),
    ):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from suite.run import SuiteRun

    from suite import trials

    train, decide, way = trials.train, SuiteRun.decide_exact, os.environ[WAY]

    def hungry(declared: Any, variant: str, *rest: Any, **how: Any) -> Any:
        if (declared.id, variant) == (EXPERIMENT, VARIANT) and way != "exact":
            if way == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if way == "gone":
                with disappearing():
                    return train(declared, variant, *rest, **how)
            own = dataclasses.replace(declared.variant(variant), model=too_large)
            declared = dataclasses.replace(declared, variants=(own,))
        return train(declared, variant, *rest, **how)

    def hungry_claim(run: SuiteRun, claim: Any) -> Any:
        if claim.key == CLAIM and way == "exact":
            os.kill(os.getpid(), signal.SIGKILL)
        return decide(run, claim)

    with mock.patch.object(trials, "train", hungry), mock.patch.object(SuiteRun, "decide_exact", hungry_claim):
        return (yield)
