"""Compares the share of seeds with a property with a stated share."""

from __future__ import annotations

from harness.domain.verdict import Basis, Decision, Effect, Verdict
from harness.rules.inference import at_least, at_most, clopper_pearson
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.rule import Sample


def decide_share(count: int, n: int, share: float, sample: Sample, *, of: str, metric: str, begin: str) -> Decision:
    """SUPPORTED if the lower bound is above ``share``, REFUTED if the upper bound is below it.

    A ``share`` of 1 means every seed: SUPPORTED if all n have the property, REFUTED if one has not. That is no test,
    and the lower bound says what n seeds show. The p-value is two-sided: twice that of the exact binomial test in the
    observed direction. The bounds of several looks hold together, and the p-value is that of the whole design.

    Args:
        count, n: ``count`` of ``n`` seeds have the property.
        share: the stated share.
        sample: the look and the levels.
        of, metric: as in ``Effect``.
        begin: the beginning of the reason.
    """
    level = sample.look.level(sample.levels.share)
    low, high = clopper_pearson(count, n, level)
    details: dict[str, float | None] = {"share": share, "confidence": 1 - level}
    reason = f"{begin}; {count} of {n} seeds, a share of {low:.3f} to {high:.3f} ({100 * (1 - level):.4g} % per bound)"
    if n < FEWEST_SEEDS:
        effect = Effect(of, metric, "share of seeds", count / n, low, high, n=n, details=details)
        return Decision(Verdict.INCONCLUSIVE, f"{reason}; nothing is decided below {FEWEST_SEEDS} seeds", (effect,))
    if share == 1:
        effect = Effect(of, metric, "share of seeds", count / n, low, high, n=n, details=details)
        if count == n:
            return Decision(Verdict.SUPPORTED, f"{reason}: every seed", (effect,), basis=Basis.EVERY_SEED)
        return Decision(Verdict.REFUTED, f"{reason}: not every seed", (effect,), basis=Basis.EVERY_SEED)
    p = min(1.0, 2 * sample.look.overall(min(at_least(count, n, share), at_most(count, n, share))))
    effect = Effect(of, metric, "share of seeds", count / n, low, high, p, n, details=details)
    if low > share:
        return Decision(Verdict.SUPPORTED, f"{reason}: more than {share:g}", (effect,), p=p, basis=Basis.SHOWN)
    if high < share:
        return Decision(Verdict.REFUTED, f"{reason}: less than {share:g}", (effect,), p=p, basis=Basis.SHOWN)
    return Decision(Verdict.INCONCLUSIVE, f"{reason}: not distinguished from {share:g}", (effect,), p=p)
