"""What the faults of the blind rounds share: whoever wrote them had seen neither the checks nor the other faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch

GROUP = "written after the checks"
KERAS = "keras.src"
JAX = "harness.training.compiled_jax:JaxProgram"
MLP = ("more-data", "2,000 images")
RNN = ("batch-normalization-examples", "rnn")
CNN = ("batch-normalization-examples", "cnn")
NORMALISED = ("batch-normalization-rates", "normalised, rate 0.1")

Original = Callable[..., Any]


def fault(
    name: str, owner: str, attribute: str, change: Callable[[Any], Any], yardstick: tuple[str, str] | None
) -> Fault:
    """A fault of one patch."""
    return Fault(name, GROUP, (Patch(owner, attribute, change),), yardstick)
