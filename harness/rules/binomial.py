"""The share of seeds that did something, against a stated share."""

from __future__ import annotations

from harness.rules.levels import FEWEST_SEEDS, SHARE_ONE_SIDED
from harness.rules.looks import ONLY, Look
from harness.verdict import Decision, Effect, Verdict


def clopper_pearson(count: int, n: int, level: float = SHARE_ONE_SIDED) -> tuple[float, float]:
    """Exact lower and upper bounds of a share, each one-sided at 95 % (Clopper & Pearson 1934); 5 of 5 gives 0.549.

    Assumes only that seeds are independent. Each is exceeded by chance at most with ``level``, usually less.
    """
    from scipy.special import betaincinv

    low = float(betaincinv(count, n - count + 1, level)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - level)) if count < n else 1.0
    return low, high


def decide_share(count: int, n: int, share: float, *, of: str, metric: str, told: str, look: Look = ONLY) -> Decision:
    """SUPPORTED when the lower bound is above ``share``, REFUTED when the upper bound is below it.

    The p-value is that of the exact binomial test in the direction observed: at most 0.05 exactly where it decides.
    ``told`` begins the reason. Of several looks the bounds hold together, and the p-value is that of the whole design;
    five of five then decides at the second look at the earliest.
    """
    from scipy.special import bdtr, bdtrc

    low, high = clopper_pearson(count, n, look.level(SHARE_ONE_SIDED))
    reason = f"{told}; {count} of {n} seeds, a share of {low:.3f} to {high:.3f} (95 % per bound)"
    if n < FEWEST_SEEDS:
        effect = Effect(of, metric, "share of seeds", count / n, low, high, n=n)
        return Decision(Verdict.INCONCLUSIVE, f"{reason}; nothing is decided below {FEWEST_SEEDS} seeds", (effect,))
    at_least = float(bdtrc(count - 1, n, share)) if count > 0 else 1.0
    p = look.overall(min(at_least, float(bdtr(count, n, share))))
    effect = Effect(of, metric, "share of seeds", count / n, low, high, p, n, details=(("share", share),))
    if low > share:
        return Decision(Verdict.SUPPORTED, f"{reason}: more than {share:g}", (effect,), p=p)
    if high < share:
        return Decision(Verdict.REFUTED, f"{reason}: less than {share:g}", (effect,), p=p)
    return Decision(Verdict.INCONCLUSIVE, f"{reason}: not told from {share:g}", (effect,), p=p)
