"""All: several rules that must hold together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.domain.verdict import Basis, Decision, Verdict, weakest
from harness.errors import invalid
from harness.rules.rule import Rule, Sample

ANY_PART = (Verdict.REFUTED, Verdict.NEGLIGIBLE)
"""The verdicts that one part gives the conjunction."""
_AT_ONCE = {Verdict.REFUTED: "refuted", Verdict.NEGLIGIBLE: "a tie"}


@dataclass(frozen=True)
class All:
    """SUPPORTED if every part is; REFUTED if a part is, else NEGLIGIBLE if a part is, each at the level divided by the
    number of parts.

    SUPPORTED needs no adjustment: all parts are falsely supported at most as often as one is (intersection–union,
    Berger 1982). Some part is falsely refuted, or falsely a tie, more often than one is, so each part refutes at its
    share of the level (Bonferroni). If a part is REFUTED only at the whole level, the conjunction is INCONCLUSIVE, or
    NEGLIGIBLE by another part. The deciding p is the largest p of the parts; if a part decides, it is the smallest p of
    the parts that do, times the number of parts. Its basis is the weakest of the parts that it needs, and of a
    refutation the strongest.
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
        effects = tuple(effect for part in parts for effect in part.effects)
        deciding = parts
        if verdict in ANY_PART:
            shared = replace(sample, levels=sample.levels.divided(len(parts)))
            deciding = tuple(rule.decide(shared) for rule, part in both if part.verdict in ANY_PART)
            confirmed = weakest([Verdict.INCONCLUSIVE, *(each.verdict for each in deciding)])
            if confirmed is not verdict:
                reason = f"{_AT_ONCE[verdict]} at the level of one part, not at that of {len(parts)}: {reason}"
            verdict = confirmed
        deciding = tuple(each for each in deciding if each.verdict is verdict)
        return Decision(
            verdict,
            reason,
            effects,
            parts,
            p=_deciding_p(verdict, deciding, len(parts)),
            basis=_basis(verdict, deciding),
        )


def _deciding_p(verdict: Verdict, deciding: tuple[Decision, ...], parts: int) -> float | None:
    known = [each.p for each in deciding if each.p is not None]
    if verdict in ANY_PART and known:
        return min(1.0, parts * min(known))
    return max(known) if verdict is Verdict.SUPPORTED and known else None


def _basis(verdict: Verdict, deciding: tuple[Decision, ...]) -> Basis | None:
    """Of a refutation the strongest basis of the refuted parts, else the weakest of the parts with the verdict."""
    known = [each.basis for each in deciding if each.basis is not None]
    if not known or verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN):
        return None
    choose = max if verdict is Verdict.REFUTED else min
    return choose(known, key=lambda basis: basis.strength)
