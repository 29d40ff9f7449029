"""The chance that a later look at stored evidence decides an undecided comparison, if the effect is as estimated.

It is the conditional power on the current trend (Lachin 2005): the seeds so far are known, and those that follow are
drawn around the estimate with the estimated standard deviation. So the mean of N seeds, of which n are known, is normal
about the estimate, with a variance of sd²·(N − n)/N². Hall's correction for skewness is left out, and the same share of
seeds fails as so far. Effect and deviation are uncertain: an estimate from 30 seeds is often wrong by a third of a
standard deviation, so the chance is a summary of what was seen, and no promise.
"""

from __future__ import annotations

import math
from dataclasses import replace

from harness.rules.inference import t_quantile
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.pairs import Pairs
from harness.verdict import Decision, Effect, Verdict


def undecided(decision: Decision) -> list[Effect]:
    """The undecided comparisons behind an INCONCLUSIVE decision for which a later look has a chance.

    Empty for a decided claim, without looks at stored evidence, at the last look, and without an interval.
    """
    if decision.verdict is not Verdict.INCONCLUSIVE:
        return []
    if decision.parts:
        return [effect for part in decision.parts for effect in undecided(part)]
    return [effect for effect in decision.effects if effect.chances]


def chances(pairs: Pairs, above: float, below: float, within: float, parts: int = 1) -> dict[int, float]:
    """The chances that the looks after this one decide, by their number of seeds; empty where there are none.

    The comparison is decided by an interval of the mean that lies above ``above`` or, at the level / ``parts``, below
    ``below`` or within ± ``within``.
    """
    look = pairs.look
    if not look.spending or pairs.censored or pairs.constant or pairs.by_shares or pairs.n < FEWEST_SEEDS:
        return {}
    deviation, (up, down) = pairs.mean.error * math.sqrt(pairs.n), pairs.may_decide
    kept = pairs.n / pairs.seeds  # the share of seeds that count
    known = {}
    for index in range(look.index + 1, len(look.sizes)):
        total, later = kept * look.sizes[index], replace(look, index=index)
        spread = deviation * math.sqrt(max(total - pairs.n, 0.0)) / total
        half, shared = (
            deviation / math.sqrt(total) * t_quantile(total - 1, later.level(pairs.level / share))
            for share in (1, parts)
        )
        deciding = [(above + half, math.inf)] * up + [(-math.inf, below - shared)] * down
        deciding += [(shared - within, within - shared)] * (up and down)
        known[look.sizes[index]] = _chance(pairs.mean.value, spread, deciding)
    return known


def _chance(mean: float, spread: float, ranges: list[tuple[float, float]]) -> float:
    """The chance that a normal value lies in one of the ranges, which may overlap or be empty."""
    from scipy.special import ndtr

    total, end = 0.0, -math.inf
    for low, high in sorted(ranges):
        low = max(low, end)
        if high > low:
            total += float(ndtr((high - mean) / spread) - ndtr((low - mean) / spread))
            end = high
    return min(total, 1.0)
