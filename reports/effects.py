"""The effects that a verdict rests on: of each part, and the one that a figure shows."""

from __future__ import annotations

import math

from harness.domain.verdict import Decision, Effect, Verdict
from harness.record.run import ClaimDecided
from harness.rules.base import OPPOSITE


def main_effects(decision: Decision) -> list[Effect]:
    """The effect of each part of a decision, in the order of the parts; of one that has no estimate the share of seeds
    that failed, which then decides."""
    if decision.parts:
        return [effect for part in decision.parts for effect in main_effects(part)]
    main: list[Effect] = []
    for effect in decision.effects:
        if effect.kind != "failures":
            main.append(effect)
        elif main and main[-1].estimate is None:
            main[-1] = effect
    return main


def effects_by_relevance(claim: ClaimDecided) -> list[Effect]:
    """A claim's effects; the one that its verdict rests on comes first.

    If the claim has parts, only the parts with the claim's verdict count; of a negation, those with the opposite one.

    - Exact claims: by error in units of the tolerance, largest first.
    - Refuted claims: effects that point against the claim first, smallest p first.
    - All other claims: weakest support first, because a conjunction is as strong as its weakest part.

    Effects without an estimate come last, except in exact claims. Before them come shares of failed seeds of variants
    whose means are compared.
    """
    verdict = OPPOSITE.get(claim.verdict) if claim.decision.negated else claim.verdict
    deciding = [part for part in claim.decision.parts if part.verdict is verdict]
    effects = [effect for part in deciding for effect in part.effects] or list(claim.decision.effects)
    if claim.experiment is None:
        return sorted(effects, key=_error, reverse=True)
    means = {(effect.a, effect.b) for effect in effects if effect.kind == "difference" and effect.estimate is not None}

    def relevance(effect: Effect) -> tuple[bool, bool, bool, float]:
        last = effect.estimate is None, effect.kind == "failures" and (effect.a, effect.b) in means
        p = effect.p or 0.0  # without a test there is no variance, and the difference alone decides
        if claim.verdict is Verdict.REFUTED:
            null = 1.0 if effect.unit == "ratio" else 0.0
            return *last, effect.estimate is None or effect.estimate >= null, p
        compatible = "published" in effect.details and effect.p is not None  # a small p speaks against the figure
        return *last, False, p - 1 if compatible else -p

    return sorted(effects, key=relevance)


def _error(effect: Effect) -> float:
    """The error in units of its tolerance; infinite for one without a number, such as a wrong type."""
    tolerance = effect.details.get("tolerance") or 0.0
    if effect.estimate is None:
        return math.inf
    return effect.estimate / tolerance if tolerance else effect.estimate * 1e300
