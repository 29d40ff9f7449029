"""Exceeds, NotBetter and Equivalent: what they decide, from how few seeds, and what they leave open."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.rules import Equivalent, Exceeds, NotBetter, Sample
from tests.rules.synthetic import METRICS, OPPOSITE, N, R, S, T, U, decide, evidence, trials

NOISE = (0.0003, -0.0002, 0.0001, -0.0003, 0.0001)  # mean 0, standard error 0.00011; t interval ± 0.0003


@pytest.mark.parametrize("noise", [0.0, 3e-8, 1e-7])
def test_identical_variants_are_a_tie_from_six_seeds_on(noise):
    """Equal, or equal up to float32 rounding of an accuracy; five equal differences decide nothing."""
    b = [0.97, 0.98, 0.975, 0.981, 0.979, 0.98]
    a = [x + noise * (-1) ** i for i, x in enumerate(b)]
    decision = decide(Exceeds("a", "b"), {"a": a, "b": b})
    assert decision.verdict is T
    assert "identical in every seed" in decision.reason
    assert (decision.p, decision.effects[0].p) == (2 * 2.0**-6, 1.0)
    assert decide(Exceeds("a", "b"), {"a": a[:5], "b": b[:5]}).verdict is U


@pytest.mark.parametrize(
    ("rule", "difference", "verdict"),
    [
        (Exceeds("a", "b"), 0.001, S),
        (Exceeds("a", "b"), -0.001, R),
        (Exceeds("a", "b", margin=0.001), 0.001, U),
        (Exceeds("a", "b", margin=0.001), 0.0, R),
        (NotBetter("a", "b", 0.001), 0.0, S),
        (NotBetter("a", "b", 0.001), 0.001, U),
        (Equivalent("a", "b", 0.001), 0.0, S),
        (Equivalent("a", "b", 0.001), 0.001, U),
        (Equivalent("a", "b", 0.001), -0.001, U),
        (Equivalent("a", "b", 0.001), -0.002, R),
    ],
)
@pytest.mark.parametrize("n", [5, 6, 10])
def test_equal_differences_are_decided_by_their_number(rule, difference, verdict, n):
    """An exact sign test: n equal differences have a one-sided p of 2^-n, which five do not bring below 2.5 %."""
    b = [0.97 + 0.001 * (i % 4) for i in range(n)]
    decision = decide(rule, {"a": [x + difference for x in b], "b": b})
    assert decision.verdict is (verdict if n > 5 else U)
    assert decision.p == decision.effects[0].p == (2 * 2.0**-n if verdict.decided else 1.0)


@pytest.mark.parametrize(("sign", "verdict", "than"), [(1, S, "above 0"), (-1, R, "below 0")])
def test_a_rejection_wins_and_says_that_it_matters_little(sign, verdict, than):
    small = {"a": [0.95 + sign * (0.0002 + x / 10) for x in NOISE], "b": [0.95] * 5}
    decision = decide(Exceeds("a", "b"), small)
    assert decision.verdict is verdict
    assert decision.reason.endswith(f": {than}, by less than matters")
    assert "less than matters" not in decide(NotBetter("a", "b", 0.001), small).reason


@pytest.mark.parametrize("rule", [Exceeds("a", "b", margin=0.0001), NotBetter("a", "b", 0.0001)])
def test_a_difference_near_a_margin_is_no_tie(rule):
    assert decide(rule, {"a": [0.95 + 0.0001 + x / 3 for x in NOISE], "b": [0.95] * 5}).verdict is U


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5, 6), "no trial of 'a' with seeds 5, 6"),
        ((0, 1, 2, 3, 4, 7), (0, 1, 2, 3, 4), "no trial of 'b' with seed 7"),
        ((0, 1, 2, 3, 4, 4), (0, 1, 2, 3, 4), "more than one trial of 'a' with seed 4"),
        ((), (0, 1, 2, 3, 4), "no trials of 'a'"),
    ],
)
def test_unpaired_seeds_are_not_run(a, b, text):
    chosen = {name: tuple(trials(name, [0.9] * 10)[seed] for seed in seeds) for name, seeds in (("a", a), ("b", b))}
    decision = Exceeds("a", "b").decide(Sample(chosen, METRICS))
    assert decision.verdict is N
    assert text in decision.reason


def steps(*ratios):
    b = [100.0, 150.0, 80.0, 210.0, 120.0]
    return {"a": [x * ratio for x, ratio in zip(b, ratios, strict=True)], "b": b}


def test_log_metric_is_compared_and_reported_as_ratios():
    ratios = (2.0, 2.2, 1.8, 2.1, 1.9)
    decision = decide(Exceeds("a", "b", "steps", margin=math.log(1.5)), steps(*ratios), "steps")
    (effect,) = decision.effects
    assert decision.verdict is S
    assert (effect.of, effect.unit) == ("a / b", "ratio")
    assert effect.estimate == pytest.approx(math.prod(ratios) ** 0.2)
    assert 1.5 < effect.low < effect.estimate < effect.high < 2.5
    assert effect.details["detectable_effect"] > 1
    assert "above a ratio of 1.5" in decision.reason
    assert decide(Exceeds("a", "b", "steps", margin=math.log(3)), steps(*ratios), "steps").verdict is R
    tie = decide(Exceeds("a", "b", "steps"), steps(1.01, 0.99, 1.005, 1.0, 0.995), "steps")
    assert tie.verdict is T
    assert "within 0.9512 to 1.051, the smallest ratios that matter" in tie.reason


@pytest.mark.parametrize(
    ("metric", "a", "b", "verdict", "said"),
    [
        ("steps", [5.0] * 6, [0.0] * 6, S, "rank test"),  # 0 on a log scale ranks lowest
        ("steps", [5.0] * 6, [3.0, -1.0, 3.0, 3.0, 3.0, 3.0], N, "log scale"),
        ("val_loss", [1e200] * 6, [0.5] * 6, S, "rank test"),  # too large to square
    ],
)
def test_values_without_a_mean_are_ranked(metric, a, b, verdict, said):
    decision = decide(Exceeds("a", "b", metric), {"a": a, "b": b}, metric)
    assert decision.verdict is verdict
    assert said in decision.reason


values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 0.97, 0.98]))
columns = st.integers(1, 9).flatmap(lambda n: st.tuples(*[st.lists(values, min_size=n, max_size=n)] * 2))
rules = st.sampled_from([(name, margin) for name in METRICS for margin in (0.0, 0.001, 500.0)])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(columns, rules)
def test_any_trials_have_a_verdict_and_opposite_rules_agree(column, rule):
    name, margin = rule
    known = evidence(dict(zip("ab", column, strict=True)), name)
    decision = Exceeds("a", "b", name, margin).decide(known)
    opposite = OPPOSITE.get(decision.verdict, decision.verdict)
    assert Exceeds("b", "a", name, -margin).decide(known).verdict is opposite
    assert NotBetter("a", "b", margin, name).decide(known).verdict is opposite
    if margin and decision.verdict is S:
        assert Equivalent("a", "b", margin, name).decide(known).verdict is R
    for effect in decision.effects:
        numbers = [effect.estimate, effect.low, effect.high, effect.p, *effect.details.values()]
        assert all(number is None or math.isfinite(number) for number in numbers)
