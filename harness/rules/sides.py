"""The two one-sided tests on which every paired rule rests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.rules.inference import at_least, signed_rank
from harness.rules.levels import FEWEST_SEEDS
from harness.rules.pairs import Pairs

Method = Literal["t", "sign", "rank", "share"]


@dataclass(frozen=True)
class Sides:
    """The one-sided p-values of a difference, of the whole design (``Look.overall``).

    Attributes:
        greater, less: of "the difference is greater, less than the null value".
        method: the test.
        withdrawn: the variant for which the mean may not decide, because it failed more often; its p is 1. "" for none.
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
    """Tests the mean difference against ``null``, or the share of failures, depending on ``pairs.failures``.

    With "guard" the mean does not decide for a variant that failed on more seeds than the other, be it one seed more.
    At few seeds a large share of failures is not significant: of a variant that fails on 30 % of 30 seeds, a guard that
    waits for significance would let the mean decide in 56 %.
    """
    if pairs.failures == "decide" or (pairs.failures == "guard" and pairs.n < FEWEST_SEEDS):
        return of_failures(pairs)
    tested, (up, down) = of_mean(pairs, null), may_decide(pairs)
    if up and down:
        return tested
    often = pairs.a if pairs.failed[0] > pairs.failed[1] else pairs.b
    return replace(tested, greater=tested.greater if up else 1.0, less=tested.less if down else 1.0, withdrawn=often)


def may_decide(pairs: Pairs) -> tuple[bool, bool]:
    """Whether the mean may decide for "greater", and for "less"."""
    a, b = pairs.failed
    if pairs.failures != "guard" or a == b:
        return True, True
    up = (a < b) == (pairs.metric.better == "higher")  # "greater" speaks for a where higher is better
    return up, not up


def of_tie(pairs: Pairs) -> float:
    """One-sided p-value of "the difference is smaller than the smallest effect of interest, in either direction".

    The larger p of two one-sided tests (Schuirmann 1987), so it is at most a level exactly if the interval of that
    level lies within ± the smallest effect. It is 1 where no interval decides: a value is censored, or the share of
    failures decides. With "guard" it is 1 as well if one variant failed on more seeds: that is a difference.
    """
    by_shares = pairs.failures == "decide" or (pairs.failures == "guard" and pairs.n < FEWEST_SEEDS)
    if pairs.censored or by_shares:
        return 1.0
    smallest = pairs.metric.smallest_effect
    return max(sides(pairs, smallest).less, sides(pairs, -smallest).greater)


def of_mean(pairs: Pairs, null: float) -> Sides:
    """Tests the mean difference of at least two seeds against ``null``.

    It is Student's paired t test (Student 1908), corrected for skewness from 30 seeds on (``inference.Estimate``). It
    assumes that the mean difference is about normal. Differences may be heavy-tailed. With fewer than 30 seeds, strong
    skewness makes it too optimistic in one direction, so compare positive, skewed metrics on a log scale.

    Seeds are always paired. If the variants are uncorrelated, that costs at most 5 % of power at 30 seeds. Choosing by
    the correlation of the same seeds would regain 2 %, or err too often (``tests/rules/test_pairing.py``).

    If a value is censored, the exact signed-rank test decides. If the differences are equal up to float32 rounding,
    their spread is unknown, and an exact sign test decides: n equal differences have the p-value 2^-n. It assumes that,
    under the null, a difference is as likely to be above ``null`` as below. Rare large jumps break that: if a jump
    comes in 20, 15, 10, 5 or 2 % of seeds, ten seeds show none, and the test is wrong, in 11, 20, 35, 60 or 82 %;
    thirty seeds in 0.1, 0.8, 4.2, 21 or 55 %.
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
    """Tests which variant fails more often: an exact sign test on seeds with one failure (McNemar 1947).

    A failure counts as the worst value. If higher is better, ``greater`` means that ``a`` fails less often.
    """
    a, b = pairs.alone
    a_fails, b_fails = (pairs.look.overall(at_least(count, a + b, 0.5)) for count in (a, b))
    greater, less = (b_fails, a_fails) if pairs.metric.better == "higher" else (a_fails, b_fails)
    return Sides(greater, less, "share")
