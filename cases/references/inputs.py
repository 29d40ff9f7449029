"""Random inputs drawn by hypothesis, the same every time; the simplest (all zeros) comes first.

Numbers are m · 10^k with a whole m between −64 and 64, so zeros and equal values are frequent; k sets the magnitude.
Ranges are small, because in larger ones hypothesis also draws constants that it finds in source files, and the inputs
would change with every change of a module.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

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


def _drawn(strategy: Any, count: int) -> tuple[Any, ...]:
    """``count`` examples of a strategy, or all if it has fewer."""
    from hypothesis import HealthCheck, Phase, given, settings

    found: list[Any] = []
    fixed = settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @fixed
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return tuple(found)


def _array(draw: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of numbers m / 16 with a whole m between −64 and 64, which are exact in float32."""
    from hypothesis import strategies as st

    size = int(np.prod(shape))
    numbers = draw(st.lists(st.integers(-64, 64), min_size=size, max_size=size))
    return np.array(numbers, "float64").reshape(shape) / 16


@functools.cache
def updates(count: int = 15) -> tuple[Updates, ...]:
    """Weights, and gradients from 1e-30 to 1e15; in some steps they are 0, or a thousand times smaller or larger."""
    from hypothesis import strategies as st

    @st.composite
    def case(draw: Any) -> Updates:
        shape = draw(st.sampled_from(SHAPES))
        # as small as any epsilon, much smaller, and large
        power = draw(st.one_of(st.integers(-9, 0), st.integers(TINY + 3, -10), st.integers(1, HUGE - 3)))
        jumps = draw(st.lists(st.sampled_from((1.0, 1.0, 0.0, 1e-3, 1e3)), min_size=STEPS, max_size=STEPS))
        scale = 10.0**power * np.array(jumps).reshape(STEPS, *(1 for _ in shape))
        start = _array(draw, shape) * draw(st.sampled_from((0.0, 1.0)))
        return Updates(start, (_array(draw, (STEPS, *shape)) * scale).astype("float32").astype("float64"))

    return _drawn(case(), count)


@functools.cache
def regressions(count: int = 40) -> tuple[Regression, ...]:
    """Data sets of one or eight examples for Dense(1, input 3), and rates from 1e-3 to 10."""
    from hypothesis import strategies as st

    @st.composite
    def case(draw: Any) -> Regression:
        examples = draw(st.sampled_from((1, 8)))
        scale = 10.0 ** draw(st.integers(-6, 6))
        x, y = _array(draw, (examples, 3)) * scale, _array(draw, (examples, 1))
        rate = draw(st.sampled_from((0.001, 0.01, 0.5, 10.0)))
        return Regression(x, y, _array(draw, (3, 1)), _array(draw, (1,)), rate)

    return _drawn(case(), count)


@functools.cache
def batches(count: int = 40) -> tuple[np.ndarray, ...]:
    """Batches (16, 3) with spreads from 1e-4 to 1e4 and means of up to a few spreads; some features are constant."""
    from hypothesis import strategies as st

    @st.composite
    def case(draw: Any) -> np.ndarray:
        scale = 10.0 ** np.array([draw(st.integers(-4, 4)) for _ in range(3)])
        return np.asarray((_array(draw, (16, 3)) + _array(draw, (3,))) * scale)

    return _drawn(case(), count)
