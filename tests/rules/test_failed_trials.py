"""Trainings that failed, and metrics that were never reached: two different results, and which one a claim needs."""

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from harness.model import Divergence, Trial
from harness.rules import Best, Equivalent, Exceeds, Monotone, NotBetter, Sample
from tests.rules.synthetic import METRICS, OPPOSITE, R, S, T, U, check_rarely_wrong, decide, evidence, most

EXPERIMENTS = 1000
GOOD = [0.97, 0.971, 0.969, 0.9705, 0.9702, 0.9707, 0.9699, 0.9711]


def near(mean, n):
    return [mean + 0.001 * (-1) ** i + 1e-5 * i * i for i in range(n)]


def stuck(seed):
    return Trial("a", seed, {"val_accuracy": 0.1}, divergence=Divergence("stuck at chance", 5))


def test_a_stuck_training_is_a_failed_one_though_it_has_a_metric():
    others = evidence({"a": near(0.98, 8), "b": near(0.92, 8)[::-1]}).trials
    sample = Sample({"a": (stuck(0), *others["a"][1:]), "b": others["b"]}, METRICS)
    decision = Exceeds("a", "b", failures="report").decide(sample)
    assert decision.verdict is S
    assert decision.effects[0].n == 7
    assert decision.effects[0].estimate == pytest.approx(0.06, abs=0.002)


FAILS = {"never": 0, "rarely": 3, "often": 7, "always": 30}


@pytest.mark.parametrize(
    ("failures", "fails", "verdict"),
    [
        ("guard", "never", S),
        ("guard", "rarely", U),  # 3 of 30 against none
        ("guard", "often", U),
        ("guard", "always", R),
        ("report", "often", S),
        ("report", "always", U),
        ("decide", "never", U),
        ("decide", "rarely", U),
        ("decide", "often", R),
        ("count", "never", S),
        ("count", "rarely", S),
        ("count", "always", R),
    ],
)
def test_the_claim_says_which_result_it_needs(failures, fails, verdict):
    """a is better by 0.06 where it trains, and fails on some seeds."""
    lost = FAILS[fails]
    values = {"a": [None] * lost + near(0.98, 30)[lost:], "b": near(0.92, 30)[::-1]}
    decision = decide(Exceeds("a", "b", failures=failures), values)
    assert decision.verdict is verdict
    assert ("failed on" in decision.reason) == (lost > 0)
    withdrawn = "the mean does not decide for a, which failed more often" in decision.reason
    assert withdrawn == (failures == "guard" and fails in ("rarely", "often"))
    assert decide(NotBetter("a", "b", 0.0, failures=failures), values).verdict is OPPOSITE.get(verdict, verdict)
    assert decide(Best("a", ("b",), failures=failures), values).verdict is verdict
    assert decide(Monotone(("b", "a"), failures=failures), values).verdict is verdict
    if failures != "decide":
        assert decide(Exceeds("a", "b", margin=0.05, failures=failures), values).verdict is verdict


def test_margin_applies_to_the_pairs_that_finished():
    values = {"a": [x + 0.01 + 1e-5 * (i % 3) for i, x in enumerate(GOOD)], "b": [*GOOD[:7], None]}
    assert decide(Exceeds("a", "b", margin=0.005), values).verdict is S
    assert decide(Exceeds("a", "b", margin=0.02), values).verdict is U  # REFUTED would speak for b
    assert decide(Exceeds("a", "b", margin=0.02, failures="report"), values).verdict is R
    assert decide(Equivalent("a", "b", 0.02, failures="report"), values).verdict is S


@pytest.mark.parametrize(("lost", "verdict"), [((0, 0), T), ((1, 0), U), ((0, 1), U), ((1, 1), T)])
def test_a_tie_of_the_means_is_none_if_one_variant_failed_more_often(lost, verdict):
    """With "report", which asks for the mean alone, it is."""
    a, b = near(0.98, 30), [x + 1e-5 * (-1) ** (i // 2) for i, x in enumerate(near(0.98, 30))]
    values = {"a": [None] * lost[0] + a[lost[0] :], "b": b[: 30 - lost[1]] + [None] * lost[1]}
    assert decide(Exceeds("a", "b"), values).verdict is verdict
    assert decide(Best("a", ("b",)), values).verdict is verdict
    assert decide(Exceeds("a", "b", failures="report"), values).verdict is T
    assert decide(Exceeds("a", "b", failures="decide"), values).verdict is U


@pytest.mark.parametrize(("n", "verdict"), [(5, U), (6, S)])
def test_a_censored_metric_is_no_failure_but_the_worst_value(n, verdict):
    """The target was never reached: more steps than any, in an exact rank test of six seeds at least."""
    columns = {"a": [10.0 + i for i in range(n)], "b": [None] * n}
    runs = {name: tuple(Trial(name, i, {"steps": x}) for i, x in enumerate(row)) for name, row in columns.items()}
    decision = Exceeds("b", "a", "steps").decide(Sample(runs, METRICS))
    assert decision.verdict is verdict
    assert decision.p == 2 * 2.0**-n
    assert len(decision.effects) == 1


def test_the_share_of_failures_is_tested_as_scipy_does():
    """McNemar's exact test: of 20 seeds a fails alone on 7, b alone on 1, both on 2."""
    a = [None] * 7 + [0.9] * 1 + [None] * 2 + near(0.9, 10)
    b = [0.9] * 7 + [None] * 3 + near(0.8, 10)
    decision = decide(Exceeds("a", "b", failures="decide"), {"a": a, "b": b})
    assert decision.p == pytest.approx(stats.binomtest(7, 8, 0.5).pvalue)
    assert decision.verdict is U


# What the rules promise, in simulation


def columns(rng, n, shares, shift=0.0):
    """Values of a and b, of which ``shares`` of the seeds fail; a is greater by ``shift``."""
    made = {}
    for name, share, by in (("a", shares[0], shift), ("b", shares[1], 0.0)):
        values = rng.normal(0.98 + by, 0.002, n).tolist()
        made[name] = [None if lost else x for lost, x in zip(rng.random(n) < share, values, strict=True)]
    return made


@pytest.mark.parametrize("n", [5, 10, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("failures", ["guard", "report", "decide", "count"])
def test_rarely_wrong_when_both_variants_fail_equally_often(n, failures):
    rng, rule = np.random.default_rng(n), Exceeds("a", "b", failures=failures)
    counts = Counter(decide(rule, columns(rng, n, (0.3, 0.3))).verdict for _ in range(EXPERIMENTS))
    check_rarely_wrong(counts)
    assert n == 5 or counts[S] > 0


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("n", "share", "most_often"), [(10, 0.3, 0.03), (30, 0.1, 0.042), (30, 0.3, 0.0), (100, 0.1, 0.0)]
)
def test_a_variant_that_fails_more_often_is_not_plainly_better(n, share, most_often, stored):
    """Better by 1.4 standard deviations of the difference where it trains, and ``share`` of its trainings fail.

    SUPPORTED only if no seed failed: (1 − share)^n. Before, the guard waited until the shares differed significantly.
    Then at 30 stored seeds 56 % were SUPPORTED with failures in 30 %, and at 10 seeds 82 %.
    """
    rng = np.random.default_rng(n)
    verdicts = []
    for _ in range(200):
        values = columns(rng, n, (share, 0.0), shift=0.004)
        decision = decide(Exceeds("a", "b"), values, stored=stored and n >= 30)
        if lost := values["a"].count(None):
            assert f"a failed on {lost} of {n} seeds, b on 0" in decision.reason
            assert decision.verdict is not S
        verdicts.append(decision.verdict)
    assert R not in verdicts or n == 10  # fewer than five trained in both: the share decides
    assert verdicts.count(S) <= most(most_often, 200)


@pytest.mark.parametrize(("n", "said"), [(5, 0.1), (30, 0.45), (100, 0.87)])
def test_where_equal_means_hide_failures_the_verdict_says_so(n, said):
    """2 % of a's seeds fail, which costs on average what it gains elsewhere: the overall means are equal.

    Before, SUPPORTED in 91 % at five seeds and in 100 % at 30, half of it with a failure that the estimate hid. Now it
    is undecided wherever a failure was seen, which is named. Five seeds see one in a tenth of the experiments.
    """
    rng = np.random.default_rng(n)
    named = 0
    for _ in range(300):
        values = columns(rng, n, (0.02, 0.0), shift=0.02 * 0.88 / 0.98)
        decision, lost = decide(Exceeds("a", "b"), values), values["a"].count(None)
        assert decision.verdict is U or not lost
        assert (f"a failed on {lost} of {n} seeds" in decision.reason) == (lost > 0)
        named += lost > 0
    assert named / 300 == pytest.approx(said, abs=0.12)


@pytest.mark.parametrize("n", [10, 30, pytest.param(100, marks=pytest.mark.slow)])
def test_seeds_that_are_stuck_do_not_make_equal_means_differ(n):
    """2 % of a's seeds stuck at 0.1, and the same mean where both train: wrong in 2.5 % per direction at most.

    Before, with 0.1 as a value: REFUTED in 13 % at 100 seeds.
    """
    rng = np.random.default_rng(n)

    def verdict():
        known = evidence(columns(rng, n, (0.02, 0.0))).trials
        a = tuple(stuck(trial.seed) if trial.divergence else trial for trial in known["a"])
        return Exceeds("a", "b").decide(Sample({**known, "a": a}, METRICS)).verdict

    counts = Counter(verdict() for _ in range(EXPERIMENTS))
    check_rarely_wrong(counts)
    assert counts[U] < EXPERIMENTS
