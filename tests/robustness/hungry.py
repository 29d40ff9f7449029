"""A plugin (-p tests.robustness.hungry) with which something needs more memory than there is.

HUNGRY says what, and how that ends: "refused", a variant of Example 2 asks for more than any machine has, for the
weights of a layer; "killed", it dies as of the system's own hand, which kills with -9 what has taken too much; "exact",
so does an exact claim.
"""

from __future__ import annotations

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


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from suite import trials
    from suite.run import SuiteRun

    train, decide, way = trials.train, SuiteRun.decide_exact, os.environ[WAY]

    def hungry(declared: Any, variant: str, *rest: Any, **how: Any) -> Any:
        if (declared.id, variant) == (EXPERIMENT, VARIANT) and way != "exact":
            if way == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            own = dataclasses.replace(declared.variant(variant, "quick"), model=too_large)
            declared = dataclasses.replace(declared, variants=(own,))
        return train(declared, variant, *rest, **how)

    def hungry_claim(run: SuiteRun, claim: Any) -> Any:
        if claim.key == CLAIM and way == "exact":
            os.kill(os.getpid(), signal.SIGKILL)
        return decide(run, claim)

    with mock.patch.object(trials, "train", hungry), mock.patch.object(SuiteRun, "decide_exact", hungry_claim):
        return (yield)
