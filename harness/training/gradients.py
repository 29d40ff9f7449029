"""A function's value and its gradient by automatic differentiation, in float64, on whichever backend is active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backend import active


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[float, np.ndarray]:
    """f(point) and ∇f(point), of the shape of ``point``.

    ``function`` takes a tensor and gives a scalar, by ``keras.ops`` and arithmetic with tensors and Python numbers.
    Everything is float64, on JAX too, which is told so for this call alone.
    """
    at = np.asarray(point, "float64")
    value, gradient = active().value_and_gradient(function, at)
    return float(value), np.asarray(gradient)
