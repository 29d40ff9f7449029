"""NotBetter: one variant gains less than a margin over another."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from harness.domain.verdict import Decision, Verdict
from harness.rules.arguments import check_number
from harness.rules.exceeds import Exceeds
from harness.rules.pairs import Failures
from harness.rules.pairwise import Pairwise, beyond
from harness.rules.rule import Sample

OPPOSITE = {Verdict.SUPPORTED: Verdict.REFUTED, Verdict.REFUTED: Verdict.SUPPORTED}


@dataclass(frozen=True)
class NotBetter(Pairwise):
    """a − b < margin: SUPPORTED if the interval is wholly below the margin, REFUTED if wholly above it.

    It is the opposite of ``Exceeds`` with the same margin, failures, assumptions and levels; with a margin other than 0
    it has no tie: what gains less than the margin is SUPPORTED. It compares numbers too:
    for a loss (lower is better), "the loss of a is not better" is ``NotBetter(b, a, margin)``.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_number("NotBetter", "margin", self.margin, least=0)
        self._check("guard", "report", "decide", "count")

    def describe(self) -> str:
        return f"{self.a} < {self.b}{beyond(self.margin)} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        decision = Exceeds(self.a, self.b, self.metric, self.margin, self.failures).decide(sample)
        return replace(decision, verdict=OPPOSITE.get(decision.verdict, decision.verdict))
