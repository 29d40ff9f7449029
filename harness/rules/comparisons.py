"""Rules on one mean: a difference of two variants, or the mean of one variant against a constant."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace

from harness.domain.metric import Metric
from harness.domain.verdict import Basis, Decision, Effect, Verdict
from harness.errors import invalid
from harness.rules import chances
from harness.rules.base import Failures, Rule, Sample, check_names, check_number, negated, too_few
from harness.rules.effects import by_less_than_matters, effects, outlook, sentence
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.pairs import Pairs, Sides, may_decide, of_tie, paired, sides


class Contrast(Rule):
    """A rule on the mean of differences by seed."""

    @abstractmethod
    def pairs(self, sample: Sample) -> Pairs:
        """The differences; UnusableError if there are none."""

    def judged(self, pairs: Pairs) -> Decision:
        """The decision with enough seeds: whether the mean is above 0."""
        return exceeding(pairs)

    def decided(self, sample: Sample) -> Decision:
        pairs = self.pairs(sample)
        return self.judged(pairs) if enough(pairs) else undecided(pairs)


class Pairwise(Contrast):
    """A rule on the difference a − b."""

    a: str
    b: str
    margin: float
    allowed: ClassVar[tuple[Failures, ...]] = ("guard", "report", "decide", "count")

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_names(name, "variants", self.variants, fewest=2)
        super().__post_init__()
        if self.failures == "decide" and self.margin != 0:
            expected = "0 where the share of failures decides: the margin is the metric's"
            raise invalid(f"margin of {name}", expected=expected, received=self.margin)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.a, self.b)

    def pairs(self, sample: Sample) -> Pairs:
        return paired(sample, (self.a,), (self.b,), self.metric, self.failures)


@dataclass(frozen=True)
class Exceeds(Pairwise):
    """a − b > margin: SUPPORTED if the interval of the mean difference is wholly above the margin, REFUTED if wholly
    below; NEGLIGIBLE if the margin is 0 and the interval holds 0 and lies within ± the metric's smallest effect of
    interest; else INCONCLUSIVE.

    The interval is Student's, of paired seeds (``pairs.of_mean``). It errs in each direction with the chance
    ``Sample.levels.one_sided``. The mean is over the seeds whose trainings succeeded in both variants. ``failures``
    says how the other seeds count (``base.Failures``).

    The rule compares numbers, whichever direction of the metric is better. The margin is in the metric's unit; on a log
    scale it is the natural logarithm of a ratio. A negative margin makes a claim of non-inferiority. A margin other
    than 0 already says which difference matters, so there is no tie.
    """

    a: str
    b: str
    metric: str = "val_accuracy"
    margin: float = 0.0
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_number("Exceeds", "margin", self.margin)
        super().__post_init__()

    def describe(self) -> str:
        return f"{self.a} > {self.b}{_beyond(self.margin)} ({self.metric})"

    def judged(self, pairs: Pairs) -> Decision:
        return exceeding(pairs, self.margin, tie=self.margin == 0)


@dataclass(frozen=True)
class NotBetter(Pairwise):
    """a − b < margin: the opposite of ``Exceeds``, with its assumptions and levels.

    With a margin other than 0 it has no tie: what gains less than the margin is SUPPORTED. It compares numbers too: for
    a loss (lower is better), "the loss of a is not better" is ``NotBetter(b, a, margin)``.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_number("NotBetter", "margin", self.margin, least=0)
        super().__post_init__()

    def describe(self) -> str:
        return f"{self.a} < {self.b}{_beyond(self.margin)} ({self.metric})"

    def decided(self, sample: Sample) -> Decision:
        return negated(Exceeds(self.a, self.b, self.metric, self.margin, self.failures).decide(sample))


@dataclass(frozen=True)
class Equivalent(Pairwise):
    """|a − b| < margin: SUPPORTED if the whole interval is inside ± margin, REFUTED if it is wholly outside.

    Two one-sided tests decide (Schuirmann 1987), with the levels and assumptions of ``Exceeds``. The margin is
    mandatory, because a difference that was not found may exist. The deciding p is the larger p of the two tests,
    doubled as for two-sided tests; if they refute, it is the smaller one. With ``failures`` "guard", two variants are
    not SUPPORTED as equivalent while one failed on more seeds. The margin says what matters, so the rule has no
    NEGLIGIBLE.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"
    allowed: ClassVar[tuple[Failures, ...]] = ("guard", "report", "count")

    def __post_init__(self) -> None:
        check_number("Equivalent", "margin", self.margin, above=0)
        super().__post_init__()

    def describe(self) -> str:
        return f"{self.a} = {self.b} ± {self.margin:.4g} ({self.metric})"

    def judged(self, pairs: Pairs) -> Decision:
        upper, lower = sides(pairs, self.margin), sides(pairs, -self.margin)
        inside, outside = max(upper.less, lower.greater), min(upper.greater, lower.less)
        both = Sides(inside, outside, upper.method, upper.withdrawn)
        measured = effects(pairs, both, self.margin)
        text = sentence(measured[0])
        margin = f"± {self.margin:.4g}" if pairs.metric.scale == "linear" else _margin_text(self.margin, pairs.metric)
        if inside <= pairs.level:
            return Decision(Verdict.SUPPORTED, f"{text}: within {margin}", measured, p=both.p, basis=Basis.SHOWN)
        if outside <= pairs.level:
            return Decision(Verdict.REFUTED, f"{text}: outside {margin}", measured, p=both.p, basis=Basis.SHOWN)
        later = chances.chances(pairs, chances.equivalent(self.margin, *may_decide(pairs)))
        effect = replace(measured[0], chances=later)
        reason = f"{text}: neither inside nor outside {margin}{outlook(effect)}"
        return Decision(Verdict.INCONCLUSIVE, reason, (effect, *measured[1:]), p=both.p)


@dataclass(frozen=True)
class Above(Contrast):
    """mean > value: SUPPORTED if Student's interval is wholly above ``value``, REFUTED if wholly below, else
    INCONCLUSIVE.

    It is the one-sample form of ``Exceeds``, with its levels and assumptions. It suits metrics that compare within a
    trial: a rise from its own minimum, a ratio of two of its own norms. ``value`` is in the metric's unit. On a log
    scale the geometric mean is tested, and the effect is the ratio to ``value``. If ``value`` is no change (0, or 1 on
    a log scale), the claim can be NEGLIGIBLE as well. Any other value is a bound, like a margin: a mean near it is no
    tie. The mean is over the seeds that did not fail, and the share of failures is reported. With ``failures`` "count"
    every trial counts with its metric (``base.Failures``).
    """

    variant: str
    metric: str
    value: float = 0.0
    failures: Failures = "report"
    allowed: ClassVar[tuple[Failures, ...]] = ("report", "count")

    def __post_init__(self) -> None:
        check_number("Above", "value", self.value)
        super().__post_init__()

    def describe(self) -> str:
        return f"{self.metric} of {self.variant} > {self.value:g}"

    def pairs(self, sample: Sample) -> Pairs:
        return paired(sample, (self.variant,), (), self.metric, self.failures, self.value)

    def judged(self, pairs: Pairs) -> Decision:
        return exceeding(pairs, 0.0, "it", tie=not pairs.b)


def exceeding(pairs: Pairs, margin: float = 0.0, than: str = "", tie: bool = True) -> Decision:
    """Whether the mean difference is greater than ``margin``: SUPPORTED; REFUTED if it is less; else INCONCLUSIVE.

    If neither test rejects, and the interval lies within ± the smallest effect of interest, it is NEGLIGIBLE: a tie. At
    a true difference of the smallest effect that is false, and as rare as a false SUPPORTED.

    Args:
        pairs: the differences.
        margin: the margin.
        than: the margin in words.
        tie: whether there can be a tie. A margin other than 0 has none: a difference near it is no tie.
    """
    tested = sides(pairs, margin)
    measured = effects(pairs, tested)
    text, than = sentence(measured[0]), than or _margin_text(margin, pairs.metric)
    by = by_less_than_matters(measured[0], pairs.metric) if tie else ""
    if tested.greater <= pairs.level:
        return Decision(Verdict.SUPPORTED, f"{text}: above {than}{by}", measured, p=tested.p, basis=Basis.SHOWN)
    if tested.less <= pairs.level:
        return Decision(Verdict.REFUTED, f"{text}: below {than}{by}", measured, p=tested.p, basis=Basis.SHOWN)
    tied = of_tie(pairs) if tie else 1.0
    if tied <= pairs.level:
        reason = f"a tie: {text}: within {matters(pairs.metric)}"
        return Decision(Verdict.NEGLIGIBLE, reason, measured, p=min(1.0, 2 * tied), basis=Basis.SHOWN)
    measured = (undecided_effect(measured[0], pairs, margin, tie), *measured[1:])
    reason = f"{text}: not distinguished from {than}{outlook(measured[0])}"
    return Decision(Verdict.INCONCLUSIVE, reason, measured, p=tested.p)


def undecided_effect(measured: Effect, pairs: Pairs, margin: float = 0.0, tie: bool = True, parts: int = 1) -> Effect:
    """The effect of an undecided comparison, with the chances that later looks decide it."""
    ranges = chances.exceeding(margin, pairs.metric.smallest_effect if tie else None, *may_decide(pairs))
    return replace(measured, chances=chances.chances(pairs, ranges, parts))


def matters(metric: Metric) -> str:
    """ "± 0.0005, the smallest difference that matters"; on a log scale the two ratios."""
    size = metric.smallest_effect
    if metric.scale == "log":
        return f"{math.exp(-size):.4g} to {math.exp(size):.4g}, the smallest ratios that matter"
    return f"± {size:.4g}, the smallest difference that matters"


def enough(pairs: Pairs) -> bool:
    """Whether there are enough seeds for the mean, or for the share of failures if that decides."""
    of_mean = pairs.failures in ("report", "count")
    return (pairs.n if of_mean else pairs.seeds) >= FEWEST_SEEDS


def undecided(pairs: Pairs) -> Decision:
    """The decision with fewer than five seeds: INCONCLUSIVE, with the effects so far."""
    measured = effects(pairs, None)
    return too_few(sentence(measured[0]), measured)


def _margin_text(margin: float, metric: Metric) -> str:
    """The margin as text: a difference, or a ratio on a log scale."""
    return f"a ratio of {math.exp(margin):.4g}" if metric.scale == "log" else f"{margin:.4g}"


def _beyond(margin: float) -> str:
    """ " + 0.002", " − 0.002"; "" for a margin of 0."""
    return "" if margin == 0 else f" {'+' if margin > 0 else '−'} {abs(margin):.4g}"
