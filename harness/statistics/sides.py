"""The two one-sided tests on which every paired rule rests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.statistics.inference import at_least, signed_rank
from harness.statistics.levels import FEWEST_SEEDS
from harness.statistics.pairs import Pairs

Method = Literal["t", "sign", "rank", "share"]


@dataclass(frozen=True)
class Sides:
    """One-sided p-values that the difference is greater, and that it is less, than the null value.

    Of several looks they are those of the whole design (``Look.overall``), which compare with an error rate.
    ``withdrawn`` is the variant for which the mean may not decide, because it fails more often; its p is 1.
    """

    greater: float
    less: float
    method: Method
    withdrawn: str = ""

    @property
    def p(self) -> float:
        """The two-sided p-value."""
        return min(1.0, 2.0 * min(self.greater, self.less))


def sides(pairs: Pairs, null: float) -> Sides:
    """Tests the differences against ``null``, as ``pairs.failures`` asks: their mean, or the share of failures."""
    shares = of_failures(pairs)
    if pairs.failures == "decide" or (pairs.failures == "guard" and pairs.n < FEWEST_SEEDS):
        return shares
    tested = of_mean(pairs, null)
    if pairs.failures != "guard" or shares.p > 2 * pairs.level:
        return tested
    # the variant that fails more often is the worse one of ``shares``: the mean may not decide for it
    often = pairs.a if pairs.alone[0] > pairs.alone[1] else pairs.b
    if shares.greater < shares.less:
        return replace(tested, less=1.0, withdrawn=often)
    return replace(tested, greater=1.0, withdrawn=often)


def of_mean(pairs: Pairs, null: float) -> Sides:
    """Tests the mean difference against ``null``, of at least two seeds.

    Student's paired t test (Student 1908), from 30 seeds on corrected for skewness (``inference.Estimate``). It assumes
    that the mean difference is about normal. Differences may be heavy-tailed. Strong skew at fewer than 30 seeds makes
    it too optimistic in one direction: compare positive, skewed metrics on a log scale.

    Seeds are always paired. That costs at most 5 % of power at 30 seeds where the variants are not correlated, and a
    choice by the correlation of the same seeds returns 2 % of it, or errs too often
    (``tests/statistics/test_pairing.py``).

    Where a value is censored, the exact signed-rank test instead. Where the differences are equal up to float32
    rounding, their spread is unknown, and an exact sign test decides: n equal differences have a p of 2^-n. It assumes
    that under the null a difference is as likely to be above ``null`` as below.
    """
    method: Method
    if pairs.censored:
        greater, less = signed_rank([d - null for d in pairs.differences], pairs.noise)
        method = "rank"
    elif pairs.constant:
        beyond = float(pairs.values.mean()) - null
        same = 0.5**pairs.n
        greater, less = same if beyond > pairs.noise else 1.0, same if beyond < -pairs.noise else 1.0
        method = "sign"
    else:
        greater, less = pairs.mean.greater(null), pairs.mean.less(null)
        method = "t"
    return Sides(pairs.look.overall(greater), pairs.look.overall(less), method)


def of_failures(pairs: Pairs) -> Sides:
    """Tests which variant fails more often: an exact sign test on the seeds where one failed alone (McNemar 1947).

    A failure counts as the worst value: of a metric of which more is better, ``greater`` is that a fails less often.
    """
    a, b = pairs.alone
    a_fails, b_fails = (pairs.look.overall(at_least(count, a + b, 0.5)) for count in (a, b))
    greater, less = (b_fails, a_fails) if pairs.metric.better == "higher" else (a_fails, b_fails)
    return Sides(greater, less, "share")
