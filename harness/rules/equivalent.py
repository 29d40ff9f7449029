"""Equivalent: two variants differ by less than a margin, in either direction."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from harness.domain.verdict import Basis, Decision, Verdict
from harness.rules import chances
from harness.rules.arguments import check_number
from harness.rules.effects import effects, outlook, sentence
from harness.rules.pairs import Failures
from harness.rules.pairwise import Pairwise, comparable, margin_text
from harness.rules.rule import Sample
from harness.rules.sides import Sides, may_decide, sides


@dataclass(frozen=True)
class Equivalent(Pairwise):
    """|a − b| < margin: SUPPORTED if the whole interval is inside ± margin, REFUTED if it is wholly outside.

    Two one-sided tests decide (Schuirmann 1987), with the levels and assumptions of ``Exceeds``. The margin is
    mandatory, because a difference that was not found may exist. The deciding p is the larger p of the two tests,
    doubled as for two-sided tests; if they refute, it is the smaller one. ``sign_flip_p`` is against 0.
    With ``failures`` "guard", two variants are not SUPPORTED as equivalent while one failed on more seeds. The margin
    says what matters, so the rule has no NEGLIGIBLE.
    """

    a: str
    b: str
    margin: float
    metric: str = "val_accuracy"
    failures: Failures = "guard"

    def __post_init__(self) -> None:
        check_number("Equivalent", "margin", self.margin, above=0)
        self._check("guard", "report", "count")

    def describe(self) -> str:
        return f"{self.a} = {self.b} ± {self.margin:.4g} ({self.metric})"

    def decide(self, sample: Sample) -> Decision:
        pairs = comparable(sample, self.a, self.b, self.metric, self.failures)
        if isinstance(pairs, Decision):
            return pairs
        upper, lower = sides(pairs, self.margin), sides(pairs, -self.margin)
        inside, outside = max(upper.less, lower.greater), min(upper.greater, lower.less)
        both = Sides(inside, outside, upper.method, upper.withdrawn)
        measured = effects(pairs, both, 0.0)
        text = sentence(measured[0])
        margin = f"± {self.margin:.4g}" if pairs.metric.scale == "linear" else margin_text(self.margin, pairs.metric)
        if inside <= pairs.level:
            return Decision(Verdict.SUPPORTED, f"{text}: within {margin}", measured, p=both.p, basis=Basis.SHOWN)
        if outside <= pairs.level:
            return Decision(Verdict.REFUTED, f"{text}: outside {margin}", measured, p=both.p, basis=Basis.SHOWN)
        later = chances.details(pairs, chances.equivalent(self.margin, *may_decide(pairs)))
        measured = (structs.replace(measured[0], details={**measured[0].details, **later}), *measured[1:])
        reason = f"{text}: neither inside nor outside {margin}{outlook(measured[0])}"
        return Decision(Verdict.INCONCLUSIVE, reason, measured, p=both.p)
