"""The steps of a Keras optimizer with given gradients, without a model or a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.training.backend import active


def trajectory(optimizer: Any, start: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights after each step of a fresh ``optimizer``, by its public ``apply`` or ``stateless_apply``.

    Args:
        optimizer: a Keras optimizer that has not been used.
        start: the variables' initial values, each of its own shape.
        gradients: for each variable the gradient of every step, (steps, *shape).

    Returns:
        For each variable an array (steps, *shape), float32 as Keras' variables.

    Raises:
        SuiteError: the shapes of ``start`` and ``gradients`` do not match, or there is no step.
    """
    import keras

    received = [np.shape(each) for each in gradients]
    count = received[0][:1] if received else ()
    expected = [(*count, *np.shape(value)) for value in start]
    if count in ((), (0,)) or received != expected:
        raise invalid(
            "gradients of a trajectory",
            expected="at least one step for each variable, all of (steps, *shape) with one number of steps, where the "
            f"shapes are {[np.shape(value) for value in start]}",
            received=f"shapes {received}",
        )
    variables = [keras.Variable(np.asarray(value, "float32")) for value in start]
    steps = [np.asarray(each, "float32") for each in gradients]
    return [np.asarray(weights) for weights in active().trajectory(optimizer, variables, steps)]
