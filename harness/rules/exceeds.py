"""Exceeds: a metric of one variant is greater than that of another."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.verdict import Decision
from harness.rules.arguments import check_number
from harness.rules.pairs import Failures
from harness.rules.pairwise import Pairwise, beyond, comparable, exceeding
from harness.rules.rule import Sample


@dataclass(frozen=True)
class Exceeds(Pairwise):
    """a − b > margin: SUPPORTED if the interval of the mean difference is wholly above the margin, REFUTED if wholly
    below; NEGLIGIBLE if the margin is 0 and the interval holds 0 and lies within ± the metric's smallest effect of
    interest; else INCONCLUSIVE.

    The interval is Student's, of paired seeds (``harness.rules.sides``). It errs in each direction with the chance
    ``Sample.levels.one_sided``. The mean is over the seeds whose trainings succeeded in both variants. ``failures``
    says how the other seeds count (``pairs.Failures``).

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
        self._check("guard", "report", "decide", "count")

    def describe(self) -> str:
        return f"{self.a} > {self.b}{beyond(self.margin)} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        pairs = comparable(sample, self.a, self.b, self.metric, self.failures)
        return pairs if isinstance(pairs, Decision) else exceeding(pairs, self.margin, tie=self.margin == 0)
