"""Trials that diverged or never reached the target count as the worst value, in an exact rank test."""

import itertools

import numpy as np
import pytest
from scipy import stats

from harness.rules import Best, Equivalent, Exceeds
from harness.rules.sides import signed_rank
from harness.trial import Trial
from harness.verdict import Verdict
from tests.rules.synthetic import METRICS, decide, evidence, most

S, R, U = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
GOOD = [0.97, 0.971, 0.969, 0.9705, 0.9702, 0.9707, 0.9699, 0.9711]


@pytest.mark.parametrize(("n", "verdict"), [(5, U), (6, S), (8, S)])
def test_a_rival_that_always_fails_takes_six_seeds(n, verdict):
    """The smallest one-sided p of n signs is 2**-n: 1/32 does not decide, 1/64 does."""
    decision = decide(Exceeds("a", "b"), {"a": GOOD[:n], "b": [None] * n})
    assert decision.verdict is verdict
    assert decision.p == 2 * 2.0**-n
    assert f"rank test: a trial failed in {n} of {n} pairs" in decision.reason
    (effect,) = decision.effects
    assert (effect.estimate, effect.low, effect.high) == (None, None, None)


@pytest.mark.parametrize(("metric", "verdict"), [("val_accuracy", R), ("val_loss", S)])
def test_worst_is_the_metrics_own_direction(metric, verdict):
    values = {"a": [None] * 6, "b": GOOD[:6]}
    assert decide(Exceeds("a", "b", metric), values, metric).verdict is verdict


def test_one_failure_among_clear_wins_is_not_dropped():
    """Seven of eight seeds gain 0.01; without the failed one, p would be 1/128."""
    values = {"a": [None, *(x + 0.01 for x in GOOD[1:])], "b": GOOD}
    decision = decide(Exceeds("a", "b"), values)
    assert decision.verdict is U
    assert decision.effects[0].n == 8
    assert decision.effects[0].estimate == pytest.approx(0.01)
    assert decide(Exceeds("a", "b"), {name: column[1:] for name, column in values.items()}).verdict is S


@pytest.mark.parametrize("rule", [Exceeds("a", "b"), Exceeds("a", "b", margin=-0.01), Equivalent("a", "b", 0.01)])
def test_both_failing_speaks_for_neither_side(rule):
    decision = decide(rule, {"a": [None] * 10, "b": [None] * 10})
    assert decision.verdict is U
    assert decision.p == 1.0
    assert decision.effects[0].estimate is None


def test_margin_applies_to_the_pairs_that_finished():
    values = {"a": [x + 0.01 for x in GOOD], "b": [*GOOD[:7], None]}
    assert decide(Exceeds("a", "b", margin=0.005), values).verdict is S
    assert decide(Exceeds("a", "b", margin=0.02), values).verdict is U  # seven below, but the largest above
    assert decide(Equivalent("a", "b", 0.02), values).verdict is U


def test_best_beats_rivals_that_fail():
    assert decide(Best("a", ("b", "c")), {"a": GOOD, "b": [None] * 8, "c": [x - 0.1 for x in GOOD]}).verdict is S
    assert decide(Best("b", ("a", "c")), {"a": GOOD, "b": [None] * 8, "c": [None] * 8}).verdict is R


def test_censored_trial_counts_as_failed_without_a_divergence():
    found = evidence({"a": [10.0 + i for i in range(6)], "b": [0.0] * 6}, "steps")
    censored = tuple(Trial("b", seed, {"steps": None}) for seed in range(6))
    decision = Exceeds("b", "a", "steps").decide(type(found)({"a": found.trials["a"], "b": censored}, METRICS))
    assert decision.verdict is S


@pytest.mark.parametrize("size", [1, 2, 6, 9])
def test_signed_rank_agrees_with_enumeration(size):
    rng = np.random.default_rng(size)
    for _ in range(20):
        differences = np.round(rng.normal(size=size), 1)  # ties, and zeros
        differences[rng.random(size) < 0.3] = np.inf
        told = differences[differences != 0]
        ranks = stats.rankdata(np.abs(told))
        sums = [ranks[np.array(signs, bool)].sum() for signs in itertools.product([False, True], repeat=len(told))]
        observed = ranks[told > 0].sum()
        greater, less = signed_rank(differences.tolist())
        assert greater == pytest.approx(np.mean([total >= observed for total in sums]))
        assert less == pytest.approx(np.mean([total <= observed for total in sums]))


def test_signed_rank_agrees_with_scipy():
    differences = np.random.default_rng(0).normal(0.3, size=40)
    greater, less = signed_rank(differences.tolist())
    assert greater == pytest.approx(stats.wilcoxon(differences, alternative="greater", method="exact").pvalue)
    assert less == pytest.approx(stats.wilcoxon(differences, alternative="less", method="exact").pvalue)


@pytest.mark.parametrize("n", [5, 10])
def test_rarely_wrong_when_both_variants_fail_equally_often(n):
    rng = np.random.default_rng(n)
    found = {S: 0, R: 0, U: 0}
    for _ in range(2000):
        columns = {}
        for name in ("a", "b"):
            failed = rng.random(n) < 0.3
            columns[name] = [None if f else x for f, x in zip(failed, rng.normal(0.9, 0.01, n).tolist(), strict=True)]
        found[decide(Exceeds("a", "b"), columns).verdict] += 1
    assert found[S] <= most(0.025)
    assert found[R] <= most(0.025)
    if n == 10:
        assert found[S] > 0
