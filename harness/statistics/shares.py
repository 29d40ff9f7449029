"""The share of seeds that did something, against a stated share."""

from __future__ import annotations

from harness.domain.verdict import Decision, Effect, Verdict
from harness.statistics.inference import at_least, at_most, clopper_pearson
from harness.statistics.levels import FEWEST_SEEDS
from harness.statistics.rule import Sample


def decide_share(count: int, n: int, share: float, sample: Sample, *, of: str, metric: str, begin: str) -> Decision:
    """SUPPORTED when the lower bound is above ``share``, REFUTED when the upper bound is below it.

    A ``share`` of 1 means every seed: SUPPORTED where all n did, REFUTED where one did not. No test is made then; the
    lower bound says what n seeds show. The p-value is two-sided, that of the exact binomial test in the direction
    observed, doubled. ``begin`` begins the reason. Of several looks the bounds hold together, and the p-value is that
    of the whole design.
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
            return Decision(Verdict.SUPPORTED, f"{reason}: every seed", (effect,))
        return Decision(Verdict.REFUTED, f"{reason}: not every seed", (effect,))
    p = min(1.0, 2 * sample.look.overall(min(at_least(count, n, share), at_most(count, n, share))))
    effect = Effect(of, metric, "share of seeds", count / n, low, high, p, n, details=details)
    if low > share:
        return Decision(Verdict.SUPPORTED, f"{reason}: more than {share:g}", (effect,), p=p)
    if high < share:
        return Decision(Verdict.REFUTED, f"{reason}: less than {share:g}", (effect,), p=p)
    return Decision(Verdict.INCONCLUSIVE, f"{reason}: not distinguished from {share:g}", (effect,), p=p)
