"""The chance that a later look at stored evidence decides an undecided comparison, if the effect is as estimated.

It is the conditional power on the current trend (Lachin 2005): the seeds so far are known, and those that follow are
drawn around the estimate with the estimated standard deviation. So the mean of N seeds, of which n are known, is normal
about the estimate, with a variance of sd²·(N − n)/N². The comparison is decided if that mean rejects in a direction, or
is a tie, at the level of the look.

Assumed: the effect is as estimated and the deviation is known, while both are uncertain; means are normal, and Hall's
correction for skewness is left out; the same share of seeds fails as so far. An estimate that was read off 30 seeds is
often wrong by a third of a standard deviation, so the chance is a summary of what was seen, and no promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.domain.verdict import Decision, Effect, Verdict
from harness.rules.inference import t_quantile
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.pairs import Pairs

Range = tuple[float, float]


def undecided(decision: Decision) -> list[Effect]:
    """The undecided comparisons behind an INCONCLUSIVE decision for which a later look has a chance.

    Empty for a decided claim, without looks at stored evidence, at the last look, and without an interval.
    """
    if decision.verdict is not Verdict.INCONCLUSIVE:
        return []
    if decision.parts:
        return [effect for part in decision.parts for effect in undecided(part)]
    return [effect for effect in decision.effects if effect.chances]


def sentence(effect: Effect) -> str:
    """The chances in words: "; the chance to decide it, if it is as estimated: 100 seeds 27 %, …"; "" for none."""
    known = [f"{size:,} seeds {100 * chance:.0f} %" for size, chance in effect.chances.items()]
    return f"; the chance to decide it, if it is as estimated: {', '.join(known)}" if known else ""


def chances(pairs: Pairs, deciding: Callable[[float, float], Iterable[Range]], parts: int = 1) -> dict[int, float]:
    """The chances that the looks after this one decide, by their number of seeds; empty where there are none.

    Args:
        pairs: an undecided comparison.
        deciding: the ranges of the mean that decide, given the half-width of the interval at the level and that at the
            level / ``parts``.
        parts: the number of comparisons of the rule.
    """
    look = pairs.look
    if not look.spending or pairs.censored or pairs.constant or pairs.by_shares or pairs.n < FEWEST_SEEDS:
        return {}
    value, deviation = pairs.mean.value, pairs.mean.error * math.sqrt(pairs.n)
    kept = pairs.n / pairs.seeds  # the share of seeds that count
    known = {}
    for index in range(look.index + 1, len(look.sizes)):
        size, later = look.sizes[index], replace(look, index=index)
        total = kept * size
        spread = deviation * math.sqrt(max(total - pairs.n, 0.0)) / total
        halves = [
            deviation / math.sqrt(total) * t_quantile(total - 1, later.level(pairs.level / share))
            for share in (1, parts)
        ]
        known[size] = _chance(value, spread, deciding(*halves))
    return known


def exceeding(margin: float, tie: float | None, up: bool = True, down: bool = True) -> Callable[..., list[Range]]:
    """The ranges that decide "the mean is greater than ``margin``".

    Args:
        margin: the margin.
        tie: the smallest effect of interest, if a tie decides; else None.
        up, down: whether the mean may decide in this direction (``pairs.Sides.withdrawn``).
    """

    def ranges(half: float, shared: float) -> list[Range]:
        outside = [(margin + half, math.inf)] * up + [(-math.inf, margin - shared)] * down
        return outside + ([(shared - tie, tie - shared)] if tie is not None and up and down else [])

    return ranges


def equivalent(margin: float, up: bool = True, down: bool = True) -> Callable[..., list[Range]]:
    """The ranges that decide "the mean is within ± ``margin``"; arguments as in ``exceeding``."""

    def ranges(half: float, _: float) -> list[Range]:
        outside = [(margin + half, math.inf)] * up + [(-math.inf, -margin - half)] * down
        return outside + [(half - margin, margin - half)] * (up and down)

    return ranges


def _chance(mean: float, spread: float, ranges: Iterable[Range]) -> float:
    """The chance that a normal value lies in one of the ranges, which may overlap or be empty."""
    from scipy.special import ndtr

    total, end = 0.0, -math.inf
    for low, high in sorted(ranges):
        low = max(low, end)
        if high > low:
            total += float(ndtr((high - mean) / spread) - ndtr((low - mean) / spread))
            end = high
    return min(total, 1.0)
