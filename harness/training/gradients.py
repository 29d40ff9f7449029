"""Gradients and optimizer steps by the active backend, without a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.errors import invalid
from harness.training.backends import active


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[float, np.ndarray]:
    """f(point), and ∇f(point) of the shape of ``point``.

    ``function`` takes a float64 tensor and returns a scalar. It may use ``keras.ops``, and arithmetic with tensors and
    Python numbers.
    """
    value, gradient = active().value_and_gradient(function, np.asarray(point, "float64"))
    return float(value), np.asarray(gradient)


def weight_gradients(model: Any, loss: str, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """∂L/∂W of the mean ``loss`` (a Keras loss by name) on ``x`` and ``y``, one array per trainable weight, in order.

    The model is called in training mode. Its other variables (moving averages of batch normalization) are restored.
    """
    import keras

    kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
    gradients = active().weight_gradients(model, keras.losses.get(loss), x, y)
    for variable, value in zip(model.non_trainable_variables, kept, strict=True):
        variable.assign(value)
    return [np.asarray(gradient) for gradient in gradients]


def trajectory(optimizer: Any, start: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights after each step of a fresh Keras ``optimizer``, by its public ``apply`` or ``stateless_apply``.

    Args:
        optimizer: has not been used.
        start: the variables' initial values, each of its own shape.
        gradients: for each variable the gradient of every step, (steps, *shape).

    Returns:
        For each variable an array (steps, *shape), float32 as Keras' variables.

    Raises:
        SuiteError: the shapes of ``start`` and ``gradients`` do not match, or there is no step.
    """
    import keras

    received = [np.shape(gradient) for gradient in gradients]
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
    steps = [np.asarray(gradient, "float32") for gradient in gradients]
    return [np.array(weights) for weights in active().trajectory(optimizer, variables, steps)]
