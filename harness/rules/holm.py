"""Holm's adjustment of p-values over the whole catalogue."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from harness.domain.verdict import Decision, Verdict
from harness.rules.levels import ADJUSTED

Key = TypeVar("Key", bound=Hashable)


def adjust(decisions: Mapping[str, Decision]) -> dict[str, tuple[Decision, Verdict]]:
    """For each claim, the decision with adjusted p-values, and the verdict after the adjustment.

    Holm's method bounds the chance of any false verdict over the catalogue by 5 %. A claim that is decided, or a tie,
    with an adjusted p above 0.05 becomes INCONCLUSIVE.

    Every claim with a test takes part, decided or not: with ``Decision.p``, or with 1 if its test rejected nothing (a
    figure within prediction). Claims without a test (exact claims, claims on every seed, NOT_RUN, fewer than 5 seeds)
    do not take part. A verdict that rests on no rejection stays. ``Effect.p_adjusted`` is the claim's adjusted p, or
    the effect's own p if that is larger (a comparison that did not decide its claim).
    """
    adjusted = holm({key: 1.0 if one.p is None else one.p for key, one in decisions.items() if _tested(one)})
    return {key: _judged(one, adjusted.get(key)) for key, one in decisions.items()}


def holm(family: Mapping[Key, float]) -> dict[Key, float]:
    """The adjusted p-values, by Holm's step-down method (Holm 1979).

    The i-th smallest of m p-values is multiplied by m − i + 1, and raised to at least the one before it. To
    reject those of at most 5 % rejects any hypothesis falsely with a chance of at most 5 %, under any dependence.
    """
    adjusted: dict[Key, float] = {}
    largest = 0.0
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
    effects = tuple(one if one.p is None else replace(one, p_adjusted=max(one.p, p)) for one in decision.effects)
    return replace(decision, effects=effects, parts=tuple(_with_adjusted(part, p) for part in decision.parts))
