"""Activations, losses and products on numbers that are large, small, equal or zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.self_check import Measured, self_check
from harness.training.reference import ACTIVATIONS, LOSSES, numpy

FLOAT = 2.0**-23
TINY = 1e-30


@self_check(
    "activation",
    "The activation {0} is its documented formula.",
    "Keras' documentation of its activations",
    dict(zip(ACTIVATIONS, ACTIVATIONS, strict=True)),
)
def activation(engine: str, name: str) -> Iterator[Measured]:
    """Every number is right to a few units in the last place, of logits that are spread, equal, huge or tiny."""
    import keras

    rows = [[-200, -1, 0, 1, 200], [3, 3, 3, 3, 3], [88, 89, 90, 500, 1000], [-1000, -500, -90, -89, -88]]
    rng = np.random.default_rng(30)
    x = np.array([*rows, *(rng.standard_normal(5) * 10.0**power for power in range(-8, 3))], "float32")
    with np.errstate(over="ignore"):
        expected = ACTIVATIONS[name](x.astype("float64"))
    obtained = numpy(keras.activations.get(name)(keras.ops.convert_to_tensor(x)))
    small = np.abs(expected) <= TINY
    error = np.abs(obtained - expected) / np.where(small, 1.0, np.abs(expected))
    yield Measured("largest relative error", error[~small].max(), 0.0, 64 * FLOAT)
    yield Measured("values near zero", obtained[small], expected[small], 10 * TINY)


@self_check(
    "loss",
    "The loss {0} of an example is its documented formula, with probabilities clipped to 1e-7.",
    "Keras' documentation of its losses",
    {"categorical-crossentropy": "categorical_crossentropy", "mean-squared-error": "mean_squared_error"},
)
def loss(engine: str, name: str) -> Iterator[Measured]:
    """Certain and uncertain predictions, right and wrong ones."""
    import keras

    sure = [[1, 0, 0], [0.5, 0.5, 0], [1e-6, 1e-5, 1 - 1.1e-5], [0.2, 0.3, 0.5]]
    probabilities = np.array(sure, "float32")
    for target in np.eye(3):
        y = np.tile(target, (4, 1))
        expected = LOSSES[name](y, probabilities.astype("float64"))
        obtained = numpy(keras.losses.get(name)(y.astype("float32"), probabilities))
        # 1 − 1e-7 in float32 is 1 − 1.19e-7, so a loss near zero has that error
        yield Measured(f"loss with the target {target}", obtained, expected, 4 * FLOAT * 20)


@self_check(
    "matrix-product",
    "A product of matrices is right to float32, with all of its bits.",
    "Keras' documentation of ops.matmul",
)
def product(engine: str) -> Iterator[Measured]:
    """Products with 300 terms, and one with two terms that need all bits of float32."""
    import keras

    rng = np.random.default_rng(31)
    a, b = (rng.standard_normal(shape).astype("float32") for shape in ((64, 300), (300, 40)))
    expected = a.astype("float64") @ b.astype("float64")
    yield Measured("300 terms", numpy(keras.ops.matmul(a, b)), expected, 300 * FLOAT)
    last, ones = np.array([[1 + FLOAT, 1.0]], "float32"), np.array([[1.0], [-1.0]], "float32")
    yield Measured("all bits", numpy(keras.ops.matmul(last, ones)), [[FLOAT]])


CHECKS = (*activation, *loss, *product)
