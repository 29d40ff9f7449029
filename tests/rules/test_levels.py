"""The levels of stored evidence: when a claim is decided, what is shown, and how many seeds a rule needs."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr, ndtri

from harness.model import Figure
from harness.rules import (
    PLAIN,
    STORED,
    Above,
    All,
    Best,
    Converges,
    Diverges,
    Equivalent,
    Exceeds,
    Look,
    Monotone,
    NotBetter,
    Reproduces,
    Sample,
    stored_look,
)
from harness.rules.levels import KEPT_BACK, ONLY, boundary, looks, spent
from tests.make import claim
from tests.rules.synthetic import METRICS, SYMMETRIC, R, S, U, decide, most, quantiles, t_values, trials

SIZES = (30, 100, 300, 1000)


def scaled(n, mean, t):
    """n differences whose t value is ``t``, normal quantiles about ``mean``."""
    return mean + quantiles(n) * mean * math.sqrt(n) / t


@pytest.mark.parametrize(
    ("n", "size"), [(0, None), (29, None), (30, 30), (99, 30), (100, 100), (299, 100), (300, 300), (5000, 1000)]
)
def test_evidence_is_looked_at_with_the_largest_of_four_sizes_that_it_reaches(n, size):
    look = stored_look(n)
    assert (look and look.size) == size


def test_the_first_look_spends_two_fifths_and_all_of_them_the_level():
    """Against the crossing chances of a walk at 30, 100, 300 and 1,000 steps, simulated."""
    levels = [Look(SIZES, k, (0.4, 0.2, 0.2, 0.2)).level(STORED.one_sided) for k in range(4)]
    assert levels[0] == pytest.approx(0.001, rel=1e-6)
    assert levels == pytest.approx(boundary([0.001, 0.0005, 0.0005, 0.0005], SIZES), rel=2e-3)
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(400_000, 4)) * np.sqrt(np.diff((0, *SIZES)))
    crossed = steps.cumsum(axis=1) / np.sqrt(SIZES) >= -stats.norm.ppf(levels)
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
    chances = [(first == k).mean() for k in range(4)]
    assert chances == pytest.approx([0.001, 0.0005, 0.0005, 0.0005], abs=4 * math.sqrt(0.001 / 400_000))


@pytest.mark.slow
@pytest.mark.parametrize("noise", SYMMETRIC)
def test_students_t_keeps_the_stored_level_without_a_share_kept_back(noise):
    """0.25 % per direction over all four looks; 60,000 experiments, standard error 0.02 %."""
    experiments, wrong = 60_000, np.zeros(2)
    looks = [stored_look(n) for n in SIZES]
    for seed in range(30):
        t = t_values(0.0, SYMMETRIC[noise], experiments // 30, seed, SIZES)
        p = np.stack([stats.t.sf(t[:, k], n - 1) for k, n in enumerate(SIZES)], axis=1)
        levels = np.array([look.level(STORED.one_sided) for look in looks])
        wrong += [(p <= levels).any(axis=1).sum(), (1 - p <= levels).any(axis=1).sum()]
    assert wrong.max() <= most(STORED.one_sided, experiments)
    if noise == "normal":
        assert wrong.min() > 0.7 * STORED.one_sided * experiments


T = stats.t.ppf(1 - 0.001, 29)


@pytest.mark.parametrize(("t", "verdict"), [(0.98 * T, U), (1.02 * T, S)])
@pytest.mark.parametrize("rule", ["Exceeds", "NotBetter", "Equivalent", "Best", "Monotone", "Above", "All"])
def test_every_rule_on_means_decides_at_the_level_of_the_first_look(rule, t, verdict):
    d = scaled(30, 0.001, t)
    common = 0.9 + 1e-5 * np.arange(30.0)
    a, b = common + d, common
    build, values = {
        "Exceeds": (Exceeds("a", "b"), {"a": a, "b": b}),
        "NotBetter": (NotBetter("b", "a", 0.0), {"a": a, "b": b}),
        "Equivalent": (Equivalent("a", "b", 0.5), {"a": b + 0.5 - d, "b": b}),
        "Best": (Best("a", ("b", "c")), {"a": a, "b": b, "c": b - 1}),
        "Monotone": (Monotone(("b", "a", "c")), {"a": a, "b": b, "c": a + 1 + d}),
        "Above": (Above("a", "val_accuracy"), {"a": d}),
        "All": (All((Exceeds("a", "b"), Exceeds("a", "c"))), {"a": a, "b": b, "c": b - 1 - d}),
    }[rule]
    assert decide(build, values, stored=True).verdict is verdict
    assert decide(build, values).verdict is S


def test_picture_and_verdict_agree_and_the_plain_interval_is_in_the_details():
    values = {"a": 0.9 + scaled(30, 0.001, 3.0), "b": [0.9] * 30}
    decision, plain = (decide(Exceeds("a", "b"), values, stored=stored) for stored in (True, False))
    (effect,) = decision.effects
    details = effect.details
    assert decision.verdict is U
    assert effect.low < 0 < effect.high
    assert details["confidence"] == pytest.approx(0.998)
    assert 0 < details["plain_low"] < 0.001 < details["plain_high"] < effect.high
    assert "plain_low" not in plain.effects[0].details


def test_shares_decide_at_their_level():
    """30 of 30 have a lower bound of 0.794 at 0.1 %: the first look at 0.25 %."""
    bound, every = 0.001 ** (1 / 30), {"a": [None] * 30}
    for share, verdict, opposite in ((bound - 0.001, S, R), (bound + 0.001, U, U)):
        assert decide(Diverges("a", share), every, stored=True).verdict is verdict
        assert decide(Converges("a", 1 - share), every, stored=True).verdict is opposite
    assert decide(Diverges("a"), every, stored=True).effects[0].low == pytest.approx(bound)


@pytest.mark.parametrize(
    ("design", "verdict"),
    [
        ({}, R),
        ({"look": stored_look(30), "levels": STORED}, U),
        ({"look": Look(looks(5, 30), 5)}, U),
    ],
)
def test_a_figure_is_refuted_at_its_level_and_within_prediction_by_the_plain_interval(design, verdict):
    """What only the wider interval of several looks holds is neither compatible nor refuted."""
    known = {"a": trials("a", quantiles(30).tolist())}
    for printed, expected in (("2.00000", S), ("2.90000", verdict), ("3.80000", R)):
        figures = {("a", "val_accuracy"): Figure(printed)}
        assert Reproduces("a").decide(Sample(known, METRICS, figures, **design)).verdict is expected


SIGNS, SHARE = Exceeds("a", "b", failures="decide"), Diverges("a", 0.7)


def test_a_rule_says_how_many_seeds_it_takes_and_with_one_fewer_it_cannot_decide():
    """Failures on every seed, for the rules that decide by exact tests."""
    taken = {Exceeds("a", "b"): 5, Best("a", ("b", "c")): 5, SIGNS: 6, Diverges("a"): 5, Diverges("a", 0.5): 6}
    taken |= {Converges("a", 0.9): 36, Reproduces("a"): 30, All((Exceeds("a", "b"), Converges("a", 0.5))): 6}
    assert {rule: rule.fewest() for rule in taken} == taken
    for rule, fails in ((SIGNS, "b"), (SHARE, "a")):
        for seeds, verdict in ((rule.fewest(), S), (rule.fewest() - 1, U)):
            known = {v: trials(v, ([None] if v == fails else [0.9]) * seeds) for v in ("a", "b")}
            assert rule.decide(Sample(known, METRICS)).verdict is verdict


def test_a_claim_uses_the_seeds_of_its_look():
    """Of 45 seeds the first 30, by seed, whatever the order in which they are given."""
    values = {"deep": [0.9 + 1e-4 * (i % 7) for i in range(45)], "shallow": [0.8] * 30 + [1.5] * 15}
    known = {name: trials(name, column)[::-1] for name, column in values.items()}
    decision, _ = claim().decide(known, stored_look(45), STORED)
    assert decision.verdict is S
    assert decision.effects[0].n == 30
    assert claim().decide(known)[0].effects[0].n == 45


# Levels of several looks: against published boundaries, and as the design of a claim

PUBLISHED = {
    "Pocock-like": (
        lambda t: PLAIN.one_sided * math.log(1 + (math.e - 1) * t),
        (2.4380, 2.4268, 2.4101, 2.3966, 2.3860),
    ),
    "O'Brien-Fleming-like": (
        lambda t: 2 * (1 - float(ndtr(-ndtri(PLAIN.one_sided / 2) / math.sqrt(t)))),
        (4.8769, 3.3570, 2.6803, 2.2898, 2.0310),
    ),
}
"""Five equally spaced looks, one-sided 2.5 % (Reboussin et al. 2000, the program of Lan & DeMets)."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_boundaries_are_the_published_ones(name):
    spending, published = PUBLISHED[name]
    chances = [spending(b) - (spending(a) if a else 0.0) for a, b in pairwise([k / 5 for k in range(6)])]
    assert -ndtri(boundary(chances, range(1, 6))) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(
    ("first", "most", "sizes"),
    [
        (5, 30, (5, 10, 15, 20, 25, 30)),
        (8, 30, (8, 13, 18, 23, 30)),
        (5, 6, (5, 6)),
        (5, 5, (5,)),
        (1, 10, (5, 10)),
        (30, 20, (30,)),
        (25, 60, (25, 30, 36, 43, 51, 60)),
    ],
)
def test_when_one_looks(first, most, sizes):
    assert looks(first, most) == sizes


@given(st.integers(1, 200), st.integers(1, 100_000))
def test_looks_grow_to_the_maximum_and_are_few(first, most):
    sizes = looks(first, most)
    assert all(a < b for a, b in pairwise(sizes))
    assert sizes[-1] == max(first, most, 5)
    assert len(sizes) < 70
    assert (ONLY.level(1 / first), ONLY.overall(1 / first)) == (1 / first, 1 / first)  # a single look changes nothing
    assert sum(spent(sizes)) == pytest.approx(1 if len(sizes) == 1 else 1 - KEPT_BACK)


@pytest.mark.parametrize("sizes", [looks(5, 30), looks(8, 20), looks(5, 60)])
def test_levels_and_overall_p_are_each_others_inverse_and_grow(sizes):
    rates = np.geomspace(1e-13, 0.9, 50)
    for index in range(len(sizes)):
        look = Look(sizes, index)
        levels = np.array([look.level(rate) for rate in rates])
        assert all(a < b for a, b in pairwise(levels))
        assert [look.overall(level) for level in levels] == pytest.approx(rates, rel=1e-9)
        assert all(levels >= 0.999 * rates * spent(sizes)[index])  # at least what the look spends
        overall = [look.overall(p) for p in np.geomspace(1e-30, 1.0, 200)]
        assert all(a <= b for a, b in pairwise(overall))
        assert overall[-1] == 1.0
        assert look.overall(0.0) == 0.0


@pytest.mark.parametrize("rate", [PLAIN.one_sided, 0.05, 0.005, PLAIN.one_sided / 9])
def test_tabulated_levels_are_exact_enough(rate):
    sizes = looks(5, 30)
    exact = boundary([rate * share for share in spent(sizes)], sizes)
    assert [Look(sizes, k).level(rate) for k in range(6)] == pytest.approx(exact, rel=2e-3)
