"""What Keras 2.2.4 did, as formulas, for statements that today's Keras contradicts.

Read in the source of that release, ``keras/optimizers.py``; the lines are named below. The release 2.3.1 has the same
defaults and formulas, and calls ``lr`` ``learning_rate``. Both compute in float32, these forms in float64.
``epsilon=None`` means 1e-7 (``keras/backend/common.py``, line 9).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

EPSILON = 1e-7


def rates(lr: float, decay: float) -> Iterator[float]:
    """The rate of each step: lr · 1 / (1 + decay · t), t the steps before it (lines 187 to 190)."""
    steps = 0
    while True:
        yield lr * (1 / (1 + decay * steps))
        steps += 1


def sgd(gradients: np.ndarray, *, lr: float = 0.01, decay: float = 0.0) -> np.ndarray:
    """The changes of the weights, − rate · g, without momentum (defaults in line 171; lines 195 to 202)."""
    return np.stack([-rate * g for g, rate in zip(gradients, rates(lr, decay), strict=False)])


def adagrad(gradients: np.ndarray, *, lr: float = 0.01, epsilon: float | None = None, decay: float = 0.0) -> np.ndarray:
    """− rate · g / (√G + ε), G the sum of g² from 0 on (defaults in line 309; lines 324 and 333 to 336)."""
    total, steps, least = np.zeros(gradients.shape[1:]), [], EPSILON if epsilon is None else epsilon
    for g, rate in zip(gradients, rates(lr, decay), strict=False):
        total = total + g**2
        steps.append(-rate * g / (np.sqrt(total) + least))
    return np.stack(steps)


def adadelta(
    gradients: np.ndarray, *, lr: float = 1.0, rho: float = 0.95, epsilon: float | None = None, decay: float = 0.0
) -> np.ndarray:
    """− rate · g √(d + ε) / √(r + ε), the means r of g² and d of the squared changes (line 380; 407 to 423)."""
    r = d = np.zeros(gradients.shape[1:])
    steps, least = [], EPSILON if epsilon is None else epsilon
    for g, rate in zip(gradients, rates(lr, decay), strict=False):
        r = rho * r + (1 - rho) * g**2
        change = g * np.sqrt(d + least) / np.sqrt(r + least)
        d = rho * d + (1 - rho) * change**2
        steps.append(-rate * change)
    return np.stack(steps)


def clipped(gradients: Sequence[np.ndarray], clipnorm: float) -> list[np.ndarray]:
    """One step's gradients of all variables, times clipnorm / n if their joint norm n is at least clipnorm.

    Lines 96 to 98, and ``clip_norm``, lines 37 to 56.
    """
    norm = math.sqrt(sum(float(np.sum(np.square(g))) for g in gradients))
    return [g * clipnorm / norm if norm >= clipnorm else g for g in gradients]
