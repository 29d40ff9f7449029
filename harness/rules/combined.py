"""Decisions put together: a conjunction of rules, the opposite of a rule, and Holm's adjustment over a catalogue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from msgspec import structs

from harness.errors import invalid
from harness.rules.base import Rule, Sample, negated
from harness.rules.levels import ADJUSTED
from harness.verdict import Basis, Decision, Verdict, weakest

Item = TypeVar("Item")
ANY_PART = {Verdict.REFUTED: "refuted", Verdict.NEGLIGIBLE: "a tie"}
"""The verdicts that one part gives the conjunction, in words."""


class Compound(Rule):
    """A rule made of rules."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Rule, ...]:
        """The rules it is made of."""

    def __post_init__(self) -> None:
        if not isinstance(self.parts, tuple) or not all(isinstance(rule, Rule) for rule in self.parts):
            raise invalid(f"rules of {type(self).__name__}", expected="rules in a tuple", received=repr(self.parts))

    def _each(self, of: Callable[[Rule], Iterable[Item]]) -> tuple[Item, ...]:
        """What ``of`` gives of the parts, without repetition."""
        return tuple(dict.fromkeys(item for rule in self.parts for item in of(rule)))

    @property
    def variants(self) -> tuple[str, ...]:
        return self._each(lambda rule: rule.variants)

    @property
    def metrics(self) -> tuple[str, ...]:
        return self._each(lambda rule: rule.metrics)

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return self._each(lambda rule: rule.figures)

    def fewest(self) -> int:
        return max(rule.fewest() for rule in self.parts)


@dataclass(frozen=True)
class All(Compound):
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
        super().__post_init__()
        if len(self.rules) < 2:
            raise invalid("rules of All", expected="at least two rules", received=repr(self.rules))

    @property
    def parts(self) -> tuple[Rule, ...]:
        return self.rules

    def describe(self) -> str:
        return " and ".join(rule.describe() for rule in self.rules)

    def decided(self, sample: Sample) -> Decision:
        parts = tuple(rule.decide(sample) for rule in self.rules)
        both = list(zip(self.rules, parts, strict=True))
        verdict, deciding, count = weakest([part.verdict for part in parts]), parts, len(parts)
        reason = "; ".join(f"{rule.describe()}: {part.verdict}, {part.reason}" for rule, part in both)
        if verdict in ANY_PART:
            shared = replace(sample, levels=sample.levels.divided(count))
            deciding = tuple(rule.decide(shared) for rule, part in both if part.verdict in ANY_PART)
            confirmed = weakest([Verdict.INCONCLUSIVE, *(part.verdict for part in deciding)])
            if confirmed is not verdict:
                reason = f"{ANY_PART[verdict]} at the level of one part, not at that of {count}: {reason}"
            verdict = confirmed
        deciding = tuple(part for part in deciding if part.verdict is verdict)
        known = [part.p for part in deciding if part.p is not None]
        p = None
        if known and verdict in ANY_PART:
            p = min(1.0, count * min(known))
        elif known and verdict is Verdict.SUPPORTED:
            p = max(known)
        strongest = max if verdict is Verdict.REFUTED else min
        basis = strongest((part.basis for part in deciding if part.basis), key=list(Basis).index, default=None)
        return Decision(
            verdict, reason, tuple(effect for part in parts for effect in part.effects), parts, p, basis=basis
        )


@dataclass(frozen=True)
class Not(Compound):
    """The opposite of a rule: SUPPORTED if the rule is REFUTED, REFUTED if it is SUPPORTED.

    ``Not(All(Equivalent(…), …))`` means that at least one of several differences exceeds its margin. ``All`` adjusts
    its refutation for the number of its parts.
    """

    rule: Rule

    @property
    def parts(self) -> tuple[Rule, ...]:
        return (self.rule,)

    def describe(self) -> str:
        return f"not ({self.rule.describe()})"

    def decided(self, sample: Sample) -> Decision:
        decision = negated(self.rule.decide(sample))
        return structs.replace(decision, reason=f"the opposite of: {decision.reason}")


def adjust(decisions: Mapping[str, Decision]) -> dict[str, tuple[Decision, Verdict]]:
    """For each claim, the decision with adjusted p-values, and the verdict after the adjustment.

    Holm's method bounds the chance of any false verdict over the catalogue by 5 %. A claim that is decided, or a tie,
    with an adjusted p above 0.05 becomes INCONCLUSIVE.

    Every claim with a test takes part, decided or not: with ``Decision.p``, or with 1 if its test rejected nothing (a
    figure within prediction). Claims without a test (exact claims, claims on every seed, NOT_RUN, fewer than 5 seeds)
    do not take part. A verdict that rests on no rejection stays. ``Effect.p_adjusted`` is the claim's adjusted p, or
    the effect's own p if that is larger (a comparison that did not decide its claim).
    """
    tested = {key: decision.p for key, decision in decisions.items() if _tested(decision)}
    adjusted = _holm({key: 1.0 if p is None else p for key, p in tested.items()})
    return {key: _judged(decision, adjusted.get(key)) for key, decision in decisions.items()}


def _holm(family: Mapping[str, float]) -> dict[str, float]:
    """The adjusted p-values, by Holm's step-down method (Holm 1979).

    The i-th smallest of m p-values is multiplied by m − i + 1, and raised to at least the one before it. To
    reject those of at most 5 % rejects any hypothesis falsely with a chance of at most 5 %, under any dependence.
    """
    adjusted, largest = dict[str, float](), 0.0
    for rank, key in enumerate(sorted(family, key=family.__getitem__)):
        largest = max(largest, min(1.0, (len(family) - rank) * family[key]))
        adjusted[key] = largest
    return adjusted


def _tested(decision: Decision) -> bool:
    return decision.p is not None or any(effect.p is not None for effect in decision.effects)


def _judged(decision: Decision, p: float | None) -> tuple[Decision, Verdict]:
    if p is None:
        return decision, decision.verdict
    settled = decision.verdict.decided or decision.verdict is Verdict.NEGLIGIBLE
    lost = settled and decision.p is not None and p > ADJUSTED
    return _with_adjusted(decision, p), Verdict.INCONCLUSIVE if lost else decision.verdict


def _with_adjusted(decision: Decision, p: float) -> Decision:
    """The decision and its parts, with ``p_adjusted`` in every effect that has a p."""
    effects = (
        effect if effect.p is None else structs.replace(effect, p_adjusted=max(effect.p, p))
        for effect in decision.effects
    )
    parts = (_with_adjusted(part, p) for part in decision.parts)
    return structs.replace(decision, effects=tuple(effects), parts=tuple(parts))
