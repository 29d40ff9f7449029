"""Activations, losses and products on numbers that are large, small, equal or zero, against NumPy in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from suite.conformance.finding import Finding
from suite.conformance.network import ACTIVATIONS, LOSSES

FLOAT = 2.0**-23
TINY = 1e-30


def grid() -> np.ndarray:
    """Rows of five logits: spread, equal, huge, tiny, of both signs; float32."""
    rows = [[-200, -1, 0, 1, 200], [3, 3, 3, 3, 3], [88, 89, 90, 500, 1000], [-1000, -500, -90, -89, -88]]
    rng = np.random.default_rng(30)
    drawn = [rng.standard_normal(5) * 10.0**power for power in range(-8, 3)]
    return np.array([*rows, *drawn], "float32")


def check(engine: str) -> Iterator[Finding]:
    """Elementwise, to a few units of the last place."""
    import keras

    def numpy(value: Any) -> np.ndarray:
        return np.asarray(keras.ops.convert_to_numpy(value), "float64")

    x = grid()
    exact = x.astype("float64")
    with np.errstate(over="ignore"):
        for name, function in ACTIVATIONS.items():
            expected = function(exact)
            obtained = numpy(keras.activations.get(name)(keras.ops.convert_to_tensor(x)))
            small = np.abs(expected) <= TINY
            error = np.abs(obtained - expected) / np.where(small, 1.0, np.abs(expected))
            yield Finding(f"{name}: largest relative error", error[~small].max(), 0.0, 64 * FLOAT)
            yield Finding(f"{name}: what is near zero", obtained[small], expected[small], 10 * TINY)
    sure = [[1, 0, 0], [0.5, 0.5, 0], [1e-6, 1e-5, 1 - 1.1e-5], [0.2, 0.3, 0.5]]
    probabilities = np.array(sure, "float32")
    for name in ("categorical_crossentropy", "mean_squared_error"):
        for target in np.eye(3):
            y = np.tile(target, (4, 1))
            expected = LOSSES[name](y, probabilities.astype("float64"))
            obtained = numpy(keras.losses.get(name)(y.astype("float32"), probabilities))
            # 1 − 1e-7 in float32 is 1 − 1.19e-7, so a loss of almost nothing has that error
            yield Finding(f"{name} of sure and unsure answers", obtained, expected, 4 * FLOAT * 20)
    rng = np.random.default_rng(31)
    a, b = (rng.standard_normal(shape).astype("float32") for shape in ((64, 300), (300, 40)))
    product = a.astype("float64") @ b.astype("float64")
    yield Finding("matrix product of 300 terms", numpy(keras.ops.matmul(a, b)), product, 300 * FLOAT)
    last, one = np.array([[1 + FLOAT, 1.0]], "float32"), np.array([[1.0], [-1.0]], "float32")
    yield Finding("matrix product that needs all bits", numpy(keras.ops.matmul(last, one)), [[FLOAT]])
