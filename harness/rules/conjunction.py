"""All: several rules that must hold together."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import invalid
from harness.rules.evidence import Evidence, Rule
from harness.verdict import Decision, Verdict, weakest


@dataclass(frozen=True)
class All:
    """The weakest verdict of its parts: SUPPORTED when all are, REFUTED when one is.

    Supported without adjustment (intersection–union, Berger 1982). The parts refute at their own levels, so the chance
    of a false REFUTED is up to the sum of theirs; the deciding p allows for that: it is the largest p of the parts, or
    where one refutes, the smallest p of those that do times the number of parts. Holm's verdict therefore holds.
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

    def decide(self, evidence: Evidence) -> Decision:
        parts = tuple(rule.decide(evidence) for rule in self.rules)
        verdict = weakest([part.verdict for part in parts])
        told = zip(self.rules, parts, strict=True)
        reason = "; ".join(f"{rule.describe()}: {part.verdict}, {part.reason}" for rule, part in told)
        effects = tuple(found for part in parts for found in part.effects)
        return Decision(verdict, reason, effects, parts, p=_deciding_p(verdict, parts))


def _deciding_p(verdict: Verdict, parts: tuple[Decision, ...]) -> float | None:
    deciding = [part.p for part in parts if part.verdict is verdict and part.p is not None]
    if not verdict.decided or not deciding:
        return None
    return max(deciding) if verdict is Verdict.SUPPORTED else min(1.0, len(parts) * min(deciding))
