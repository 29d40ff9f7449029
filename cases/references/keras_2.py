"""What Keras 2.2.4 did, as formulas, for statements that today's Keras contradicts.

Read in the source of that release, ``keras/optimizers.py``; the lines are named below. The release 2.3.1 has the same
defaults and formulas, and calls ``lr`` ``learning_rate``. Both compute in float32, these forms in float64. Gradients
are those of one weight, (steps,), and a form returns the changes of the weight.
``epsilon=None`` means 1e-7 (``keras/backend/common.py``, line 9).
"""

import math
from collections.abc import Sequence

import numpy as np

EPSILON = 1e-7


def rates(lr: float, decay: float, steps: int) -> np.ndarray:
    """The rate of each step: lr · 1 / (1 + decay · t), t the steps before it (lines 187 to 190)."""
    return lr * (1 / (1 + decay * np.arange(steps)))


def sgd(gradients: np.ndarray, *, lr: float = 0.01, decay: float = 0.0) -> np.ndarray:
    """− rate · g, without momentum (defaults in line 171; lines 195 to 202)."""
    return -rates(lr, decay, len(gradients)) * gradients


def adagrad(gradients: np.ndarray, *, lr: float = 0.01, epsilon: float | None = None, decay: float = 0.0) -> np.ndarray:
    """− rate · g / (√G + ε), G the sum of g² from 0 on (defaults in line 309; lines 324 and 333 to 336)."""
    least = EPSILON if epsilon is None else epsilon
    return -rates(lr, decay, len(gradients)) * gradients / (np.sqrt(np.cumsum(gradients**2)) + least)


def adadelta(
    gradients: np.ndarray, *, lr: float = 1.0, rho: float = 0.95, epsilon: float | None = None, decay: float = 0.0
) -> np.ndarray:
    """− rate · g √(d + ε) / √(r + ε), the means r of g² and d of the squared changes (line 380; 407 to 423)."""
    r, d, changes, least = 0.0, 0.0, [], EPSILON if epsilon is None else epsilon
    for g in gradients:
        r = rho * r + (1 - rho) * g**2
        changes.append(g * math.sqrt(d + least) / math.sqrt(r + least))
        d = rho * d + (1 - rho) * changes[-1] ** 2
    return -rates(lr, decay, len(gradients)) * np.array(changes)


def clipped(gradients: Sequence[np.ndarray], clipnorm: float) -> list[np.ndarray]:
    """One step's gradients of all variables, times clipnorm / n if their joint norm n is at least clipnorm.

    Lines 96 to 98, and ``clip_norm``, lines 37 to 56.
    """
    norm = math.sqrt(sum(float(np.sum(np.square(g))) for g in gradients))
    return [g * clipnorm / norm if norm >= clipnorm else g for g in gradients]
