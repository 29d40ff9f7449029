"""Exceeds: one variant's number is greater than another's."""

from __future__ import annotations

from dataclasses import dataclass

from harness.rules.arguments import check_number
from harness.rules.effects import effect, outlook, sentence
from harness.rules.evidence import Evidence
from harness.rules.levels import ONE_SIDED
from harness.rules.pairwise import Pairwise, beyond, comparable, margin_text
from harness.rules.sides import sides
from harness.verdict import Decision, Verdict


@dataclass(frozen=True)
class Exceeds(Pairwise):
    """a − b > margin: SUPPORTED when Student's paired interval (2.5 % per direction) lies wholly above the margin,
    REFUTED when wholly below, else INCONCLUSIVE.

    It is about numbers, whichever direction of the metric is the good one. The margin is in the metric's unit, for a
    metric on a log scale a natural logarithm of a ratio; a negative one makes it a claim of non-inferiority. Assumes
    that the mean of the paired differences is about normal (Student 1908). A trial that diverged or was censored
    counts as the worst value of the metric, and then an exact signed-rank test decides (Wilcoxon 1945), which takes six
    seeds at least. See ``harness.rules.sides``.
    """

    a: str
    b: str
    metric: str = "val_accuracy"
    margin: float = 0.0

    def __post_init__(self) -> None:
        self._check_names()
        check_number("Exceeds", "margin", self.margin)

    def describe(self) -> str:
        return f"{self.a} > {self.b}{beyond(self.margin)} ({self.metric})"

    def decide(self, evidence: Evidence) -> Decision:
        pairs = comparable(evidence, self.a, self.b, self.metric)
        if isinstance(pairs, Decision):
            return pairs
        tested = sides(pairs, self.margin)
        found = effect(pairs, tested, self.margin)
        margin = margin_text(self.margin, pairs.metric)
        if tested.greater <= ONE_SIDED:
            return Decision(Verdict.SUPPORTED, f"{sentence(found)}: above {margin}", (found,), p=tested.p)
        if tested.less <= ONE_SIDED:
            return Decision(Verdict.REFUTED, f"{sentence(found)}: below {margin}", (found,), p=tested.p)
        reason = f"{sentence(found)}: not told from {margin}{outlook(found, pairs.metric.smallest_effect)}"
        return Decision(Verdict.INCONCLUSIVE, reason, (found,), p=tested.p)
