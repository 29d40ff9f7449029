"""What all rules have in common: the sample that they decide from, its scores, and the checks of their arguments."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from msgspec.structs import replace

from harness.errors import invalid
from harness.model import Figure, Metric, Trial
from harness.rules.levels import FEWEST_SEEDS, FLOAT_NOISE, LARGEST, ONLY, PLAIN, Levels, Look
from harness.verdict import Decision, Effect, Verdict

Failures = Literal["guard", "report", "decide", "count"]
"""What decides a comparison, which has two results: the mean over the seeds that trained in both variants, and the
share of seeds that failed (nan, inf, blow-up, stuck at chance). docs/claims.md has more.

- "guard": the mean, but not for a variant that failed on more seeds than the other. The share of failures, if fewer
  than five seeds trained in both variants.
- "report", "decide": the mean; the share of failures. The other one is reported.
- "count": every trial counts with its metric; without a value it counts as the worst, in a rank test.

A censored metric (None, because the target was never reached) is no failure. It counts as the worst value of the
metric, in an exact rank test.
"""
OPPOSITE = {Verdict.SUPPORTED: Verdict.REFUTED, Verdict.REFUTED: Verdict.SUPPORTED}


class UnusableError(Exception):
    """No rule can decide from these trials; the text says why. The verdict is NOT_RUN."""


@dataclass(frozen=True)
class Sample:
    """What a rule decides from: trials by variant, metrics by name, the slide's figures by (variant, metric), the look
    of the design, and the error rates."""

    trials: Mapping[str, tuple[Trial, ...]]
    metrics: Mapping[str, Metric]
    figures: Mapping[tuple[str, str], Figure] = field(default_factory=dict)
    look: Look = ONLY
    levels: Levels = PLAIN

    def by_seed(self, variant: str) -> dict[int, Trial]:
        """The trials of ``variant`` in order of seeds. UnusableError if there are none, or a seed has two."""
        trials = self.trials.get(variant, ())
        if not trials:
            raise UnusableError(f"no trials of {variant!r}")
        known = {trial.seed: trial for trial in sorted(trials, key=lambda trial: trial.seed)}
        if len(known) < len(trials):
            seeds = [trial.seed for trial in trials]
            repeated = [seed for seed in known if seeds.count(seed) > 1]
            raise UnusableError(f"more than one trial of {variant!r} with {listed(repeated)}")
        return known


class Rule(ABC):
    """Turns trials into a Decision. Each rule is a frozen dataclass, and raises SuiteError for bad arguments.

    A rule on one variant and one metric declares them as fields; any other overrides ``variants`` and ``metrics``.
    """

    variant: str
    metric: str
    failures: Failures
    least_variants: ClassVar[int] = 1
    allowed: ClassVar[tuple[Failures, ...]] = ("report", "count")
    """What its field ``failures`` may be, if it has one."""
    limits: ClassVar[tuple[Limit, ...]] = ()
    """Of its fields that are numbers."""

    def __post_init__(self) -> None:
        name = type(self).__name__
        for limit in self.limits:
            limit.check(name, getattr(self, limit.what))
        check_names(name, "variants", self.variants, self.least_variants)
        check_names(name, "metric", self.metrics, fewest=0)
        failures = getattr(self, "failures", None)
        if failures is not None and failures not in self.allowed:
            expected = f"one of {', '.join(map(repr, self.allowed))}"
            raise invalid(f"failures of {name}", expected=expected, received=repr(failures))

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants it needs, without repetition."""
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics it reads."""
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """The (variant, metric) pairs whose published figure it needs."""
        return ()

    @abstractmethod
    def describe(self) -> str:
        """The rule in one line, for reports: "dropout 0.2 > no dropout (val_accuracy)"."""

    def decide(self, sample: Sample) -> Decision:
        """Decides. It never raises for trials that diverged, are censored, missing, too few or identical."""
        try:
            return self.decided(sample)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))

    @abstractmethod
    def decided(self, sample: Sample) -> Decision:
        """The decision; UnusableError if the trials allow none."""

    def fewest(self) -> int:
        """The fewest seeds with which it can be SUPPORTED at the plain level. A t test of a mean needs five."""
        exact = getattr(self, "failures", None) == "decide"
        return seeds_of_signs(0.5) if exact else FEWEST_SEEDS


def seeds_of_signs(share: float) -> int:
    """The fewest seeds that are all alike by chance as rarely as the plain level, if each is with chance ``share``."""
    return max(FEWEST_SEEDS, math.ceil(math.log(PLAIN.one_sided) / math.log(share) - 1e-12))


def too_few(reason: str, effects: tuple[Effect, ...]) -> Decision:
    """The decision with fewer than five seeds."""
    return Decision(Verdict.INCONCLUSIVE, f"{reason}; nothing is decided below {FEWEST_SEEDS} seeds", effects)


def negated(decision: Decision) -> Decision:
    """The decision on the opposite of what was claimed."""
    opposite = OPPOSITE.get(decision.verdict, decision.verdict)
    return replace(decision, verdict=opposite, negated=not decision.negated)


def recorded(trial: Trial, metric: str) -> float | None:
    """The trial's metric. UnusableError if it was not recorded."""
    if metric not in trial.metrics:
        raise UnusableError(f"seed {trial.seed} of {trial.variant!r} does not record {metric!r}")
    return trial.metrics[metric]


def score(trial: Trial, metric: Metric) -> float:
    """The trial's metric on the metric's scale: its natural logarithm for ``scale="log"``.

    None (diverged or censored) scores ∓inf, the worst value of the metric's direction. A value above LARGEST scores
    ±inf. On a log scale 0 scores −inf. UnusableError for a negative value on a log scale, and for a metric that was not
    recorded although the training did not fail.
    """
    value = recorded(trial, metric.name) if trial.divergence is None else trial.metrics.get(metric.name)
    if value is None:
        return -math.inf if metric.better == "higher" else math.inf
    if metric.scale == "linear":
        return value if abs(value) <= LARGEST else math.copysign(math.inf, value)
    if value < 0:
        raise UnusableError(
            f"{metric.name!r} is compared on a log scale, but is {value:g} for seed {trial.seed} of {trial.variant!r}"
        )
    return math.log(value) if value > 0 else -math.inf


def noise(scores: Sequence[float], metric: Metric) -> float:
    """The size up to which differences of ``scores`` are float32 rounding: relative, so absolute for logarithms."""
    if metric.scale == "log":
        return FLOAT_NOISE
    return FLOAT_NOISE * max((abs(value) for value in scores if math.isfinite(value)), default=0.0)


def on_unit(value: float | None, metric: Metric) -> float | None:
    """A compared number in the metric's unit: exp of a logarithm, or None if that overflows."""
    if value is None or metric.scale == "linear":
        return value
    return math.exp(value) if value < 700 else None


def listed(seeds: list[int]) -> str:
    """ "seed 3", "seeds 0, 1, 2"; at most ten seeds and an ellipsis."""
    shown = ", ".join(str(seed) for seed in seeds[:10]) + (", …" if len(seeds) > 10 else "")
    return f"seed{'s' if len(seeds) > 1 else ''} {shown}"


def percent(share: float) -> str:
    """ "95 %", "99.8 %", "99.95 %"."""
    return f"{100 * share:.4g} %"


def check_names(rule: str, what: str, names: tuple[str, ...], fewest: int = 1) -> None:
    """SuiteError unless ``names`` is a tuple of at least ``fewest`` non-empty strings without repetition."""
    if not isinstance(names, tuple):
        raise invalid(f"{what} of {rule}", expected="a tuple of names", received=repr(names))
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise invalid(f"{what} of {rule}", expected="non-empty strings", received=repr(name))
    if len(set(names)) != len(names) or len(names) < fewest:
        raise invalid(f"{what} of {rule}", expected=f"at least {fewest} different names", received=names)


class Limit(NamedTuple):
    """What a number of a rule may be: finite, > ``above``, >= ``least`` and <= ``most``."""

    what: str
    above: float = -math.inf
    least: float = -math.inf
    most: float = math.inf

    def check(self, rule: str, value: float) -> None:
        """SuiteError unless ``value`` is such a number."""
        limits = [f"> {self.above:g}"] * (self.above > -math.inf) + [f">= {self.least:g}"] * (self.least > -math.inf)
        limits += [f"<= {self.most:g}"] * (self.most < math.inf)
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value <= self.above or value < self.least or value > self.most:
            expected = " ".join(["a finite number", " and ".join(limits)]).strip()
            raise invalid(f"{self.what} of {rule}", expected=expected, received=repr(value))
