"""The share of seeds that did something, against a stated share."""

from __future__ import annotations

from harness.rules.levels import FEWEST_SEEDS, SHARE_ONE_SIDED
from harness.verdict import Decision, Effect, Verdict


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Exact lower and upper bounds of a share, each one-sided at 95 % (Clopper & Pearson 1934); 5 of 5 gives 0.549.

    Assumes only that seeds are independent. Each bound is exceeded by chance at most 5 % of the time, usually less.
    """
    from scipy.special import betaincinv

    low = float(betaincinv(count, n - count + 1, SHARE_ONE_SIDED)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - SHARE_ONE_SIDED)) if count < n else 1.0
    return low, high


def decide_share(count: int, n: int, share: float, *, of: str, metric: str, told: str) -> Decision:
    """SUPPORTED when the lower bound is above ``share``, REFUTED when the upper bound is below it.

    The p-value is that of the exact binomial test in the direction observed: at most 0.05 exactly where it decides.
    ``told`` begins the reason.
    """
    from scipy.special import bdtr, bdtrc

    low, high = clopper_pearson(count, n)
    reason = f"{told}; {count} of {n} seeds, a share of {low:.3f} to {high:.3f} (95 % per bound)"
    if n < FEWEST_SEEDS:
        effect = Effect(of, metric, "share of seeds", count / n, low, high, n=n)
        return Decision(Verdict.INCONCLUSIVE, f"{reason}; nothing is decided below {FEWEST_SEEDS} seeds", (effect,))
    at_least = float(bdtrc(count - 1, n, share)) if count > 0 else 1.0
    p = min(at_least, float(bdtr(count, n, share)))
    effect = Effect(of, metric, "share of seeds", count / n, low, high, p, n, details=(("share", share),))
    if low > share:
        return Decision(Verdict.SUPPORTED, f"{reason}: more than {share:g}", (effect,), p=p)
    if high < share:
        return Decision(Verdict.REFUTED, f"{reason}: less than {share:g}", (effect,), p=p)
    return Decision(Verdict.INCONCLUSIVE, f"{reason}: not told from {share:g}", (effect,), p=p)
