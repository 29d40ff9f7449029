"""Holm's adjustment: verdicts that hold together, over the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from harness.domain.verdict import Decision, Verdict
from harness.statistics.levels import ADJUSTED


def adjust(decisions: Mapping[str, Decision]) -> dict[str, tuple[Decision, Verdict]]:
    """Each claim's decision with adjusted p-values, and the verdict that survives the adjustment.

    Holm's step-down method (Holm 1979): the i-th smallest of m deciding p-values is multiplied by m − i + 1, and made
    at least as large as the ones before it. It bounds the chance of any false verdict over the catalogue by 5 %,
    whatever the dependence between claims. A decided claim whose adjusted p exceeds 0.05 becomes INCONCLUSIVE.

    The family is every claim that made a test, decided or not: each enters with ``Decision.p``, or with 1 where its
    test rejected nothing (a figure found within prediction). Claims without a test (exact ones, those on every seed,
    NOT_RUN, fewer than five seeds) are not in it. Verdicts that rest on no rejection stay as they are.
    ``Effect.p_adjusted`` is the claim's adjusted p, or the effect's own p where that is larger (a comparison that did
    not decide its claim).
    """
    family = {key: 1.0 if one.p is None else one.p for key, one in decisions.items() if _tested(one)}
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, key in enumerate(sorted(family, key=family.__getitem__)):
        largest = max(largest, min(1.0, (len(family) - rank) * family[key]))
        adjusted[key] = largest
    return {key: _judged(one, adjusted.get(key)) for key, one in decisions.items()}


def _tested(decision: Decision) -> bool:
    return decision.p is not None or any(effect.p is not None for effect in decision.effects)


def _judged(decision: Decision, p: float | None) -> tuple[Decision, Verdict]:
    if p is None:
        return decision, decision.verdict
    lost = decision.verdict.decided and decision.p is not None and p > ADJUSTED
    return _with_adjusted(decision, p), Verdict.INCONCLUSIVE if lost else decision.verdict


def _with_adjusted(decision: Decision, p: float) -> Decision:
    """The decision with ``p_adjusted`` in every effect that carries a p, its parts included."""
    effects = tuple(one if one.p is None else replace(one, p_adjusted=max(one.p, p)) for one in decision.effects)
    return replace(decision, effects=effects, parts=tuple(_with_adjusted(part, p) for part in decision.parts))
