"""Verdicts on both sides of published bounds.

"Sleep" are the hours gained by ten patients with two drugs (Student 1908, in the form that R distributes). Their paired
t test is in R's documentation of ``t.test`` and, to these digits, in its output.
"""

import math

import numpy as np
import pytest
from scipy.stats import t

from harness.model import Metric
from harness.rules import Above, All, Equivalent, Exceeds, Monotone, NotBetter, Sample
from harness.rules.levels import ONLY, PLAIN, Look
from tests.rules.synthetic import R, S, U, trials

FIRST = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
SECOND = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
LOW, HIGH, P = -2.4598858, -0.7001142, 0.002833
DIGITS = 5e-7
HOURS = Metric("hours", better="higher", unit="hours", smallest_effect=0.1)
SIZES = (10, 20, 40)


def decided(rule, look=ONLY):
    known = {"first": trials("first", FIRST, "hours"), "second": trials("second", SECOND, "hours")}
    return rule.decide(Sample(known, {"hours": HOURS}, {}, look))


def exceeds(margin):
    return Exceeds("first", "second", metric="hours", margin=margin)


def test_the_paired_t_test_is_the_published_one():
    (effect,) = decided(exceeds(0.0)).effects
    assert effect.estimate == pytest.approx(0.75 - 2.33, abs=DIGITS)
    assert (effect.low, effect.high) == pytest.approx((LOW, HIGH), abs=DIGITS)
    assert effect.p == pytest.approx(P, abs=DIGITS)


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (exceeds(LOW - 0.01), S),
        (exceeds(LOW + 0.01), U),
        (exceeds(HIGH - 0.01), U),
        (exceeds(HIGH + 0.01), R),
        (Exceeds("second", "first", metric="hours"), S),
        (NotBetter("second", "first", -LOW + 0.01, metric="hours"), S),
        (NotBetter("second", "first", -LOW - 0.01, metric="hours"), U),
        (NotBetter("second", "first", -HIGH - 0.01, metric="hours"), R),
        (Equivalent("first", "second", -LOW + 0.01, metric="hours"), S),
        (Equivalent("first", "second", -LOW - 0.01, metric="hours"), U),
        (Equivalent("first", "second", -HIGH - 0.01, metric="hours"), R),
        (Above("first", "hours", -0.54), S),
        (Above("first", "hours", -0.52), U),
        (Monotone(("first", "second"), metric="hours"), S),
        (All((exceeds(LOW - 0.01), exceeds(HIGH + 0.01))), U),  # refuted, but not at half the level
        (All((exceeds(LOW - 0.01), exceeds(HIGH + 0.5))), R),
    ],
    ids=lambda case: case.describe() if hasattr(case, "describe") else str(case),
)
def test_two_drugs(rule, verdict):
    assert decided(rule).verdict is verdict


@pytest.mark.parametrize(("side", "off", "verdict"), [(-1, -0.01, S), (-1, 0.01, U), (1, -0.01, U), (1, 0.01, R)])
def test_at_the_first_of_three_looks_the_interval_is_that_of_its_level(side, off, verdict):
    differences = np.subtract(FIRST, SECOND)
    error = float(np.std(differences, ddof=1)) / math.sqrt(10)
    half = float(t.isf(Look(SIZES, 0).level(PLAIN.one_sided), 9)) * error
    margin = float(np.mean(differences)) + side * half + off
    assert decided(exceeds(margin), look=Look(SIZES, 0)).verdict is verdict
