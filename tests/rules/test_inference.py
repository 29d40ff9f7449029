"""Each formula of inference against scipy.stats or published numbers."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.rules.inference import (
    at_least,
    at_most,
    clopper_pearson,
    mean,
    newcombe,
    one_more,
    pooled,
    signed_rank,
    student,
    t_quantile,
    t_tail,
    welch,
    wilson,
)


def sample(n, seed=0):
    return np.random.default_rng(seed).normal(0.4, 1.0, n)


@pytest.mark.parametrize("n", [2, 5, 29])
def test_student_agrees_with_scipy(n):
    estimate, test = mean(sample(n)), stats.ttest_1samp(sample(n), 0.2, alternative="greater")
    low, high = stats.ttest_1samp(sample(n), 0.0).confidence_interval(0.95)
    assert estimate.interval(0.025) == (pytest.approx(low), pytest.approx(high))
    assert estimate.greater(0.2) == pytest.approx(test.pvalue)
    assert estimate.less(0.2) == pytest.approx(1 - test.pvalue)


@pytest.mark.parametrize(("estimate", "equal"), [(welch, False), (pooled, True)])
@pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 40), (30, 30)])
def test_two_groups_are_compared_as_scipy_does(estimate, equal, n, m):
    x, y = sample(n), 0.3 + 2 * sample(m, seed=1)
    test = stats.ttest_ind(x, y, equal_var=equal)
    ours = estimate(x.mean() - y.mean(), (x.var(ddof=1), y.var(ddof=1)), (n, m))
    assert ours.unequal(0.0) == pytest.approx(test.pvalue, rel=1e-9)
    assert ours.interval(0.025) == pytest.approx(tuple(test.confidence_interval(0.95)), rel=1e-9)


def test_groups_without_variance_have_no_width():
    assert welch(0.25, (0.0, 0.0), (5, 7)).interval(0.025) == (0.25, 0.25)


def test_student_is_not_corrected_for_skewness():
    values = np.random.default_rng(1).lognormal(size=100)
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.99)
    assert student(values).interval(0.005) == (pytest.approx(low), pytest.approx(high))
    assert mean(values).interval(0.005)[1] > high * 1.001


def test_one_more_value_falls_within_its_interval_as_often_as_promised():
    rng = np.random.default_rng(2)
    inside = 0
    for values in rng.normal(size=(4000, 6)):
        low, high = one_more(values[:5]).interval(0.05)
        inside += low <= values[5] <= high
    assert stats.binom.ppf(0.001, 4000, 0.9) <= inside <= stats.binom.ppf(0.999, 4000, 0.9)
    assert one_more(np.ones(4), least=2.0).error == 2.0 * math.sqrt(1.25)


@pytest.mark.parametrize("df", [1, 4, 29.5, 400])
@pytest.mark.parametrize("tail", [0.4, 0.025, 1e-5])
def test_a_quantile_of_t_has_its_tail(df, tail):
    assert t_quantile(df, tail) == pytest.approx(stats.t.isf(tail, df))
    assert t_tail(df, t_quantile(df, tail)) == pytest.approx(tail)


@pytest.mark.parametrize("n", [1, 5, 30])
def test_tails_and_bounds_of_a_share_agree_with_scipy(n):
    for count in range(n + 1):
        low, high = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
        assert clopper_pearson(count, n) == (pytest.approx(low), pytest.approx(high))
        assert wilson(count, n) == pytest.approx(stats.binomtest(count, n).proportion_ci(0.95, "wilson"), abs=1e-5)
        for share in (0.1, 0.5, 0.9):
            assert at_least(count, n, share) == pytest.approx(stats.binomtest(count, n, share, "greater").pvalue)
            assert at_most(count, n, share) == pytest.approx(stats.binomtest(count, n, share, "less").pvalue)


def test_the_difference_of_two_shares_is_that_of_newcombes_table():
    """Newcombe (1998), table II, method 10: 56 of 70 less 48 of 80, and 9 of 10 less 3 of 10."""
    assert newcombe((48, 56), (80, 70)) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert newcombe((3, 9), (10, 10)) == pytest.approx((0.1705, 0.8090), abs=1e-4)


def hall(values, null):
    """Hall's (1992) transformed t, term by term as printed: S + γS²/3 + γ²S³/27 + γ/6n, times √n."""
    n, s = len(values), (values.mean() - null) / values.std(ddof=1)
    skew = ((values - values.mean()) ** 3).mean() / values.std(ddof=1) ** 3
    return math.sqrt(n) * (s + skew * s**2 / 3 + skew**2 * s**3 / 27 + skew / (6 * n))


@pytest.mark.parametrize("null", [-0.5, 0.3, 1.0, 2.0])
def test_from_thirty_seeds_on_each_side_is_the_more_cautious_of_student_and_hall(null):
    values = np.random.default_rng(1).lognormal(size=30)
    estimate = mean(values)
    t = [(values.mean() - null) / (values.std(ddof=1) / math.sqrt(30)), hall(values, null)]
    assert estimate.greater(null) == pytest.approx(max(stats.t.sf(t, 29)))
    assert estimate.less(null) == pytest.approx(max(stats.t.cdf(t, 29)))


@pytest.mark.parametrize("level", [0.025, 0.001])
@pytest.mark.parametrize("mirrored", [1, -1])
def test_an_interval_ends_where_its_test_rejects(level, mirrored):
    for n in (5, 30, 100):
        estimate = mean(mirrored * np.random.default_rng(n).lognormal(size=n))
        low, high = estimate.interval(level)
        assert low < estimate.value < high
        assert estimate.greater(low) == pytest.approx(level)
        assert estimate.less(high) == pytest.approx(level)


@pytest.mark.parametrize("size", [1, 2, 6, 9])
def test_signed_rank_agrees_with_enumeration(size):
    rng = np.random.default_rng(size)
    for _ in range(20):
        differences = np.round(rng.normal(size=size), 1)  # ties, and zeros
        differences[rng.random(size) < 0.3] = np.inf
        counted = differences[differences != 0]
        ranks = stats.rankdata(np.abs(counted))
        sums = [ranks[np.array(signs, bool)].sum() for signs in itertools.product([False, True], repeat=len(counted))]
        observed = ranks[counted > 0].sum()
        greater, less = signed_rank(differences.tolist())
        assert greater == pytest.approx(np.mean([total >= observed for total in sums]))
        assert less == pytest.approx(np.mean([total <= observed for total in sums]))


def test_signed_rank_agrees_with_scipy():
    differences = np.random.default_rng(0).normal(0.3, size=40)
    for p, side in zip(signed_rank(differences.tolist()), ("greater", "less"), strict=True):
        assert p == pytest.approx(stats.wilcoxon(differences, alternative=side, method="exact").pvalue)
