"""The chance that a later look decides an undecided comparison: against the rules themselves, in simulation."""

from dataclasses import replace

import numpy as np
import pytest

from harness.rules import Above, All, Best, Equivalent, Exceeds, stored_look
from harness.rules.chances import undecided
from tests.rules.synthetic import U, decide, evidence, quantiles


def given(**columns):
    return evidence(columns, stored=True)


def share_decided(rule, first, mean, sd, size, experiments=200):
    """How often the look at ``size`` decides, if the further differences are normal with this mean and deviation."""
    rng = np.random.default_rng(1)
    known = rule.pairs(given(a=0.9 + first, b=np.full(len(first), 0.9)))
    decided = 0
    for _ in range(experiments):
        differences = (*first, *rng.normal(mean, sd, size - len(first)))
        later = replace(known, differences=differences, seeds=size, look=stored_look(size))
        decided += rule.judged(later).verdict is not U
    return decided / experiments


@pytest.mark.parametrize(
    ("rule", "mean", "sd"),
    [
        (Exceeds("a", "b"), 0.0003, 0.001),
        (Exceeds("a", "b"), -0.0004, 0.0015),
        (Exceeds("a", "b"), 0.0, 0.0012),  # a tie
        (Exceeds("a", "b", margin=0.0005), 0.0002, 0.001),
        (Equivalent("a", "b", 0.0005), 0.0001, 0.0011),
    ],
)
def test_the_chance_is_that_of_the_rule(rule, mean, sd):
    first = mean + sd * quantiles(30)
    decision = rule.decide(given(a=0.9 + first, b=np.full(30, 0.9)))
    assert decision.verdict is U
    (effect,) = undecided(decision)
    known = effect.chances
    assert effect.of == "a − b"
    assert list(known) == [100, 300, 1000]
    for size in (100, 300):
        assert known[size] == pytest.approx(share_decided(rule, first, mean, sd, size), abs=0.12), (size, known)
    assert "the chance to decide it, if it is as estimated: 100 seeds " in decision.reason


def test_a_conjunction_gives_the_chances_of_its_undecided_parts():
    half = 0.0003 + 0.001 * quantiles(30)
    rule = All((Exceeds("a", "b"), Exceeds("a", "c"), Above("a", "val_accuracy", 0.5)))
    decision = rule.decide(given(a=0.9 + half, b=np.full(30, 0.9), c=np.full(30, 0.8)))
    assert decision.verdict is U
    assert [effect.of for effect in undecided(decision)] == ["a − b"]


def test_of_several_rivals_the_undecided_ones_have_a_chance():
    half = 0.0003 + 0.001 * quantiles(30)
    decision = Best("a", ("b", "c")).decide(given(a=0.9 + half, b=np.full(30, 0.9), c=np.full(30, 0.8)))
    first, second = decision.effects
    assert undecided(decision) == [first]
    assert (len(first.chances), second.chances) == (3, {})


@pytest.mark.parametrize("mean", [0.0003, -0.0003])
def test_a_direction_that_failures_close_has_no_chance(mean):
    """a failed on one seed more: the mean may still decide against it."""
    d = mean + 0.001 * quantiles(30)
    columns = {"a": [None, *(0.9 + d[1:])], "b": [0.9] * 30}
    (effect,) = undecided(Exceeds("a", "b").decide(given(**columns)))
    assert (effect.chances[1000] > 0.9) == (mean < 0)
    assert (effect.chances[1000] < 0.01) == (mean > 0)


def test_nothing_is_said_of_what_is_decided_or_has_no_later_look_or_no_interval():
    d = 0.0003 + 0.001 * quantiles(30)
    a, b = 0.9 + d, np.full(30, 0.9)
    assert undecided(Exceeds("a", "b").decide(given(a=a + 0.1, b=b))) == []
    assert undecided(decide(Exceeds("a", "b"), {"a": a, "b": b})) == []
    many = 0.00005 + 0.01 * quantiles(1000)
    assert undecided(Exceeds("a", "b").decide(given(a=0.9 + many, b=np.full(1000, 0.9)))) == []
    assert undecided(Exceeds("a", "b", failures="decide").decide(given(a=a, b=b))) == []
