"""Statistics of two groups of trials, on values whose truth is known and against published tests.

"Sleep" is the data of ``tests/rules/test_published.py``. Both t tests are in R's documentation of ``t.test`` and in its
output.
"""

import math
import re

import numpy as np
import pytest

from harness.check import difference
from harness.check.difference import LEVEL, Agreement, agreement, compared, drift, drifted
from harness.model import Metric, Trial
from tests.rules.test_published import DIGITS, FIRST, HOURS, SECOND, P

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
STEPS = Metric("steps", "lower", "steps", 0.1, scale="log")
MARGIN = ACCURACY.smallest_effect
SIGMA = 0.0015


def values(numbers):
    return {seed: float(number) for seed, number in enumerate(numbers)}


def drawn(rng, n, shift=0.0, sigma=SIGMA):
    return values(0.98 + shift + sigma * rng.standard_normal(n))


def rates(repeats, shift, n, m, shared=0.0):
    """How often each verdict comes out; ``shared``: what part of the variance a seed has on both machines."""
    rng, result = np.random.default_rng(1), dict.fromkeys(Agreement, 0.0)
    for _ in range(repeats):
        own = rng.standard_normal(max(n, m))
        kept, apart = math.sqrt(shared), math.sqrt(1 - shared)
        a, b = (0.98 + SIGMA * (kept * own[:k] + apart * rng.standard_normal(k)) for k in (n, m))
        result[agreement(ACCURACY, values(a), values(b + shift)).verdict] += 1 / repeats
    return result


@pytest.mark.parametrize(
    ("n", "m", "shared"),
    [(100, 1024, 0.0), pytest.param(100, 1024, 0.9, marks=pytest.mark.slow), (30, 30, 0.5), (200, 200, 0.99)],
)
def test_at_the_margin_it_is_called_equivalent_no_more_than_nominal(n, m, shared):
    """The truth lies at the margin itself, where "equivalent" is wrong; so is "different" beyond it."""
    at_the_margin, error = rates(2000, MARGIN, n, m, shared), math.sqrt(LEVEL * (1 - LEVEL) / 2000)
    assert at_the_margin[Agreement.EQUIVALENT] <= LEVEL + 3 * error
    assert at_the_margin[Agreement.DIFFERENT] <= LEVEL + 3 * error


def test_no_difference_is_shown_with_enough_seeds():
    assert rates(300, 0.0, 200, 1024)[Agreement.EQUIVALENT] > 0.9
    assert rates(300, 0.0, 30, 30)[Agreement.EQUIVALENT] < 0.2
    assert rates(300, 0.0, 30, 30, shared=0.98)[Agreement.EQUIVALENT] > 0.9


def test_twice_the_margin_is_told():
    assert rates(300, 2 * MARGIN, 200, 1024)[Agreement.DIFFERENT] > 0.9


def test_the_same_values_are_equivalent_and_without_variance_too():
    same = values([0.98] * 10)
    result = agreement(ACCURACY, same, same)
    assert (result.verdict, result.low, result.high) == (Agreement.EQUIVALENT, 0.0, 0.0)
    assert agreement(ACCURACY, same, values([0.9811] * 10)).verdict is Agreement.DIFFERENT


def test_a_few_seeds_decide_nothing():
    result = agreement(ACCURACY, values([0.98] * 4), values([0.98] * 1000))
    assert (result.verdict, result.low) == (Agreement.UNDECIDED, None)


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


# What moved

LOSS = Metric("loss", "lower", "nats", 0.01, scale="log")
DRIFT = 0.005 / 30
STORED = [0.98 + 0.001 * value for value in np.random.default_rng(0).standard_normal(30)]


def trials(values, metric=ACCURACY, first=0):
    return [Trial("plain", first + place, {metric.name: value}) for place, value in enumerate(values)]


def shifted(by, seeds=10):
    """Moved by ``by`` on average, and by not quite the same on each seed."""
    return [value + by + 1e-6 * (-1) ** place for place, value in enumerate(STORED[:seeds])]


def moved(ours, stored=None, paired=True, metric=ACCURACY):
    return drift(trials(ours, metric), trials(stored or STORED, metric), metric, DRIFT, paired)


LOSSES = [0.1 * float(np.exp(0.02 * value)) for value in np.random.default_rng(1).standard_normal(30)]


@pytest.mark.parametrize(
    ("ours", "given", "says"),
    [
        *((shifted(by), {}, r"in pairs.*p = ") for by in (0.0006, -0.0006, 0.01, -0.01)),
        *((shifted(by), {}, "") for by in (0.0, 0.0004, -0.0004)),
        ([value + 0.0006 for value in STORED[:5]], {}, "over 5 seeds in pairs$"),  # no chance: its size decides
        ([value + 0.0004 for value in STORED[:5]], {}, ""),
        ([0.983, 0.978, 0.981, 0.982, 0.979], {"paired": False}, ""),  # chance
        ([*STORED[:2], *[None] * 8], {"paired": False}, "without a value 0 of 30 then, 8 of 10 now"),
        ([None] * 10, {}, "^val_accuracy no values"),
        ([None, *STORED[1:10]], {}, ""),  # one seed that fails is red by itself: harness.check.judge
        ([value * 1.03 for value in LOSSES[:10]], {"stored": LOSSES, "metric": LOSS}, "."),
        ([value * 1.005 for value in LOSSES[:10]], {"stored": LOSSES, "metric": LOSS}, ""),
    ],
)
def test_what_moves_a_metric(ours, given, says):
    said = moved(ours, **given)
    assert bool(said) is bool(says)
    assert re.search(says, said)


def test_fresh_seeds_are_compared_group_by_group():
    said = drift(trials(shifted(-0.005), first=100), trials(STORED), ACCURACY, DRIFT, paired=True)
    assert said
    assert "in pairs" not in said


def curves(ours, stored, seeds=5):
    """``ours`` and 30 stored trials of one accuracy, which have a validation loss for the first five seeds."""
    then = [
        Trial("plain", seed, {"val_accuracy": value}, {"val_loss": stored[seed]} if seed < 5 else {})
        for seed, value in enumerate(STORED)
    ]
    now = [Trial("plain", seed, {"val_accuracy": STORED[seed]}, {"val_loss": ours[seed]}) for seed in range(seeds)]
    return drifted(now, then, (ACCURACY,), DRIFT, paired=True)


FALLING = [[(0.5 + 0.01 * seed) * 0.9**epoch for epoch in range(20)] for seed in range(5)]
"""Loss curves of five seeds over 20 epochs."""


@pytest.mark.parametrize(("by", "seen"), [(1.003, True), (0.997, True), (1.0005, False), (0.9995, False)])
def test_a_loss_curve_moves_where_the_last_accuracy_does_not(by, seen):
    """From the sixth epoch on; with rounding of 1e-5, other on each seed."""
    ours = [
        [x * (by ** (20 / 15) if epoch >= 5 else 1) * (1 + 1e-5 * (-1) ** seed) for epoch, x in enumerate(curve)]
        for seed, curve in enumerate(FALLING)
    ]
    said = curves(ours, FALLING)
    assert bool(said) is seen
    assert not seen or said.startswith("val_loss, mean of all epochs 0.")


def test_a_loss_curve_that_rounding_drives_apart_has_not_moved():
    noise = np.random.default_rng(4).standard_normal((5, 20))
    ours = [[value * (1 + 0.02 * noise[seed][e]) for e, value in enumerate(c)] for seed, c in enumerate(FALLING)]
    assert curves(ours, FALLING) == ""


def test_a_metric_other_than_the_first_moves_too():
    other = Metric("gap", "lower", "fraction", 0.001)
    then = [Trial("plain", s, {"val_accuracy": v, "gap": v - 0.97}) for s, v in enumerate(STORED)]
    now = [Trial("plain", s, {"val_accuracy": v, "gap": v - 0.96}) for s, v in enumerate(STORED[:5])]
    assert drifted(now, then, (ACCURACY, other), DRIFT, paired=True).startswith("gap ")
    assert drifted(then[:5], then, (ACCURACY, other), DRIFT, paired=True) == ""


def test_the_first_metric_has_half_of_the_level(monkeypatch):
    levels = {}
    monkeypatch.setattr(difference, "drift", lambda ours, then, metric, level, paired: levels.update({metric: level}))
    others = [Metric(name, "lower", "fraction", 0.001) for name in ("gap", "loss")]
    difference.drifted([], [], (ACCURACY, *others), 0.004, paired=True)
    assert levels == {ACCURACY: 0.002, **dict.fromkeys(others, 0.001)}


# Published tests

WELCH_P = 0.07939


def by_seed(values, first=0):
    return dict(enumerate(values, first))


def test_equal_seeds_are_compared_by_the_paired_t_test():
    row = compared(HOURS, by_seed(FIRST), by_seed(SECOND))
    assert (row.paired, row.n) == (True, 10)
    assert row.p == pytest.approx(P, abs=DIGITS)


def test_fresh_seeds_are_compared_by_welchs_t_test():
    row = compared(HOURS, by_seed(FIRST, first=100), by_seed(SECOND))
    assert not row.paired
    assert row.p == pytest.approx(WELCH_P, abs=5e-6)


def test_shares_of_absent_trials_are_compared_by_fishers_exact_test():
    """The lady tasting tea (Fisher 1935): three of four cups told right, p = 34/70."""
    row = compared(HOURS, {0: None, 1: None, 2: None, 3: 1.0}, {4: None, 5: 1.0, 6: 1.0, 7: 1.0})
    assert row.p_absent == pytest.approx(34 / 70, abs=DIGITS)
