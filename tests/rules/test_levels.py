"""The levels of stored evidence: when a claim is decided, what is shown, and how many seeds a rule needs."""

import math

import msgspec
import numpy as np
import pytest
from scipy import stats

from harness.domain.published import Figure
from harness.domain.verdict import Decision, Verdict
from harness.errors import SuiteError
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
from harness.rules.levels import boundary
from tests.domain.synthetic import claim
from tests.rules.optional_stopping import t_values
from tests.rules.synthetic import METRICS, SYMMETRIC, most, trials

S, R, U = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
SIZES = (30, 100, 300, 1000)


def stored(values, n=30, figures=None):
    found = {name: trials(name, column) for name, column in values.items()}
    return Sample(found, METRICS, figures or {}, stored_look(n), STORED)


def scaled(n, mean, t):
    """n differences whose t value is ``t``, normal quantiles about ``mean``."""
    z = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return mean + z * mean * math.sqrt(n) / t / z.std(ddof=1)


@pytest.mark.parametrize(("n", "size"), [(30, 30), (99, 30), (100, 100), (299, 100), (300, 300), (5000, 1000)])
def test_evidence_is_looked_at_with_the_largest_of_four_sizes_that_it_reaches(n, size):
    assert stored_look(n).size == size


@pytest.mark.parametrize("n", [0, 5, 29])
def test_fewer_than_thirty_seeds_are_not_looked_at(n):
    assert stored_look(n) is None


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


@pytest.mark.parametrize("spending", [(0.5,), (0.5, 0.6), (0.5, 0.0), (-0.1, 0.5)])
def test_shares_that_do_not_fit_the_sizes_are_an_error(spending):
    with pytest.raises(SuiteError, match="Invalid spending of a look"):
        Look((30, 100), 0, spending)


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
    found = {name: column.tolist() for name, column in values.items()}
    assert build.decide(stored(found)).verdict is verdict
    assert build.decide(Sample(stored(found).trials, METRICS)).verdict is S


def test_picture_and_verdict_agree_and_the_plain_interval_is_in_the_details():
    d = scaled(30, 0.001, 3.0)
    decision = Exceeds("a", "b").decide(stored({"a": (0.9 + d).tolist(), "b": [0.9] * 30}))
    (effect,) = decision.effects
    details = dict(effect.details)
    assert decision.verdict is U
    assert "99.8 % interval" in decision.reason
    assert effect.low < 0 < effect.high
    assert details["confidence"] == pytest.approx(0.998)
    assert 0 < details["plain_low"] < 0.001 < details["plain_high"] < effect.high
    plain = Exceeds("a", "b").decide(Sample(stored({"a": (0.9 + d).tolist(), "b": [0.9] * 30}).trials, METRICS))
    assert "95 % interval" in plain.reason
    assert "plain_low" not in dict(plain.effects[0].details)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


def test_shares_decide_at_their_level():
    """30 of 30 have a lower bound of 0.794 at 0.1 %: the first look at 0.25 %."""
    bound = 0.001 ** (1 / 30)
    for share, verdict in ((bound - 0.001, S), (bound + 0.001, U)):
        decision = Diverges("a", share).decide(stored({"a": [None] * 30}))
        assert decision.verdict is verdict
        assert "99.9 % per bound" in decision.reason
        assert Converges("a", 1 - share).decide(stored({"a": [None] * 30})).verdict is (R if verdict is S else U)
    every = Diverges("a").decide(stored({"a": [None] * 30}))
    assert every.verdict is S
    assert every.effects[0].low == pytest.approx(bound)


def test_a_figure_is_refuted_at_its_level_and_within_prediction_by_the_plain_interval():
    z = stats.norm.ppf((np.arange(30) + 0.5) / 30)
    runs = (z / z.std(ddof=1)).tolist()
    found = {}
    for printed in ("2.00000", "3.00000", "3.80000"):
        figures = {("a", "val_accuracy"): Figure(printed)}
        decision = Reproduces("a").decide(stored({"a": runs}, figures=figures))
        found[printed] = decision.verdict
        assert "99.8 % prediction interval" in decision.reason
    assert found == {"2.00000": S, "3.00000": U, "3.80000": R}


@pytest.mark.parametrize(
    ("rule", "plain", "first_look", "exact", "exact_first_look"),
    [
        (Exceeds("a", "b"), 5, 5, 6, 10),
        (Best("a", ("b", "c")), 5, 5, 6, 10),
        (Exceeds("a", "b", failures="decide"), 6, 10, 6, 10),
        (Diverges("a"), 5, 5, 5, 5),
        (Diverges("a", 0.5), 6, 10, 6, 10),
        (Converges("a", 0.9), 36, 66, 36, 66),
        (Reproduces("a"), 30, 30, 199, 999),
        (All((Exceeds("a", "b"), Converges("a", 0.5))), 6, 10, 6, 10),
    ],
    ids=lambda value: value.describe() if hasattr(value, "describe") else "",
)
def test_a_rule_says_how_many_seeds_it_takes_before_training(rule, plain, first_look, exact, exact_first_look):
    look = stored_look(30)
    assert rule.fewest() == plain
    assert rule.fewest(STORED, look) == first_look
    assert rule.fewest(exact=True) == exact
    assert rule.fewest(STORED, look, exact=True) == exact_first_look


@pytest.mark.parametrize("levels", [PLAIN, STORED])
def test_the_fewest_seeds_can_decide_and_one_fewer_cannot(levels):
    """Failures on every seed, for the rules that decide by exact tests."""
    for rule, fails in ((Exceeds("a", "b", failures="decide"), "b"), (Diverges("a", 0.7), "a")):
        n = rule.fewest(levels)
        for seeds, verdict in ((n, S), (n - 1, U)):
            found = {v: trials(v, ([None] if v == fails else [0.9]) * seeds) for v in ("a", "b")}
            assert rule.decide(Sample(found, METRICS, levels=levels)).verdict is verdict


def test_a_claim_uses_the_seeds_of_its_look():
    """Of 45 seeds the first 30, by seed, whatever the order in which they are given."""
    values = {"deep": [0.9 + 1e-4 * (i % 7) for i in range(45)], "shallow": [0.8] * 30 + [1.5] * 15}
    given = {name: trials(name, column)[::-1] for name, column in values.items()}
    decision, _ = claim().decide(given, stored_look(45), STORED)
    assert decision.verdict is S
    assert decision.effects[0].n == 30
    assert claim().decide(given)[0].effects[0].n == 45
