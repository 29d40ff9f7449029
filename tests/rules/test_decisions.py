"""What every rule says of trials that are clear, reversed, alike, failed, censored, missing or too few.

``decisions.txt`` has the verdicts, reasons and numbers; ``python -m tests.rules.test_decisions`` writes it anew.
"""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

import cases.rules
import harness.rules
from cases.rules import EverySeed, GrowsMore, ReproducesCurve
from harness.model import Divergence, Figure, Metric, Trial
from harness.rules import (
    PLAIN,
    STORED,
    Above,
    All,
    Best,
    Converges,
    Diverges,
    Equivalent,
    Exact,
    Exceeds,
    Levels,
    Look,
    Monotone,
    Not,
    NotBetter,
    Reproduces,
    Sample,
    stored_look,
)
from harness.verdict import Basis, Verdict
from tests.rules.synthetic import OPPOSITE

GOLDEN = Path(__file__).with_name("decisions.txt")
METRICS = {
    "accuracy": Metric("accuracy", "higher", "fraction", 0.0005),
    "loss": Metric("loss", "lower", "nats", 0.001),
    "steps": Metric("steps", "lower", "steps", 0.05, scale="log"),
}
CURVE = (0.5, 0.25)
A, L, N = "accuracy", "loss", "steps"

RULES = [
    Exceeds("b", "a", A),
    Exceeds("a", "b", A),
    Exceeds("b", "b too", A),
    Exceeds("b", "c", A),
    Exceeds("b", "a", A, margin=0.02),
    Exceeds("b", "a", N, margin=math.log(1.005)),
    Exceeds("b", "a", L),
    Exceeds("a", "d", A, failures="decide"),
    Exceeds("b", "a", A, failures="report"),
    Exceeds("b", "a", A, failures="count"),
    Exceeds("same", "a", A),
    Exceeds("shifted", "a", A),
    NotBetter("a", "b", 0.001, A),
    NotBetter("b", "a", 0.001, A),
    NotBetter("b", "b too", 0.0, A),
    Equivalent("b", "b too", 0.001, A),
    Equivalent("a", "b", 0.001, A),
    Equivalent("b", "c", 0.001, A),
    Equivalent("a", "b", 0.1, N),
    Above("a", A, 0.9),
    Above("a", A, 0.99),
    Above("zero", A),
    Above("a", N, 50.0, failures="count"),
    Above("a", N, 0.0),
    Best("b", ("a",), A),
    Best("a", ("b", "b too"), A),
    Best("b", ("a", "b too"), A),
    Best("b", ("a", "c"), A),
    Best("a", ("b", "c"), L, failures="count"),
    Monotone(("a", "b"), A),
    Monotone(("b", "a"), A),
    Monotone(("a", "b", "b too"), A),
    Monotone(("b", "a"), N, "falls"),
    GrowsMore(("b", "a"), ("a", "b"), A),
    GrowsMore(("a", "b"), ("b", "a"), N),
    Diverges("d"),
    Diverges("a"),
    Diverges("d", 0.5),
    Diverges("a", 0.5),
    Converges("a"),
    Converges("d"),
    Converges("a", 0.5, metric=L, at_most=2.0),
    Converges("a", metric=N, at_least=90, at_most=98),
    EverySeed("a", A, at_least=0.5),
    EverySeed("a", A, at_most=0.5),
    Reproduces("a", A),
    Reproduces("b", A),
    Reproduces("same", A, failures="count"),
    Reproduces("a", N),
    ReproducesCurve("a", L, (0.503, 0.253), 3),
    ReproducesCurve("a", L, (0.5, math.nan, 0.2), 3),
    ReproducesCurve("a", L, (0.5, 0.8), 3),
    Not(Exceeds("b", "a", A)),
    Not(All((Equivalent("b", "b too", 0.001, A), Equivalent("a", "b", 0.001, A)))),
    All((Exceeds("b", "a", A), Converges("a"), Reproduces("a", A))),
    All((Exceeds("b", "b too", A), Converges("a"), Exceeds("b", "c", A))),
    All((Diverges("a"), Exceeds("a", "b", A))),
    All((All((Converges("a"), Exceeds("b", "a", A))), Not(Diverges("a")))),
    All((Exceeds("b", "a", A), Exceeds("b", "nowhere", A))),
]


def sample(seeds: int = 30, look: Look | None = None, levels: Levels = PLAIN) -> Sample:
    """a is 0.97, b 0.98, "b too" the same within the smallest effect, c varies widely about b, d diverges; "same" is a
    in every seed, "shifted" is b's difference in every seed, "zero" is 0 within the smallest effect."""
    rng = np.random.default_rng(0)
    z = np.array([-1.0, 1.0, -0.5, 0.5, 0.0, 0.0] * 20)[:seeds]
    a = 0.97 + 0.001 * rng.normal(size=seeds)
    values = {
        "a": a,
        "b": a + 0.01 + 1e-4 * z,
        "b too": a + 0.01 - 1e-4 * z,
        "c": a + 0.01 + 0.05 * z,
        "same": a,
        "shifted": a + 0.01,
        "zero": 1e-4 * z,
    }
    runs = {name: tuple(_trial(name, seed, float(x)) for seed, x in enumerate(row)) for name, row in values.items()}
    runs["b"] = runs["b"][::-1]  # pairs are by seed, whatever the order of trials
    runs["d"] = tuple(Trial("d", seed, {}, divergence=Divergence("nan", 1, 6)) for seed in range(seeds))
    printed = {"a": "0.9701", "b": "0.5", "same": "0.97"}
    figures = {(name, A): Figure(text) for name, text in printed.items()} | {("a", N): Figure("97.5")}
    return Sample(runs, METRICS, figures, look or Look(), levels)


def _trial(variant: str, seed: int, x: float) -> Trial:
    curve = tuple(value + 1e-3 * (seed % 7) for value in CURVE)
    return Trial(variant, seed, {A: x, L: 2 - x, N: 100 * abs(x)}, {L: curve})


def changed(known: Sample, seeds: range, **changes: object) -> Sample:
    """Some trials of a changed."""
    a = tuple(structs.replace(t, **changes) if t.seed in seeds else t for t in known.trials["a"])
    return dataclasses.replace(known, trials={**known.trials, "a": a})


SAMPLES = {
    "30 stored seeds": sample(30, stored_look(30), STORED),
    "five seeds": sample(5),
    "four seeds": sample(4),
    "one of a failed": changed(sample(), range(3, 4), metrics={}, divergence=Divergence("inf", 2), history={}),
    "all of a failed": changed(sample(), range(30), metrics={}, divergence=Divergence("stuck at chance", 5)),
    "one of a censored": changed(sample(), range(1), metrics={A: None, L: None, N: None}),
    "a seed of a missing": dataclasses.replace(sample(), trials={**sample().trials, "a": sample().trials["a"][:-1]}),
}


def decisions() -> str:
    lines = []
    for rule in RULES:
        lines.append(f"{rule.describe()} [{', '.join((*rule.variants, *rule.metrics))}]")
        for name, known in SAMPLES.items():
            decision = rule.decide(known)
            p = "" if decision.p is None else f" p {decision.p:.4g}"
            lines.append(f"  {name}: {decision.verdict} {decision.basis or ''}{p}: {decision.reason}")
            if name in ("30 stored seeds", "one of a failed"):
                lines += [f"    {_effect(effect)}" for effect in decision.effects]
    return "\n".join(lines) + "\n"


def _effect(effect) -> str:
    numbers = {name: getattr(effect, name) for name in ("estimate", "low", "high", "p", "margin")} | effect.details
    known = (f"{name} {value:.4g}" for name, value in numbers.items() if value is not None)
    return f"{effect.of} ({effect.metric}, {effect.unit}): {' '.join(known)}, n = {effect.n}"


def test_decisions():
    assert decisions() == GOLDEN.read_text("utf-8")


def test_no_rule_is_missing():
    rules = {
        value
        for module in (harness.rules, cases.rules)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "decide") and dataclasses.is_dataclass(value)
    }
    assert rules == {type(rule) for rule in RULES} | {Exact}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.describe())
def test_what_holds_for_every_rule(rule):
    assert len(set(rule.variants)) == len(rule.variants) > 0
    assert hash(rule) == hash(rule)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(rule, dataclasses.fields(rule)[0].name, "changed")
    for name, known in SAMPLES.items():
        decision = rule.decide(known)
        undecided = decision.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
        assert (decision.basis is None) == undecided
        if name == "four seeds":
            assert undecided or decision.basis is Basis.EVERY_SEED
        opposite = Not(rule).decide(known)
        assert opposite.verdict is OPPOSITE.get(decision.verdict, decision.verdict)
        assert opposite.p == decision.p


if __name__ == "__main__":
    GOLDEN.write_text(decisions(), "utf-8")
