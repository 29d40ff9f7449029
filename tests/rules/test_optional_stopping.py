"""False verdicts with repeated looks and stopping at the first decision: at most 2.5 % per direction."""

import numpy as np
import pytest
from scipy.optimize import brentq

from harness.model import Figure
from harness.rules import Converges, Diverges, Exceeds, Reproduces, Sample
from harness.rules.inference import power
from harness.rules.levels import PLAIN, Look, looks
from tests.rules.synthetic import (
    EDGES,
    METRICS,
    SIZES,
    SYMMETRIC,
    R,
    S,
    U,
    check_rarely_wrong,
    critical,
    followed,
    most,
    one_more_run,
    share_errors,
    stopped,
    t_values,
    taken,
    trials,
    with_failures,
)

MANY = 60_000


@pytest.mark.parametrize("noise", SYMMETRIC)
@pytest.mark.parametrize("sizes", [looks(5, 30), looks(8, 20), looks(5, 60)], ids=str)
@pytest.mark.parametrize("rate", [PLAIN.one_sided, PLAIN.one_sided / 3])
def test_students_t_keeps_the_rate(noise, sizes, rate):
    """Of every paired rule, and at a third of the rate as of a claim that beats three rivals."""
    t = t_values(0.0, SYMMETRIC[noise], MANY, 5, sizes)
    bounds = critical([Look(sizes, index).level(rate) for index in range(len(sizes))], sizes)
    for side in (t, -t):
        assert (side >= bounds).any(axis=1).sum() <= most(rate, MANY)
    if noise == "normal":  # and spends it
        assert (t >= bounds).any(axis=1).mean() > 0.85 * rate


def test_looking_without_a_design_does_not():
    t = t_values(0.0, SYMMETRIC["normal"], MANY, 5)
    assert (t >= critical([PLAIN.one_sided] * len(SIZES))).any(axis=1).mean() > 2 * PLAIN.one_sided


@pytest.mark.parametrize("sizes", [looks(5, 30), looks(5, 10), looks(5, 60)], ids=str)
def test_shares_keep_the_rate_exactly(sizes):
    worst = max(max(share_errors(sizes, share)) for share in np.linspace(0.1, 0.9, 17))
    assert 0.5 * PLAIN.one_sided < worst <= PLAIN.one_sided


def test_shares_and_figures_allow_for_the_look():
    six = Sample({"a": trials("a", [None] * 6)}, METRICS)
    assert Diverges("a", 0.5).decide(six).verdict is S
    assert followed(Diverges("a", 0.5), {"a": [None] * 30}) == (S, 10)
    assert followed(Converges("a", 0.5), {"a": [None] * 30}) == (R, 10)
    runs = trials("a", [-1.0, -0.5, 0.0, 0.5, 1.0])
    figure = {("a", "val_accuracy"): Figure("4.2")}
    verdicts = [
        Reproduces("a").decide(Sample({"a": runs}, METRICS, figure, look)).verdict
        for look in (Look((5,)), Look(SIZES, 0))
    ]
    assert verdicts == [R, U]


def test_it_stops_as_soon_as_it_is_decided():
    apart = {"a": [0.9 + 0.001 * (i % 3) for i in range(30)], "b": [0.8] * 30}
    assert followed(Exceeds("a", "b"), apart) == (S, 5)
    assert followed(Exceeds("b", "a"), apart) == (R, 5)
    alike = {"a": [0.9 + 0.001 * (-1) ** i for i in range(30)], "b": [0.9] * 30}
    assert followed(Exceeds("a", "b"), alike) == (U, 30)


@pytest.mark.parametrize(
    ("effect", "seeds", "fixed"),
    [(0.0, 29.2, 30.0), (0.5, 23.4, 21.2), (1.0, 12.4, 23.8), (1.5, 8.2, 13.5), (2.0, 6.5, 8.7), (3.0, 5.2, 5.3)],
)
def test_it_takes_fewer_seeds_than_a_fixed_design_of_equal_power(effect, seeds, fixed):
    """By the true effect in standard deviations; the power of the fixed design is 99.9 % at most."""
    t = t_values(effect, SYMMETRIC["normal"], MANY, 4)
    mean, supported = taken(t, critical([Look(SIZES, index).level(PLAIN.one_sided) for index in range(len(SIZES))]))
    assert mean == pytest.approx(seeds, abs=0.15)
    if effect:
        wanted = min(supported, 0.999)
        assert brentq(lambda n: power(effect, n) - wanted, 2.0, 1000.0) == pytest.approx(fixed, abs=0.4)


@pytest.mark.slow
@pytest.mark.parametrize("case", EDGES)
def test_rarely_wrong_under_optional_stopping(case):
    """The rules themselves, from one look to the next."""
    rule, means = EDGES[case]
    check_rarely_wrong(stopped(rule, means, SYMMETRIC["normal"], seed=8, experiments=400))


@pytest.mark.slow
def test_rarely_wrong_where_trials_failed_or_figures_are_printed():
    printed = one_more_run(SYMMETRIC["normal"], 9, 400)
    check_rarely_wrong(with_failures(9, 400))
    assert printed[R] <= most(0.01, 400)
