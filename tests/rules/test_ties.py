"""NEGLIGIBLE: how rarely it is false, and how often a tie is seen, in simulation."""

import numpy as np
import pytest

from cases.rules import GrowsMore
from harness.model import Trial
from harness.rules import Above, All, Best, Exceeds, Monotone, Sample, stored_look
from harness.rules.levels import Look
from tests.rules.synthetic import (
    ACCURACY,
    METRICS,
    SIZES,
    SYMMETRIC,
    R,
    S,
    T,
    U,
    critical,
    decide,
    followed,
    most,
    quantiles,
    t_values,
    verdicts,
)

DELTA = ACCURACY.smallest_effect
SDS = {5: 0.00017, 10: 0.0003, 30: 0.0006}
"""By the number of seeds, a standard deviation of a variant with which the interval is about ± 0.6 of DELTA: a tie can
be seen, and a mean that is taken for one is not yet a rejection."""
FAR = {"c": -0.05}
RULES = {
    "Exceeds": (Exceeds("a", "b"), {}),
    "Best": (Best("a", ("b", "c")), FAR),
    "Best, the other way": (Best("b", ("a", "c")), FAR),
    "Monotone": (Monotone(("c", "b", "a")), FAR),
    "All": (All((Exceeds("a", "b"), Exceeds("a", "c"))), FAR),
    "GrowsMore": (GrowsMore(("a", "c"), ("b", "d"), "val_accuracy"), {"c": 0.0, "d": 0.0}),
}


MIRRORED = [pytest.param(name, -1, "normal", marks=pytest.mark.slow) for name in RULES if name != "Exceeds"]


@pytest.mark.parametrize("n", [5, 30])
@pytest.mark.parametrize(
    ("name", "sign", "noise"),
    [*((name, 1, "normal") for name in RULES), *(("Exceeds", sign, "t with 3 df") for sign in (-1, 1)), *MIRRORED],
)
def test_the_smallest_effect_of_interest_is_rarely_called_a_tie(name, sign, n, noise):
    """Falsely NEGLIGIBLE in 2.5 % at most."""
    rule, others = RULES[name]
    sd = SDS[n] / 2**0.5 if name == "GrowsMore" else SDS[n]
    means = {"a": sign * DELTA, "b": 0.0, **others}
    counts = verdicts(rule, n, means, SYMMETRIC[noise], n, sd=sd, experiments=800)
    assert counts[T] <= most(0.025, 800), counts


def test_a_rejection_that_wins_makes_false_ties_rarer():
    """At ten seeds 0.6 % of nominal 2.5 %: where the interval is short enough for a tie, it often excludes 0."""
    counts = verdicts(Exceeds("a", "b"), 10, {"a": DELTA, "b": 0.0}, SYMMETRIC["normal"], 3, sd=SDS[10])
    assert 0 < counts[T] <= most(0.01)


@pytest.mark.parametrize(("sd", "n", "power"), [(0.0003, 30, 0.92), (SDS[30], 30, 0.5), (0.002, 30, 0.0)])
def test_no_difference_is_seen_as_a_tie(sd, n, power):
    counts = verdicts(Exceeds("a", "b"), n, {"a": 0.0, "b": 0.0}, SYMMETRIC["normal"], n, sd=sd, experiments=400)
    assert counts[T] / 400 >= power if power else counts[T] == 0
    assert max(counts[S], counts[R]) <= most(0.025, 400)


@pytest.mark.parametrize("rate", [0.025, 0.0025])
@pytest.mark.parametrize("stored", [False, True])
def test_several_looks_keep_the_level_of_a_tie(stored, rate):
    """At the smallest effect, a tie at any look needs a t below its bound there: 60,000 experiments of 5 to 30 seeds,
    6,000 of 30 to 1,000."""
    sizes, many = ((30, 100, 300, 1000), 6_000) if stored else (SIZES, 60_000)
    t = t_values(0.0, SYMMETRIC["normal"], many, 5, sizes)  # of the difference less the smallest effect
    looks = [stored_look(n) if stored else Look(sizes, index) for index, n in enumerate(sizes)]
    below = t <= -critical([look.level(rate) for look in looks], sizes)
    assert below.any(axis=1).sum() <= most(rate, many)


def test_seeds_are_added_until_it_is_a_tie():
    """``--seeds auto``: equal variants are a tie long before the last look; a true difference of the smallest effect is
    called one in 2.5 % at most."""
    rng = np.random.default_rng(0)
    taken, wrong = [], 0
    for _ in range(200):
        columns = {name: rng.normal(0.98, 0.0004, 30).tolist() for name in ("a", "b")}
        verdict, n = followed(Exceeds("a", "b"), columns)
        taken.append(n if verdict is T else 30)
        apart = {"a": [x + DELTA for x in columns["a"]], "b": columns["b"]}
        wrong += followed(Exceeds("a", "b"), apart)[0] is T
    assert np.mean(taken) < 20
    assert wrong <= most(0.025, 200)


def test_stored_evidence_is_a_tie_at_its_own_level():
    """A 99.8 % interval at 30 seeds: an interval of ± 0.0005 at 95 % is not enough."""
    for half, verdict in ((0.0007, U), (0.0004, T)):
        values = {"a": (0.9 + quantiles(30) * half * 30**0.5 / 3.396).tolist(), "b": [0.9] * 30}
        assert decide(Exceeds("a", "b"), values, stored=True).verdict is verdict
        assert decide(Exceeds("a", "b"), values).verdict is T


@pytest.mark.parametrize(("value", "verdict"), [(0.0, T), (0.9, U)])
def test_above_is_a_tie_with_no_change_only(value, verdict):
    column = [value + 1e-4 * (-1) ** i for i in range(10)]
    assert decide(Above("a", "val_accuracy", value), {"a": column}).verdict is verdict


def test_a_censored_metric_is_no_tie():
    runs = {name: tuple(Trial(name, i, {"steps": None if i == 0 else 100.0}) for i in range(10)) for name in "ab"}
    assert Exceeds("a", "b", "steps").decide(Sample(runs, METRICS)).verdict is U
