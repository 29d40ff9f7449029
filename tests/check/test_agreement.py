"""Equivalence of two machines, on synthetic values with known truth."""

import math

import numpy as np
import pytest

from harness.check.agreement import LEVEL, Agreement, agreement
from harness.domain.metric import Metric

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
STEPS = Metric("steps", "lower", "steps", 0.1, scale="log")
MARGIN = ACCURACY.smallest_effect
SIGMA = 0.0015


def values(numbers):
    return {seed: float(number) for seed, number in enumerate(numbers)}


def drawn(rng, n, shift=0.0, sigma=SIGMA):
    return values(0.98 + shift + sigma * rng.standard_normal(n))


def rate(verdict, repeats, shift, n, m, shared=0.0):
    """How often a verdict comes out; ``shared``: what part of the variance a seed has on both machines."""
    rng, found = np.random.default_rng(1), 0
    for _ in range(repeats):
        own = rng.standard_normal(max(n, m))
        kept, apart = math.sqrt(shared), math.sqrt(1 - shared)
        a, b = (0.98 + SIGMA * (kept * own[:k] + apart * rng.standard_normal(k)) for k in (n, m))
        found += agreement(ACCURACY, values(a), values(b + shift)).verdict is verdict
    return found / repeats


@pytest.mark.parametrize(
    ("n", "m", "shared"),
    [(100, 1024, 0.0), pytest.param(100, 1024, 0.9, marks=pytest.mark.slow), (30, 30, 0.5), (200, 200, 0.99)],
)
def test_at_the_margin_it_is_called_equivalent_no_more_than_nominal(n, m, shared):
    """The truth lies at the margin itself, where "equivalent" is wrong; so is "different" beyond it."""
    error = math.sqrt(LEVEL * (1 - LEVEL) / 2000)
    assert rate(Agreement.EQUIVALENT, 2000, MARGIN, n, m, shared) <= LEVEL + 3 * error
    assert rate(Agreement.DIFFERENT, 2000, MARGIN, n, m, shared) <= LEVEL + 3 * error


def test_no_difference_is_shown_with_enough_seeds():
    assert rate(Agreement.EQUIVALENT, 300, 0.0, 200, 1024) > 0.9
    assert rate(Agreement.EQUIVALENT, 300, 0.0, 30, 30) < 0.2
    assert rate(Agreement.EQUIVALENT, 300, 0.0, 30, 30, shared=0.98) > 0.9


def test_twice_the_margin_is_told():
    assert rate(Agreement.DIFFERENT, 300, 2 * MARGIN, 200, 1024) > 0.9


def test_the_same_values_are_equivalent_and_without_variance_too():
    same = values([0.98] * 10)
    found = agreement(ACCURACY, same, same)
    assert (found.verdict, found.low, found.high, found.ratio) == (Agreement.EQUIVALENT, 0.0, 0.0, None)
    assert agreement(ACCURACY, same, values([0.9811] * 10)).verdict is Agreement.DIFFERENT


def test_a_few_seeds_decide_nothing():
    found = agreement(ACCURACY, values([0.98] * 4), values([0.98] * 1000))
    assert (found.verdict, found.low) == (Agreement.UNDECIDED, None)


def test_ratios_are_compared_as_logarithms():
    rng = np.random.default_rng(0)
    steps = values(np.exp(5 + 0.05 * rng.standard_normal(100)))
    assert (
        agreement(STEPS, steps, {seed: 1.02 * value for seed, value in steps.items()}).verdict is Agreement.EQUIVALENT
    )
    assert agreement(STEPS, steps, {seed: 1.2 * value for seed, value in steps.items()}).verdict is Agreement.DIFFERENT


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((0, 256), (0, 256), Agreement.EQUIVALENT),
        ((256, 256), (100, 100), Agreement.EQUIVALENT),
        ((255, 256), (1020, 1024), Agreement.EQUIVALENT),
        ((255, 256), (500, 1024), Agreement.DIFFERENT),
        ((0, 256), (256, 256), Agreement.DIFFERENT),
        ((10, 1000), (12, 1000), Agreement.EQUIVALENT),
        ((2, 20), (5, 20), Agreement.UNDECIDED),
        ((100, 1000), (300, 1000), Agreement.DIFFERENT),
    ],
)
def test_shares_without_a_value(first, second, verdict):
    def with_absent(absent, count):
        return {seed: None if seed < absent else 0.98 for seed in range(count)}

    assert agreement(ACCURACY, with_absent(*first), with_absent(*second)).verdict is verdict


def test_the_same_seeds_without_a_value_are_equivalent():
    """A third of a hundred seeds on each side says nothing by itself; that they are the same seeds does."""
    third = {seed: None if seed % 3 else 0.98 for seed in range(100)}
    assert agreement(ACCURACY, third, third).verdict is Agreement.EQUIVALENT
    others = {seed: None if (seed + 1) % 3 else 0.98 for seed in range(100)}
    assert agreement(ACCURACY, third, others).verdict is Agreement.UNDECIDED


def test_spreads_stand_beside_it():
    rng = np.random.default_rng(3)
    ratio, low, high = agreement(ACCURACY, drawn(rng, 500), drawn(rng, 1000, sigma=2 * SIGMA)).ratio
    assert low < 2 < high
    assert low < ratio < high < 2.3
    covered = 0
    for _ in range(500):
        _, low, high = agreement(ACCURACY, drawn(rng, 40), drawn(rng, 60)).ratio
        covered += low <= 1 <= high
    assert 0.92 < covered / 500 < 0.98
