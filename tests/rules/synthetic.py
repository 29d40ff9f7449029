"""Synthetic trials with known truth, and simulations of rules at one look and at several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binom, norm

from harness.model import Divergence, Figure, Metric, Trial
from harness.rules import (
    PLAIN,
    STORED,
    Above,
    All,
    Best,
    Equivalent,
    Exceeds,
    Monotone,
    NotBetter,
    Reproduces,
    Rule,
    Sample,
    stored_look,
)
from harness.rules.levels import ONLY, Look, looks
from harness.verdict import Decision, Verdict
from tests.make import ACCURACY, LOSS

STEPS = Metric("steps", "lower", "steps", 0.05, scale="log")
EPOCHS = Metric("epochs", "lower", "epochs", 1.0)
S, R, T = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.NEGLIGIBLE
U, N = Verdict.INCONCLUSIVE, Verdict.NOT_RUN
OPPOSITE = {S: R, R: S}
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
    made = {name: trials(name, list(column), metric) for name, column in values.items()}
    look = stored_look(min(map(len, made.values()))) if stored else None
    return Sample(made, METRICS, figures or {}, look or ONLY, STORED if stored else PLAIN)


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


def quantiles(n: int) -> np.ndarray:
    """n normal quantiles, of mean 0 and standard deviation 1."""
    z = norm.ppf((np.arange(n) + 0.5) / n)
    return (z - z.mean()) / z.std(ddof=1)


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


# Several looks: what they cost and save, with known truth

SIZES = looks(5, 30)


def followed(
    rule: Rule, values: dict[str, list[float | None]], sizes: Sequence[int] = SIZES, printed: str = "0"
) -> tuple[Verdict, int]:
    """The verdict on a claim that is looked at after ``sizes`` seeds until it is decided, and the seeds it took;
    ``printed``: its figure."""
    figures = {pair: Figure(printed) for pair in rule.figures}
    known = {name: trials(name, column) for name, column in values.items()}
    for index, size in enumerate(sizes):
        first = {name: done[:size] for name, done in known.items()}
        verdict = rule.decide(Sample(first, METRICS, figures, Look(tuple(sizes), index))).verdict
        if verdict is not Verdict.INCONCLUSIVE:
            break
    return verdict, size


def stopped(rule: Rule, means: dict[str, float], draw: Draw, seed: int, experiments: int) -> Counter[Verdict]:
    """Verdicts of simulated claims that are looked at until they are decided."""

    def decided(rule: Rule, values: Any) -> Verdict:
        return followed(rule, values)[0]

    return verdicts(rule, SIZES[-1], means, draw, seed, experiments=experiments, decided=decided)


def with_failures(seed: int, experiments: int, chance: float = 0.2) -> Counter[Verdict]:
    """The same of two equal variants whose trials diverge with ``chance``: mean and share of failures decide."""
    rng, n = np.random.default_rng(seed), SIZES[-1]

    def values() -> list[float | None]:
        return [None if fails else x for fails, x in zip(rng.random(n) < chance, rng.normal(size=n), strict=True)]

    return Counter(followed(Exceeds("a", "b"), {"a": values(), "b": values()})[0] for _ in range(experiments))


def one_more_run(draw: Draw, seed: int, experiments: int) -> Counter[Verdict]:
    """Verdicts on a printed figure that is one more run; false where REFUTED."""
    rng, n = np.random.default_rng(seed), SIZES[-1]
    counts: Counter[Verdict] = Counter()
    for _ in range(experiments):
        *runs, figure = draw(rng, n + 1).tolist()
        counts[followed(Reproduces("a"), {"a": runs}, printed=f"{figure:.6f}")[0]] += 1
    return counts


def share_errors(sizes: Sequence[int], share: float) -> tuple[float, float]:
    """Exact chances that a share of seeds is falsely found above, and below, the true one at any of the looks."""
    errors = []
    for tail in (lambda count, n: binom.sf(count - 1, n, share), lambda count, n: binom.cdf(count, n, share)):
        chances, error, before = np.ones(1), 0.0, 0
        for index, size in enumerate(sizes):
            chances = np.convolve(chances, binom.pmf(np.arange(size - before + 1), size - before, share))
            crossed = tail(np.arange(size + 1), size) <= Look(tuple(sizes), index).level(PLAIN.one_sided)
            error += float(chances[crossed].sum())
            chances, before = np.where(crossed, 0.0, chances), size
        errors.append(error)
    return errors[0], errors[1]


def t_values(effect: float, draw: Draw, experiments: int, seed: int, sizes: Sequence[int] = SIZES) -> np.ndarray:
    """Student's t at each look, shape (experiments, looks); ``effect`` in units of the noise."""
    rng = np.random.default_rng(seed)
    drawn = np.asarray(draw(rng, experiments * sizes[-1])).reshape(experiments, -1) + effect
    means = [drawn[:, :n].mean(axis=1) for n in sizes]
    return np.stack(
        [m / (drawn[:, :n].std(axis=1, ddof=1) / math.sqrt(n)) for m, n in zip(means, sizes, strict=True)], axis=1
    )


def critical(levels: Sequence[float], sizes: Sequence[int] = SIZES) -> np.ndarray:
    """The t value that each look's level asks for."""
    return np.array([stdtrit(n - 1, 1 - level) for n, level in zip(sizes, levels, strict=True)])


def taken(t: np.ndarray, bounds: np.ndarray) -> tuple[float, float]:
    """Mean number of seeds, and the chance of SUPPORTED, of claims that stop where they are decided."""
    crossed = np.abs(t) >= bounds
    last = np.where(crossed.any(axis=1), crossed.argmax(axis=1), t.shape[1] - 1)
    return float(np.array(SIZES)[last].mean()), float((t[np.arange(len(t)), last] >= bounds[last]).mean())
