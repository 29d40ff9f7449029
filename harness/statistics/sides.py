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
    """The one-sided p-values of a difference, of the whole design (``Look.overall``).

    Attributes:
        greater, less: of "the difference is greater, less than the null value".
        method: the test.
        withdrawn: the variant for which the mean may not decide, because it fails more often; its p is 1. "" for none.
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
    """Tests the mean difference against ``null``, or the share of failures, depending on ``pairs.failures``."""
    shares = of_failures(pairs)
    if pairs.failures == "decide" or (pairs.failures == "guard" and pairs.n < FEWEST_SEEDS):
        return shares
    tested = of_mean(pairs, null)
    if pairs.failures != "guard" or shares.p > 2 * pairs.level:
        return tested
    # the mean may not decide for the variant that fails more often
    often = pairs.a if pairs.alone[0] > pairs.alone[1] else pairs.b
    if shares.greater < shares.less:
        return replace(tested, less=1.0, withdrawn=often)
    return replace(tested, greater=1.0, withdrawn=often)


def of_mean(pairs: Pairs, null: float) -> Sides:
    """Tests the mean difference of at least two seeds against ``null``.

    It is Student's paired t test (Student 1908), corrected for skewness from 30 seeds on (``inference.Estimate``). It
    assumes that the mean difference is about normal. Differences may be heavy-tailed. With fewer than 30 seeds, strong
    skewness makes it too optimistic in one direction, so compare positive, skewed metrics on a log scale.

    Seeds are always paired. If the variants are uncorrelated, that costs at most 5 % of power at 30 seeds. Choosing by
    the correlation of the same seeds would regain 2 %, or err too often (``tests/statistics/test_pairing.py``).

    If a value is censored, the exact signed-rank test decides. If the differences are equal up to float32 rounding,
    their spread is unknown, and an exact sign test decides: n equal differences have the p-value 2^-n. It assumes that,
    under the null, a difference is as likely to be above ``null`` as below.
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
