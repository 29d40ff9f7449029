"""The share of seeds that did something, against a stated share."""

from __future__ import annotations

from harness.rules.evidence import Evidence
from harness.rules.levels import FEWEST_SEEDS, PLAIN
from harness.verdict import Decision, Effect, Verdict


def clopper_pearson(count: int, n: int, level: float = PLAIN.share) -> tuple[float, float]:
    """Exact lower and upper bounds of a share, each wrong with chance ``level`` at most (Clopper & Pearson 1934).

    Assumes only that seeds are independent. Five of five give a lower bound of 0.478 at 2.5 %.
    """
    from scipy.special import betaincinv

    low = float(betaincinv(count, n - count + 1, level)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - level)) if count < n else 1.0
    return low, high


def decide_share(count: int, n: int, share: float, evidence: Evidence, *, of: str, metric: str, begin: str) -> Decision:
    """SUPPORTED when the lower bound is above ``share``, REFUTED when the upper bound is below it.

    A ``share`` of 1 means every seed: SUPPORTED where all n did, REFUTED where one did not. No test is made then; the
    lower bound says what n seeds show. The p-value is two-sided, that of the exact binomial test in the direction
    observed, doubled. ``begin`` begins the reason. Of several looks the bounds hold together, and the p-value is that
    of the whole design.
    """
    from scipy.special import bdtr, bdtrc

    level = evidence.look.level(evidence.levels.share)
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
    above = float(bdtrc(count - 1, n, share)) if count > 0 else 1.0
    p = min(1.0, 2 * evidence.look.overall(min(above, float(bdtr(count, n, share)))))
    effect = Effect(of, metric, "share of seeds", count / n, low, high, p, n, details=details)
    if low > share:
        return Decision(Verdict.SUPPORTED, f"{reason}: more than {share:g}", (effect,), p=p)
    if high < share:
        return Decision(Verdict.REFUTED, f"{reason}: less than {share:g}", (effect,), p=p)
    return Decision(Verdict.INCONCLUSIVE, f"{reason}: not distinguished from {share:g}", (effect,), p=p)
