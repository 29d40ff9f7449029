"""Reproduces: a published figure against one more run."""

import math

import numpy as np
import pytest
from scipy import stats

from harness.rules import Reproduces
from tests.rules.synthetic import N, R, S, U, decide, fewest, most, quantiles

RULE = Reproduces("a")


def runs(n, mean=0.98, sd=0.001):
    """n values whose sample mean and standard deviation are exactly those."""
    return (mean + sd * quantiles(n)).tolist()


@pytest.mark.parametrize("n", [5, 10, 30])
def test_interval_covers_99_percent_of_new_runs(n):
    """A figure that is one more run, printed to 12 digits, is outside once in a hundred."""
    rng = np.random.default_rng(n)
    outside = 0
    for _ in range(4000):
        *values, new = rng.normal(0.98, 0.002, n + 1).tolist()
        outside += decide(RULE, {"a": values}, printed=f"{new:.12f}").verdict is R
    assert fewest(0.01, 4000) <= outside <= most(0.01, 4000)


@pytest.mark.parametrize(("n", "inside"), [(4, U), (5, U), (29, U), (30, S), (40, S)])
def test_compatible_takes_thirty_seeds_and_incompatible_five(n, inside):
    decision = decide(RULE, {"a": runs(n)}, printed="0.9801")
    assert decision.verdict is inside
    assert decision.p is None
    assert ("within prediction: 0.9801" in decision.reason) == (inside is S)
    assert decide(RULE, {"a": runs(n)}, printed="0.90").verdict is (R if n >= 5 else U)


def test_interval_and_p_by_hand():
    half = stats.t.ppf(0.995, 9) * 0.001 * math.sqrt(1.1)
    decision = decide(RULE, {"a": runs(10)}, printed="0.9850")
    (effect,) = decision.effects
    assert (effect.low, effect.high) == (pytest.approx(0.98 - half), pytest.approx(0.98 + half))
    assert decision.verdict is R
    assert decision.p == effect.p == pytest.approx(2 * stats.t.sf((0.005 - 0.00005) / (0.001 * math.sqrt(1.1)), 9))
    assert effect.details == {"published": 0.985, "percentile": 100.0}


@pytest.mark.parametrize(
    ("sd", "printed", "verdict"),
    [  # the interval ends at 0.98341, 0.98443 and 0.98460
        (0.001, "0.9835", R),
        (0.001, "0.984", R),
        (0.001, "0.98", U),
        (0.0013, "0.985", R),
        (0.00135, "0.985", U),  # could be 0.9845
        (0.00135, "0.9850", R),
    ],
)
def test_rounding_of_the_figure_widens_the_interval(sd, printed, verdict):
    assert decide(RULE, {"a": runs(10, sd=sd)}, printed=printed).verdict is verdict


@pytest.mark.parametrize(
    ("printed", "n", "verdict"),
    [
        ("0.98", 30, S),
        ("0.98", 5, U),
        ("0.9800", 30, S),
        ("0.98000001", 30, S),
        ("0.9801", 30, U),
        ("0.97", 5, U),
        ("0.97", 198, U),
        ("0.97", 199, R),
    ],
)
@pytest.mark.parametrize("others", [0, 1])
def test_where_half_of_the_runs_have_one_value_the_rank_decides(printed, n, verdict, others):
    """Of 30 equal runs, a figure apart has a rank of 1 in 31, whatever its distance: zero variance refutes nothing."""
    values = [0.98 + 1e-8 * (i % 2) for i in range(n - others)] + [0.99] * others
    decision = decide(RULE, {"a": values}, printed=printed)
    assert decision.verdict is verdict
    assert "rank among the runs decides: at least half of the runs have one value" in decision.effects[0].notes
    assert (decision.p is not None) == (verdict is R)


@pytest.mark.parametrize(("n", "verdict"), [(5, U), (198, U), (199, R)])
def test_where_runs_are_censored_only_the_rank_counts(n, verdict):
    """A failed run, too, where it is to count."""
    rule = Reproduces("a", failures="count")
    values = [None] + [0.9 + 1e-4 * i for i in range(n - 1)]
    decision = decide(rule, {"a": values}, printed="0.99")
    assert decision.verdict is verdict
    assert decision.effects[0].p == pytest.approx(2 / (n + 1))
    assert decision.effects[0].estimate is None
    assert decide(rule, {"a": [None] * n}, printed="0.99").verdict is verdict
    assert decide(rule, {"a": values}, printed="0.9").verdict is (S if n >= 30 else U)


def test_percentile_counts_runs_that_round_to_the_figure_as_half():
    (effect,) = decide(RULE, {"a": [0.97, 0.9799, 0.98004, 0.981, 0.99]}, printed="0.9800").effects
    assert effect.details["percentile"] == pytest.approx(100 * 2.5 / 5)


@pytest.mark.parametrize(("printed", "verdict"), [("1000", R), ("300", U), ("0", N)])
def test_log_metric_has_its_interval_on_logarithms(printed, verdict):
    values, half = np.exp(runs(10, mean=5.0, sd=0.3)).tolist(), stats.t.ppf(0.995, 9) * 0.3 * math.sqrt(1.1)
    decision = decide(Reproduces("a", "steps"), {"a": values}, "steps", printed=printed)
    assert decision.verdict is verdict
    for effect in decision.effects:
        assert [effect.estimate, effect.low, effect.high] == pytest.approx(np.exp([5.0, 5 - half, 5 + half]).tolist())


def test_wildly_scattered_log_metric_has_no_upper_bound_but_a_verdict():
    decision = decide(Reproduces("a", "steps"), {"a": [1e-300, 1.0, 1e300, 1.0, 1e200]}, "steps", printed="3")
    assert decision.verdict is U
    assert decision.effects[0].high is None
    assert "no bound" in decision.reason
