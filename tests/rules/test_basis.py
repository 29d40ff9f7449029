"""How each rule decides: by a test, by every seed, by a figure that is not contradicted, by computation."""

import dataclasses

import numpy as np
import pytest

from cases.rules import EverySeed, GrowsMore, Not, ReproducesCurve
from harness.domain.published import Figure
from harness.domain.trial import Divergence, Trial
from harness.domain.verdict import Basis, Verdict
from harness.rules import (
    Above,
    All,
    Best,
    Comparison,
    Converges,
    Diverges,
    Equivalent,
    Exact,
    Exceeds,
    Monotone,
    NotBetter,
    Raises,
    Reproduces,
    Sample,
)
from tests.domain.synthetic import exact
from tests.rules.synthetic import METRICS

NAN = Divergence("nan", 1, 6)
CURVE = (0.5, 0.25)


def sample(seeds=30):
    """a is 0.97, b 0.98, "b too" the same within the smallest effect, c varies widely about b, d diverges."""
    rng = np.random.default_rng(0)
    z = np.array([-1.0, 1.0, -0.5, 0.5, 0.0, 0.0] * 10)[:seeds]
    base = 0.97 + 0.001 * rng.normal(size=seeds)
    values = {"a": base, "b": base + 0.01 + 1e-4 * z, "b too": base + 0.01 - 1e-4 * z, "c": base + 0.01 + 0.05 * z}
    runs = {name: tuple(trial(name, i, x) for i, x in enumerate(column)) for name, column in values.items()}
    runs["d"] = tuple(Trial("d", i, {}, divergence=NAN) for i in range(seeds))
    figures = {("a", "val_accuracy"): Figure("0.9701"), ("b", "val_accuracy"): Figure("0.5")}
    return Sample(runs, METRICS, figures)


def trial(name, seed, value):
    return Trial(name, seed, {"val_accuracy": float(value)}, {"val_loss": tuple(x + 1e-3 * (seed % 7) for x in CURVE)})


SHOWN, EVERY, FIGURE = Basis.SHOWN, Basis.EVERY_SEED, Basis.NOT_CONTRADICTED
S, R, T, U = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.NEGLIGIBLE, Verdict.INCONCLUSIVE
ACC = "val_accuracy"
near, far = (
    ReproducesCurve("a", "val_loss", tuple(x + d for x in CURVE), decimals=3) for d in (0.003, 0.5)
)  # fmt: skip
TABLE = [
    (Exceeds("b", "a"), S, SHOWN),
    (Exceeds("a", "b"), R, SHOWN),
    (Exceeds("b", "b too"), T, SHOWN),
    (Exceeds("b", "c"), U, None),
    (Exceeds("a", "d", failures="decide"), S, SHOWN),
    (NotBetter("a", "b", 0.001), S, SHOWN),
    (NotBetter("b", "a", 0.001), R, SHOWN),
    (NotBetter("b", "b too", 0.0), T, SHOWN),
    (Equivalent("b", "b too", 0.001), S, SHOWN),
    (Equivalent("a", "b", 0.001), R, SHOWN),
    (Equivalent("b", "c", 0.001), U, None),
    (Above("a", ACC, 0.9), S, SHOWN),
    (Above("a", ACC, 0.99), R, SHOWN),
    (Best("b", ("a",)), S, SHOWN),
    (Best("a", ("b", "b too")), R, SHOWN),
    (Best("b", ("a", "b too")), T, SHOWN),
    (Best("b", ("a", "c")), U, None),
    (Monotone(("a", "b")), S, SHOWN),
    (Monotone(("b", "a")), R, SHOWN),
    (Monotone(("a", "b", "b too")), T, SHOWN),
    (GrowsMore(("b", "a"), ("a", "b"), ACC), S, SHOWN),
    (GrowsMore(("a", "b"), ("b", "a"), ACC), R, SHOWN),
    (Diverges("d"), S, EVERY),
    (Diverges("a"), R, EVERY),
    (Diverges("d", 0.5), S, SHOWN),
    (Diverges("a", 0.5), R, SHOWN),
    (Converges("a"), S, EVERY),
    (Converges("d"), R, EVERY),
    (Converges("a", 0.5), S, SHOWN),
    (EverySeed("a", ACC, at_least=0.5), S, EVERY),
    (EverySeed("a", ACC, at_most=0.5), R, EVERY),
    (Reproduces("a"), S, FIGURE),
    (Reproduces("b"), R, SHOWN),
    (near, S, FIGURE),
    (far, R, SHOWN),
    (Not(Exceeds("b", "a")), R, SHOWN),
    (Not(Converges("a")), R, EVERY),
    (Not(Diverges("a")), S, EVERY),
    (All((Exceeds("b", "a"), Converges("a"))), S, EVERY),
    (All((Exceeds("b", "a"), Converges("a"), Reproduces("a"))), S, FIGURE),
    (All((Exceeds("b", "b too"), Converges("a"), Exceeds("b", "c"))), T, SHOWN),
    (All((Diverges("a"), Exceeds("a", "b"))), R, SHOWN),
    (All((Diverges("a"), Exceeds("b", "a"))), R, EVERY),
    (All((Exceeds("b", "a"), Exceeds("b", "c"))), U, None),
    (All((All((Converges("a"), Exceeds("b", "a"))), Exceeds("b", "a"))), S, EVERY),
    (Exceeds("b", "nowhere"), Verdict.NOT_RUN, None),
]


@pytest.mark.parametrize(("rule", "verdict", "basis"), TABLE, ids=lambda value: getattr(value, "describe", str)())
def test_every_rule_says_how_it_decided(rule, verdict, basis):
    decision = rule.decide(sample())
    assert (decision.verdict, decision.basis) == (verdict, basis)
    few = rule.decide(sample(4))
    assert (few.verdict, few.basis) in [(U, None), (Verdict.NOT_RUN, None), (R, EVERY), (S, EVERY)]


def test_no_rule_is_missing():
    import cases.rules
    import harness.rules

    known = {type(rule) for rule, _, _ in TABLE} | {Exact, Raises}
    rules = [
        value
        for module in (harness.rules, cases.rules)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "decide") and dataclasses.is_dataclass(value)
    ]
    assert set(rules) == known


@pytest.mark.parametrize(("expected", "verdict"), [(1.0, S), (2.0, R)])
def test_what_is_computed(expected, verdict):
    decision = Exact().decide([Comparison("a number", 1.0, expected)])
    assert (decision.verdict, decision.basis) == (verdict, Basis.COMPUTED)
    raised = Raises("ZeroDivisionError", "division").decide(lambda: 1 / (expected - 1.0))
    assert (raised.verdict, raised.basis) == (S if expected == 1 else R, Basis.COMPUTED)


@pytest.mark.parametrize("then", [1.0, 2.0])
def test_a_claim_that_is_computed_twice_keeps_it(then):
    twice = dataclasses.replace(
        exact(), check=lambda: [Comparison("today", 1.0, 2.0)], then=lambda: [Comparison("then", 1.0, then)]
    )
    decision = twice.computed()
    assert decision.verdict is (Verdict.OUTDATED if then == 1 else R)
    assert decision.basis is Basis.COMPUTED


def test_weakest_first():
    assert [basis.strength for basis in (FIGURE, EVERY, SHOWN, Basis.COMPUTED)] == [0, 1, 2, 3]
