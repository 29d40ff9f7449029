"""A function's value and its gradient by automatic differentiation, in float64, on whichever backend is active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backend import active_backend


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[float, np.ndarray]:
    """f(point) and ∇f(point), of the shape of ``point``.

    ``function`` takes a tensor and gives a scalar, by ``keras.ops`` and arithmetic with tensors and Python numbers.
    Everything is float64, on JAX too, which is told so for this call alone.
    """
    at = np.asarray(point, "float64")
    value, gradient = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[active_backend()](function, at)
    return float(value), np.asarray(gradient)


def _tensorflow(function: Any, point: np.ndarray) -> Any:
    import tensorflow as tf

    at = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return value, tape.gradient(value, at)


def _jax(function: Any, point: np.ndarray) -> Any:
    import jax

    with jax.enable_x64(True):
        value, gradient = jax.value_and_grad(function)(jax.numpy.asarray(point))
        return np.asarray(value), np.asarray(gradient)


def _torch(function: Any, point: np.ndarray) -> Any:
    import torch

    at = torch.tensor(point, requires_grad=True)
    value = function(at)
    return value.detach(), torch.autograd.grad(value, at)[0]
