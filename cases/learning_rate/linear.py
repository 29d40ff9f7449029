"""The slides' own model of section 1: Dense(1, input 3), mean squared error, 'sgd', 1000 epochs.

The slides give no data. Ours are 32 examples, because Keras' default batch is 32: each epoch is then one step of
gradient descent on the whole loss, which is what the formula W(n+1) = W(n) − α ∇L(W(n)) says.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.domain.model import Dataset, History, Metric

EXAMPLES, NOISE = 32, 0.5
WITHIN = 1.05  # in units of the least loss


@functools.cache
def three_features() -> Dataset:
    """Three standard normal features and a noisy linear target, shapes (32, 3) and (32, 1)."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((EXAMPLES, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 0.3 + NOISE * rng.standard_normal((EXAMPLES, 1))
    return Dataset(x.astype("float32"), y.astype("float32"))


def design(data: Dataset) -> np.ndarray:
    """The features and a column of ones for the bias, float64, shape (n, features + 1)."""
    return np.column_stack([data.x.astype("float64"), np.ones(len(data.x))])


@functools.cache
def least_squares() -> np.ndarray:
    """W* by least squares instead of descent: three weights and the bias, shape (4,)."""
    data = three_features()
    return np.linalg.lstsq(design(data), data.y.astype("float64"), rcond=None)[0][:, 0]


@functools.cache
def least_loss() -> float:
    """L(W*)."""
    data = three_features()
    return float(np.mean((design(data) @ least_squares()[:, None] - data.y) ** 2))


@functools.cache
def curvature() -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, ascending, and eigenvectors (columns) of the Hessian of the loss, (2 / n) DᵀD."""
    data = three_features()
    eigenvalues, vectors = np.linalg.eigh(2 / len(data.x) * design(data).T @ design(data))
    return eigenvalues, vectors


def _error(weights: Sequence[Any]) -> Any:
    """W − W*, shape (4,), of a Dense layer's kernel (3, 1) and bias (1,)."""
    from keras import ops

    kernel, bias = weights
    return ops.concatenate([ops.reshape(kernel, (-1,)), bias]) - ops.convert_to_tensor(least_squares(), "float32")


def distance(weights: Sequence[Any]) -> Any:
    """‖W − W*‖ / ‖W*‖."""
    from keras import ops

    return ops.norm(_error(weights)) / float(np.linalg.norm(least_squares()))


def steepest(weights: Sequence[Any]) -> Any:
    """The length of W − W* along the eigenvector of the largest eigenvalue."""
    from keras import ops

    return ops.abs(ops.sum(_error(weights) * ops.convert_to_tensor(curvature()[1][:, -1], "float32")))


def steps_to_minimum(history: History) -> float | None:
    """The first step, from 1, that begins with a loss of at most WITHIN times the least loss; None if there is none."""
    return next((float(step) for step, loss in enumerate(history["loss"], 1) if loss <= WITHIN * least_loss()), None)


def early_growth(history: History) -> float:
    """The loss before the fifth step, divided by the initial loss."""
    return history["loss"][4] / history["loss"][0]


def growing_steps(history: History) -> float:
    """The number of steps, from the second to the tenth, after which W − W* had grown along the steepest direction."""
    curve = history["steepest"][:10]
    return float(sum(later > earlier for earlier, later in itertools.pairwise(curve)))


DISTANCE = Metric("distance", better="lower", unit="of ‖W*‖", smallest_effect=0.1, scale="log", floor=1e-3)
STEPS = Metric("steps", better="lower", unit="steps", smallest_effect=0.05, scale="log", of=steps_to_minimum)
EARLY_GROWTH = Metric("early_growth", better="lower", unit="ratio", smallest_effect=0.1, scale="log", of=early_growth)
GROWING = Metric("growing_steps", better="lower", unit="steps", smallest_effect=1.0, of=growing_steps)
LOSS = Metric("loss", better="lower", unit="squared units", smallest_effect=0.01, scale="log")
