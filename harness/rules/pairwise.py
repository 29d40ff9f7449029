"""The common part of rules on one pair of variants."""

from __future__ import annotations

import math

from msgspec import structs

from harness.domain.metric import Metric
from harness.domain.verdict import Basis, Decision, Effect, Verdict
from harness.rules import chances
from harness.rules.arguments import check_failures, check_names
from harness.rules.effects import by_less_than_matters, effects, outlook, sentence
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.pairs import Failures, Pairs, paired
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError
from harness.rules.sides import may_decide, of_tie, sides


class Pairwise:
    """A rule on the difference a − b of one metric. Each rule declares the fields."""

    a: str
    b: str
    metric: str
    margin: float
    failures: Failures

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.a, self.b)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def _check(self, *allowed: Failures) -> None:
        rule = type(self).__name__
        check_names(rule, "variants", (self.a, self.b), fewest=2)
        check_names(rule, "metric", (self.metric,), fewest=1)
        check_failures(rule, self.failures, allowed, self.margin)


def comparable(sample: Sample, a: str, b: str, metric: str, failures: Failures) -> Pairs | Decision:
    """The pairs of ``a`` and ``b``; or a decision, if trials are missing (NOT_RUN) or too few (INCONCLUSIVE)."""
    try:
        pairs = paired(sample, a, b, metric, failures)
    except UnusableError as error:
        return Decision(Verdict.NOT_RUN, str(error))
    return pairs if enough(pairs) else undecided(pairs)


def exceeding(pairs: Pairs, margin: float, than: str = "", tie: bool = True) -> Decision:
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
    measured = effects(pairs, tested, margin)
    text, than = sentence(measured[0]), than or margin_text(margin, pairs.metric)
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


def undecided_effect(measured: Effect, pairs: Pairs, margin: float, tie: bool = True, parts: int = 1) -> Effect:
    """The effect of an undecided comparison, with the chances that later looks decide it."""
    ranges = chances.exceeding(margin, pairs.metric.smallest_effect if tie else None, *may_decide(pairs))
    return structs.replace(measured, details={**measured.details, **chances.details(pairs, ranges, parts)})


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
    found = effects(pairs, None, 0.0)
    reason = f"{sentence(found[0])}; nothing is decided below {FEWEST_SEEDS} seeds"
    return Decision(Verdict.INCONCLUSIVE, reason, found)


def margin_text(margin: float, metric: Metric) -> str:
    """The margin as text: a difference, or a ratio on a log scale."""
    return f"a ratio of {math.exp(margin):.4g}" if metric.scale == "log" else f"{margin:.4g}"


def beyond(margin: float) -> str:
    """ " + 0.002", " − 0.002"; "" for a margin of 0."""
    return "" if margin == 0 else f" {'+' if margin > 0 else '−'} {abs(margin):.4g}"
