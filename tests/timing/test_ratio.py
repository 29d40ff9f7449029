"""Ratios with intervals: against SciPy, and how often the interval contains the truth."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from harness.timing.ratio import _arrangements, _rank, ratio


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 6), (4, 4), (5, 9)])
def test_arrangements_are_those_of_mann_and_whitney(n: int, m: int) -> None:
    counted = [0] * (n * m + 1)
    for chosen in itertools.combinations(range(n + m), n):
        others = [i for i in range(n + m) if i not in chosen]
        counted[sum(a > b for a in chosen for b in others)] += 1
    assert _arrangements(n, m) == counted


def test_rank_agrees_with_the_test() -> None:
    """Just inside the interval the two-sided test at 5 % does not reject, just outside it does."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(10, 1, 6), rng.normal(5, 1, 7)
    row = ratio("x", ("a", a), ("b", b))
    assert row.low is not None
    assert row.high is not None
    for edge, outward in ((row.low, 1 - 1e-9), (row.high, 1 + 1e-9)):
        assert mannwhitneyu(a, b * edge * outward, method="exact").pvalue < 0.05
        assert mannwhitneyu(a, b * edge / outward, method="exact").pvalue > 0.05


def test_three_against_three_are_too_few_and_against_six_enough() -> None:
    assert _rank(3, 3) == 0
    assert _rank(3, 6) > 0
    assert ratio("x", ("a", [3.0, 3, 3]), ("b", [1.0, 1, 1])).low is None


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        row = ratio("x", ("fit", 2 * rng.lognormal(0, 0.2, 4)), ("compiled", 0.5 * rng.lognormal(0, 0.2, 8)))
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.estimate <= row.high
        held += row.low <= 4 <= row.high
    assert held >= binom.ppf(0.001, 1000, 0.95)


def test_what_disturbs_both_leaves_the_ratio() -> None:
    rng = np.random.default_rng(2)
    noise = rng.uniform(1, 3, 30)
    row = ratio("x", ("fit", (10 * noise).tolist()), ("compiled", np.repeat(noise, 2).tolist()))
    assert row.estimate == pytest.approx(10, rel=0.05)
    assert row.rounds == (30, 60)
    assert msgspec.to_builtins(row)["slow"] == "fit"
