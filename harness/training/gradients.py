"""A function's value and its gradient in float64, by the automatic differentiation of the active backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.training.backend import active


def value_and_gradient(function: Callable[[Any], Any], point: np.ndarray) -> tuple[float, np.ndarray]:
    """f(point), and ∇f(point) of the shape of ``point``.

    ``function`` takes a float64 tensor and returns a scalar. It may use ``keras.ops``, and arithmetic with tensors and
    Python numbers.
    """
    at = np.asarray(point, "float64")
    value, gradient = active().value_and_gradient(function, at)
    return float(value), np.asarray(gradient)
