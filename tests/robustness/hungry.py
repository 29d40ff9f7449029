"""A plugin (-p tests.robustness.hungry) with which one variant of Example 2 needs more memory than there is.

HUNGRY says how that ends: "refused" asks for more than any machine has, for the weights of a layer; "killed" dies as of
the system's own hand, which kills with -9 what has taken too much.
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
EXPERIMENT, VARIANT = "example-2", "raw"


def too_large() -> Any:
    """A linear layer with 2⁴⁶ weights, a quarter of a pebibyte."""
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2**45)])


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from suite import trials

    train = trials.train

    def hungry(declared: Any, variant: str, *rest: Any) -> Any:
        if (declared.id, variant) == (EXPERIMENT, VARIANT):
            if os.environ[WAY] == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            own = dataclasses.replace(declared.variant(variant, "quick"), model=too_large)
            declared = dataclasses.replace(declared, variants=(own,))
        return train(declared, variant, *rest)

    with mock.patch.object(trials, "train", hungry):
        return (yield)
