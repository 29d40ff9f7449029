"""Above: a metric of one variant is greater than a stated value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.domain.verdict import Decision, Verdict
from harness.rules.arguments import check_failures, check_names, check_number
from harness.rules.pairs import Failures, Pairs
from harness.rules.pairwise import enough, exceeding, undecided
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError, by_seed, noise, score


@dataclass(frozen=True)
class Above:
    """mean > value: SUPPORTED if Student's interval is wholly above ``value``, REFUTED if wholly below, else
    INCONCLUSIVE.

    It is the one-sample form of ``Exceeds``, with its levels and assumptions. It suits metrics that compare within a
    trial: a rise from its own minimum, a ratio of two of its own norms. ``value`` is in the metric's unit. On a log
    scale the geometric mean is tested, and the effect is the ratio to ``value``. If ``value`` is no change (0, or 1 on
    a log scale), the claim can be NEGLIGIBLE as well. Any other value is a bound, like a margin: a mean near it is no
    tie. The mean is over the seeds that did not fail, and the share of failures is reported. With ``failures`` "count"
    every trial counts with its metric (``pairs.Failures``).
    """

    variant: str
    metric: str
    value: float = 0.0
    failures: Failures = "report"

    def __post_init__(self) -> None:
        check_names("Above", "variant", (self.variant,), fewest=1)
        check_names("Above", "metric", (self.metric,), fewest=1)
        check_number("Above", "value", self.value)
        check_failures("Above", self.failures, ("report", "count"))

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return (self.metric,)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{self.metric} of {self.variant} > {self.value:g}"

    def decide(self, sample: Sample) -> Decision:
        try:
            pairs = self._against(sample)
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        return exceeding(pairs, 0.0, "it", tie=not pairs.b) if enough(pairs) else undecided(pairs)

    def _against(self, sample: Sample) -> Pairs:
        """The variant's values minus ``value``, on the metric's scale, as pairs with a constant."""
        metric = sample.metrics[self.metric]
        trials = by_seed(sample, self.variant).values()
        lost = sum(trial.divergence is not None for trial in trials)
        scores = [score(one, metric) for one in trials if self.failures == "count" or one.divergence is None]
        if metric.scale == "log" and self.value <= 0:
            raise UnusableError(f"{self.metric!r} is compared on a log scale, but {self.value:g} is not positive")
        null = math.log(self.value) if metric.scale == "log" else self.value
        return Pairs(
            self.variant,
            "" if self.value == (1.0 if metric.scale == "log" else 0.0) else f"{self.value:g}",
            metric,
            differences=tuple(value - null for value in scores),
            noise=noise([*scores, null], metric),
            look=sample.look,
            level=sample.levels.one_sided,
            failures=self.failures,
            seeds=len(trials),
            failed=(lost, 0),
            one_sample=True,
        )
