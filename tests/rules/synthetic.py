"""Synthetic trials with known truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import binom

from harness.domain.model import Divergence, Figure, Metric, Trial
from harness.domain.verdict import Decision, Verdict
from harness.rules import (
    STORED,
    Above,
    All,
    Best,
    Equivalent,
    Exceeds,
    Monotone,
    NotBetter,
    Rule,
    Sample,
    stored_look,
)

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("val_loss", "lower", "nats", 0.001)
STEPS = Metric("steps", "lower", "steps", 0.05, scale="log")
EPOCHS = Metric("epochs", "lower", "epochs", 1.0)
METRICS = {metric.name: metric for metric in (ACCURACY, LOSS, STEPS, EPOCHS)}

EXPERIMENTS = 2000
CHANCE = 1e-4

EQUAL = {"a": 0.0, "b": 0.0, "c": 0.0}
EDGES: dict[str, tuple[Rule, dict[str, float]]] = {
    "Above": (Above("a", "val_accuracy", 0.98), {"a": 0.0}),
    "Exceeds": (Exceeds("a", "b"), {"a": 0.0, "b": 0.0}),
    "Exceeds by a margin": (Exceeds("a", "b", margin=0.001), {"a": 0.001, "b": 0.0}),
    "Exceeds, non-inferiority": (Exceeds("a", "b", margin=-0.001), {"a": -0.001, "b": 0.0}),
    "NotBetter": (NotBetter("a", "b", 0.001), {"a": 0.001, "b": 0.0}),
    "Equivalent": (Equivalent("a", "b", 0.004), {"a": 0.004, "b": 0.0}),
    "Equivalent, other edge": (Equivalent("a", "b", 0.004), {"a": -0.004, "b": 0.0}),
    "Best of equals": (Best("a", ("b", "c", "d")), {**EQUAL, "d": 0.0}),
    "Best with one equal": (Best("a", ("b", "c")), {"a": 0.05, "b": 0.05, "c": 0.0}),
    "Monotone, all equal": (Monotone(("a", "b", "c", "d")), {**EQUAL, "d": 0.0}),
    "Monotone, one step flat": (Monotone(("a", "b", "c")), {"a": 0.0, "b": 0.05, "c": 0.05}),
    "All, one part on its edge": (All((Exceeds("a", "b"), Exceeds("a", "c"))), {"a": 0.05, "b": 0.05, "c": 0.0}),
}
"""Rules with the truth on the edge of the claim, where it is hardest to decide."""


def trials(variant: str, values: Sequence[float | None], metric: str = "val_accuracy") -> tuple[Trial, ...]:
    """One trial per value, seeds 0, 1, …; None is a diverged trial."""
    return tuple(
        Trial(variant, seed, {metric: value}, divergence=Divergence("nan", 1, 6) if value is None else None)
        for seed, value in enumerate(values)
    )


def evidence(
    values: dict[str, Sequence[float | None]],
    metric: str = "val_accuracy",
    figures: dict[tuple[str, str], Figure] | None = None,
    stored: bool = False,
) -> Sample:
    """One value per seed; ``stored``: at the look and the levels of stored evidence."""
    found = {name: trials(name, list(column), metric) for name, column in values.items()}
    design: dict[str, Any] = {"look": stored_look(min(map(len, found.values()))), "levels": STORED} if stored else {}
    return Sample(found, METRICS, figures or {}, **design)


def decide(
    rule: Rule,
    values: dict[str, Sequence[float | None]],
    metric: str = "val_accuracy",
    printed: str | None = None,
    stored: bool = False,
) -> Decision:
    """The rule's decision on these values; ``printed`` is the published figure it asks for."""
    figures = {pair: Figure(printed) for pair in rule.figures} if printed is not None else None
    return rule.decide(evidence(values, metric, figures, stored))


Draw = Callable[[np.random.Generator, int], np.ndarray]
SYMMETRIC: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "t with 3 df": lambda rng, n: rng.standard_t(3, size=n),
}


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lognormal, mean 0."""
    return rng.lognormal(size=n) - np.exp(0.5)


def verdicts(
    rule: Rule,
    n: int,
    means: dict[str, float],
    draw: Draw,
    seed: int,
    sd: float = 0.002,
    experiments: int = EXPERIMENTS,
    decided: Callable[[Rule, Any], Verdict] = lambda rule, values: decide(rule, values).verdict,
) -> Counter[Verdict]:
    """Verdicts over simulated experiments: a variant is its mean, a part common to the seed, and its noise."""
    rng = np.random.default_rng(seed)

    def values() -> dict[str, list[float]]:
        common = 0.98 + 0.01 * rng.normal(size=n) if len(means) > 1 else 0.98
        return {name: (common + mean + sd * draw(rng, n)).tolist() for name, mean in means.items()}

    return Counter(decided(rule, values()) for _ in range(experiments))


def most(rate: float, experiments: int = EXPERIMENTS) -> int:
    """The largest count that chance allows, but once in 10,000, where the true rate is ``rate``."""
    return int(binom.ppf(1 - CHANCE, experiments, rate))


def fewest(rate: float, experiments: int = EXPERIMENTS) -> int:
    return int(binom.ppf(CHANCE, experiments, rate))


def check_rarely_wrong(counts: Counter[Verdict], rate: float = 0.025) -> None:
    """Where the truth is on the edge: neither verdict more often than ``rate``."""
    assert max(counts[Verdict.SUPPORTED], counts[Verdict.REFUTED]) <= most(rate, counts.total()), counts
