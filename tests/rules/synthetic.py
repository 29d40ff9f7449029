"""Synthetic trials with known truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import binom

from harness.domain.metric import Metric
from harness.domain.published import Figure
from harness.domain.trial import Divergence, Trial
from harness.domain.verdict import Decision, Verdict
from harness.rules import Rule, Sample

ACCURACY = Metric("val_accuracy", "higher", "fraction", 0.0005)
LOSS = Metric("val_loss", "lower", "nats", 0.001)
STEPS = Metric("steps", "lower", "steps", 0.05, scale="log")
METRICS = {metric.name: metric for metric in (ACCURACY, LOSS, STEPS)}

EXPERIMENTS = 2000
CHANCE = 1e-4


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
) -> Sample:
    return Sample({name: trials(name, column, metric) for name, column in values.items()}, METRICS, figures or {})


def decide(
    rule: Rule, values: dict[str, Sequence[float | None]], metric: str = "val_accuracy", printed: str | None = None
) -> Decision:
    """The rule's decision on these values; ``printed`` is the published figure it asks for."""
    figures = {pair: Figure(printed) for pair in rule.figures} if printed is not None else None
    return rule.decide(evidence(values, metric, figures))


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
) -> Counter[Verdict]:
    """Verdicts over simulated experiments: a variant is its mean, a part common to the seed, and its noise."""
    rng = np.random.default_rng(seed)
    found: Counter[Verdict] = Counter()
    for _ in range(experiments):
        common = 0.98 + 0.01 * rng.normal(size=n)
        values = {name: (common + mean + sd * draw(rng, n)).tolist() for name, mean in means.items()}
        found[decide(rule, values).verdict] += 1
    return found


def most(rate: float, experiments: int = EXPERIMENTS) -> int:
    """The largest count that chance allows, but once in 10,000, where the true rate is ``rate``."""
    return int(binom.ppf(1 - CHANCE, experiments, rate))


def fewest(rate: float, experiments: int = EXPERIMENTS) -> int:
    return int(binom.ppf(CHANCE, experiments, rate))
