"""Activations, losses and products on numbers that are large, small, equal or zero, against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from suite.selfcheck.comparing import close
from suite.selfcheck.network import ACTIVATIONS, LOSSES

pytestmark = pytest.mark.exact

FLOAT = 2.0**-23
TINY = 1e-30


def numpy(value: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(value), "float64")


def grid() -> np.ndarray:
    """Rows of five logits: spread, equal, huge, tiny, of both signs; float32."""
    rows = [[-200, -1, 0, 1, 200], [3, 3, 3, 3, 3], [88, 89, 90, 500, 1000], [-1000, -500, -90, -89, -88]]
    rng = np.random.default_rng(30)
    drawn = [rng.standard_normal(5) * 10.0**power for power in range(-8, 3)]
    return np.array([*rows, *drawn], "float32")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    """Every number is right to a few units in the last place."""
    import keras

    x = grid()
    with np.errstate(over="ignore"):
        expected = ACTIVATIONS[name](x.astype("float64"))
    obtained = numpy(keras.activations.get(name)(keras.ops.convert_to_tensor(x)))
    small = np.abs(expected) <= TINY
    error = np.abs(obtained - expected) / np.where(small, 1.0, np.abs(expected))
    close("largest relative error", error[~small].max(), 0.0, 64 * FLOAT)
    close("values near zero", obtained[small], expected[small], 10 * TINY)


@pytest.mark.parametrize("name", ["categorical_crossentropy", "mean_squared_error"])
def test_loss(name: str) -> None:
    """Certain and uncertain predictions, right and wrong ones."""
    import keras

    sure = [[1, 0, 0], [0.5, 0.5, 0], [1e-6, 1e-5, 1 - 1.1e-5], [0.2, 0.3, 0.5]]
    probabilities = np.array(sure, "float32")
    for target in np.eye(3):
        y = np.tile(target, (4, 1))
        expected = LOSSES[name](y, probabilities.astype("float64"))
        obtained = numpy(keras.losses.get(name)(y.astype("float32"), probabilities))
        # 1 − 1e-7 in float32 is 1 − 1.19e-7, so a loss near zero has that error
        close(f"loss with the target {target}", obtained, expected, 4 * FLOAT * 20)


def test_matrix_product() -> None:
    """Products with 300 terms, and one with two terms that need all bits of float32."""
    import keras

    rng = np.random.default_rng(31)
    a, b = (rng.standard_normal(shape).astype("float32") for shape in ((64, 300), (300, 40)))
    product = a.astype("float64") @ b.astype("float64")
    close("300 terms", numpy(keras.ops.matmul(a, b)), product, 300 * FLOAT)
    last, one = np.array([[1 + FLOAT, 1.0]], "float32"), np.array([[1.0], [-1.0]], "float32")
    close("all bits", numpy(keras.ops.matmul(last, one)), [[FLOAT]])
