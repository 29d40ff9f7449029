"""Which of a claim's effects its verdict rests on."""

from __future__ import annotations

from harness.domain.verdict import Effect, Verdict
from harness.record.run import ClaimDecided
from harness.rules.base import OPPOSITE


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
    if claim.marker != "training":
        return sorted(effects, key=_closeness_to_tolerance, reverse=True)
    means = {(effect.a, effect.b) for effect in effects if effect.kind == "difference" and effect.estimate is not None}

    def last(effect: Effect) -> tuple[bool, bool]:
        return effect.estimate is None, effect.kind == "failures" and (effect.a, effect.b) in means

    if claim.verdict is not Verdict.REFUTED:
        return sorted(effects, key=lambda effect: (*last(effect), -_weakness(effect)))
    return sorted(effects, key=lambda effect: (*last(effect), not _reversed(effect), _p(effect)))


def _weakness(effect: Effect) -> float:
    """How weakly an effect supports its claim. A small p is support, or speaks against reproducing a slide's figure."""
    compatible = "published" in effect.details and effect.p is not None
    return 1 - _p(effect) if compatible else _p(effect)


def _p(effect: Effect) -> float:
    """The p-value; 0 without a test, which is when there is no variance and the difference alone decides."""
    return 0.0 if effect.p is None else effect.p


def _reversed(effect: Effect) -> bool:
    null = 1.0 if effect.unit == "ratio" else 0.0
    return effect.estimate is not None and effect.estimate < null


def _closeness_to_tolerance(effect: Effect) -> float:
    """Error in units of its tolerance; inf for an error without a number, such as a wrong type."""
    error, tolerance = effect.estimate, effect.details.get("tolerance") or 0.0
    if error is None:
        return float("inf")
    return error / tolerance if tolerance else error * 1e300
