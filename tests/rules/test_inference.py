"""What stands beside Student's interval: BCa and the sign-flip test."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.rules import Exceeds
from harness.rules.inference import bca, mean, sign_flip
from tests.rules.synthetic import decide, most


def sample(n, seed=0):
    return np.random.default_rng(seed).normal(0.4, 1.0, n)


@pytest.mark.parametrize("n", [2, 5, 29])
def test_student_agrees_with_scipy(n):
    found, test = mean(sample(n)), stats.ttest_1samp(sample(n), 0.2, alternative="greater")
    low, high = stats.ttest_1samp(sample(n), 0.0).confidence_interval(0.95)
    assert found.interval(0.025) == (pytest.approx(low), pytest.approx(high))
    assert found.greater(0.2) == pytest.approx(test.pvalue)
    assert found.less(0.2) == pytest.approx(1 - test.pvalue)


def hall(values, null):
    """Hall's (1992) transformed t, term by term as printed: S + γS²/3 + γ²S³/27 + γ/6n, times √n."""
    n, s = len(values), (values.mean() - null) / values.std(ddof=1)
    skew = ((values - values.mean()) ** 3).mean() / values.std(ddof=1) ** 3
    return math.sqrt(n) * (s + skew * s**2 / 3 + skew**2 * s**3 / 27 + skew / (6 * n))


@pytest.mark.parametrize("null", [-0.5, 0.3, 1.0, 2.0])
def test_from_thirty_seeds_on_each_side_is_the_more_cautious_of_student_and_hall(null):
    values = np.random.default_rng(1).lognormal(size=30)
    found = mean(values)
    t = [(values.mean() - null) / (values.std(ddof=1) / math.sqrt(30)), hall(values, null)]
    assert found.greater(null) == pytest.approx(max(stats.t.sf(t, 29)))
    assert found.less(null) == pytest.approx(max(stats.t.cdf(t, 29)))


@pytest.mark.parametrize("level", [0.025, 0.001])
@pytest.mark.parametrize("mirrored", [1, -1])
def test_an_interval_ends_where_its_test_rejects(level, mirrored):
    for n in (5, 30, 100):
        found = mean(mirrored * np.random.default_rng(n).lognormal(size=n))
        low, high = found.interval(level)
        assert low < found.value < high
        assert found.greater(low) == pytest.approx(level)
        assert found.less(high) == pytest.approx(level)


@pytest.mark.parametrize("n", [2, 5, 8])
def test_sign_flip_agrees_with_scipys_exact_permutation_test(n):
    values = sample(n)
    expected = stats.permutation_test((values,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(values) == pytest.approx(expected)


def test_sign_flip_of_one_sign_is_two_in_all_signs():
    assert sign_flip(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 2 / 32
    assert sign_flip(np.array([0.1] * 12)) == 2 / 4096


def test_sign_flip_above_twelve_is_sampled_repeatably_and_never_zero():
    assert sign_flip(np.ones(30)) == pytest.approx(1 / 10_001)
    values = sample(20)
    assert sign_flip(values) == sign_flip(values)
    assert sign_flip(values) == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, abs=0.02)


def test_bca_is_repeatable_and_absent_below_five():
    assert bca(sample(10)) == bca(sample(10))
    assert bca(sample(4)) == (None, None)
    low, high = bca(sample(10))
    assert low < sample(10).mean() < high


def test_bca_is_too_short_at_ten_seeds():
    """Why it decides nothing: its 95 % interval misses the mean of normal samples too often."""
    missed = 0
    for seed in range(1000):
        low, high = bca(np.random.default_rng(seed).normal(size=10))
        missed += not low <= 0.0 <= high
    assert missed > most(0.05, 1000)


def test_verdicts_do_not_depend_on_the_bootstrap(monkeypatch):
    """So that simulations may leave it out."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        values = {"a": rng.normal(0.981, 0.001, 6).tolist(), "b": rng.normal(0.98, 0.001, 6).tolist()}
        with_it = decide(Exceeds("a", "b"), values)
        with monkeypatch.context() as patch:
            patch.setattr("harness.rules.effects.bca", lambda _: (None, None))
            without = decide(Exceeds("a", "b"), values)
        assert (with_it.verdict, with_it.reason, with_it.p) == (without.verdict, without.reason, without.p)
        assert dict(with_it.effects[0].details)["bca_low"] is not None
