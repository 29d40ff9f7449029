"""Random inputs of exact claims, the same every time; the simplest (all zeros) comes first.

Numbers are m · 10^k with a whole m between −64 and 64, so zeros and equal values are frequent; k sets the magnitude.
"""

import functools
from typing import NamedTuple

import numpy as np

STEPS = 10
SHAPES = ((), (8,), (3, 4))
TINY, HUGE = -30, 15
"""Smallest and largest power of ten of gradients; the square of a larger one would exceed float32, 3e38."""


class Updates(NamedTuple):
    """Initial weights of some shape, and (STEPS, *shape) gradients."""

    start: np.ndarray
    gradients: np.ndarray


class Regression(NamedTuple):
    """Examples (n, 3), targets (n, 1), a Dense layer's kernel (3, 1) and bias (1,), and a learning rate."""

    x: np.ndarray
    y: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    learning_rate: float


def _array(draw: np.random.Generator, shape: tuple[int, ...], zero: bool) -> np.ndarray:
    """Numbers m / 16 with a whole m between −64 and 64, exact in float32; a fifth of them, or all, are 0."""
    numbers = draw.integers(-64, 65, shape) * (draw.random(shape) > 0.2) / 16
    return np.asarray(numbers * (not zero), "float64")


@functools.cache
def updates(count: int = 15) -> tuple[Updates, ...]:
    """Weights, and gradients from 1e-30 to 1e15; in some steps they are 0, or a thousand times smaller or larger."""
    draw, cases = np.random.default_rng(0), []
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        # as small as any epsilon, much smaller, and large
        low, high = ((-9, 0), (TINY + 3, -10), (1, HUGE - 3))[number // len(SHAPES) % 3]
        jumps = draw.choice((1.0, 1.0, 0.0, 1e-3, 1e3), STEPS)
        scale = 10.0 ** draw.integers(low, high + 1) * jumps.reshape(STEPS, *(1 for _ in shape))
        start = _array(draw, shape, zero=number % 2 == 0)
        gradients = _array(draw, (STEPS, *shape), zero=number == 0) * scale
        cases.append(Updates(start, gradients.astype("float32").astype("float64")))
    return tuple(cases)


@functools.cache
def regressions(count: int = 40) -> tuple[Regression, ...]:
    """Data sets of one or eight examples for Dense(1, input 3), and rates from 1e-3 to 10."""
    draw, cases = np.random.default_rng(1), []
    for number in range(count):
        examples, zero = (1, 8)[number % 2], number == 0
        scale = 10.0 ** draw.integers(-6, 7)
        x, y = _array(draw, (examples, 3), zero) * scale, _array(draw, (examples, 1), zero)
        rate = float(draw.choice((0.001, 0.01, 0.5, 10.0)))
        cases.append(Regression(x, y, _array(draw, (3, 1), zero), _array(draw, (1,), zero), rate))
    return tuple(cases)


@functools.cache
def batches(count: int = 40) -> tuple[np.ndarray, ...]:
    """Batches (16, 3) with spreads from 1e-4 to 1e4 and means of up to a few spreads; some features are 0."""
    draw, cases = np.random.default_rng(2), []
    for number in range(count):
        scale, zero = 10.0 ** draw.integers(-4, 5, 3), number == 0
        varied = draw.random(3) > 0.1
        cases.append((_array(draw, (16, 3), zero) + _array(draw, (3,), zero)) * varied * scale)
    return tuple(cases)
