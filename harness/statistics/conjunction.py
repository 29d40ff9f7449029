"""All: several rules that must hold together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.domain.verdict import Decision, Verdict, weakest
from harness.errors import invalid
from harness.statistics.rule import Rule, Sample


@dataclass(frozen=True)
class All:
    """SUPPORTED if every part is; REFUTED if a part is, at the level divided by the number of parts.

    SUPPORTED needs no adjustment: all parts are falsely supported at most as often as one is (intersection–union,
    Berger 1982). Some part is falsely refuted more often than one is, so each part refutes at its share of the level
    (Bonferroni). If a part is REFUTED only at the whole level, the conjunction is INCONCLUSIVE. The deciding p is the
    largest p of the parts; if REFUTED, it is the smallest p of the refuted parts times the number of parts.
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        fits = isinstance(self.rules, tuple) and all(isinstance(rule, Rule) for rule in self.rules)
        if not fits or len(self.rules) < 2:
            raise invalid("rules of All", expected="a tuple of at least two rules", received=repr(self.rules))

    @property
    def variants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.variants))

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.metrics))

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(pair for rule in self.rules for pair in rule.figures))

    def describe(self) -> str:
        return " and ".join(rule.describe() for rule in self.rules)

    def decide(self, sample: Sample) -> Decision:
        parts = tuple(rule.decide(sample) for rule in self.rules)
        verdict = weakest([part.verdict for part in parts])
        both = list(zip(self.rules, parts, strict=True))
        reason = "; ".join(f"{rule.describe()}: {part.verdict}, {part.reason}" for rule, part in both)
        effects = tuple(found for part in parts for found in part.effects)
        if verdict is Verdict.REFUTED:
            shared = replace(sample, levels=sample.levels.divided(len(parts)))
            refuting = [rule for rule, part in both if part.verdict is Verdict.REFUTED]
            if not any(rule.decide(shared).verdict is Verdict.REFUTED for rule in refuting):
                verdict = Verdict.INCONCLUSIVE
                reason = f"refuted at the level of one part, not at that of {len(parts)}: {reason}"
        return Decision(verdict, reason, effects, parts, p=_deciding_p(verdict, parts))


def _deciding_p(verdict: Verdict, parts: tuple[Decision, ...]) -> float | None:
    deciding = [part.p for part in parts if part.verdict is verdict and part.p is not None]
    if not verdict.decided or not deciding:
        return None
    return max(deciding) if verdict is Verdict.SUPPORTED else min(1.0, len(parts) * min(deciding))
