"""Tests, intervals and power of means, differences and shares. Every formula is here once, with scipy.special."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.rules.levels import MANY_SEEDS, PLAIN, POWER

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Estimate:
    """An estimated mean or difference of means, with Student's test and interval (Student 1908).

    Hall's transformation of t corrects for skewness (Hall 1992). In each direction, the more cautious of Student's and
    Hall's test decides, so neither direction errs more often than Student's test.

    Attributes:
        value: the estimate.
        error: its standard error.
        df: degrees of freedom of the error.
        skewness: of the estimate; 0 for no correction.
    """

    value: float
    error: float
    df: float
    skewness: float = 0.0

    def greater(self, null: float) -> float:
        """One-sided p-value of "the mean is greater than ``null``"."""
        t = (self.value - null) / self.error
        return t_tail(self.df, min(t, self._transformed(t)))

    def less(self, null: float) -> float:
        """One-sided p-value of "the mean is less than ``null``"."""
        t = (self.value - null) / self.error
        return t_tail(self.df, -max(t, self._transformed(t)))

    def unequal(self, null: float) -> float:
        """Two-sided p-value of "the mean is not ``null``"."""
        return min(1.0, 2 * min(self.greater(null), self.less(null)))

    def interval(self, level: float) -> tuple[float, float]:
        """The interval of values that neither one-sided test rejects at ``level``."""
        t = t_quantile(self.df, level)
        low, high = max(t, self._restored(t)), min(-t, self._restored(-t))
        return self.value - self.error * low, self.value - self.error * high

    def _transformed(self, t: float) -> float:
        """Hall's cubic of t, which is about symmetric if t is skewed."""
        skew = self.skewness
        if abs(skew) < 1e-9:
            return t
        root = 1 + skew * t / 3
        return (root * root * root - 1) / skew + skew / 6

    def _restored(self, t: float) -> float:
        """The inverse of ``_transformed``."""
        skew = self.skewness
        if abs(skew) < 1e-9:
            return t
        return 3 / skew * (math.cbrt(1 + skew * (t - skew / 6)) - 1)


def t_tail(df: float, t: float) -> float:
    """The chance that Student's t of ``df`` degrees of freedom exceeds ``t``."""
    from scipy.special import stdtr

    return float(stdtr(df, -t))


def t_quantile(df: float, tail: float) -> float:
    """The value that Student's t of ``df`` degrees of freedom exceeds with chance ``tail``."""
    from scipy.special import stdtrit

    return -float(stdtrit(df, tail))


def mean(values: np.ndarray) -> Estimate:
    """The mean of ``values`` (n >= 2, not all equal), corrected for skewness from 30 values on."""
    n, plain = len(values), student(values)
    if n < MANY_SEEDS:
        return plain
    third = float((((values - plain.value) / plain.error) ** 3).mean())  # in units of the error: of order n^1.5
    return replace(plain, skewness=third / n**2)


def student(values: np.ndarray) -> Estimate:
    """The mean of ``values`` (n >= 2), not corrected for skewness."""
    n = len(values)
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n), n - 1)


def one_more(values: np.ndarray, least: float = 0.0) -> Estimate:
    """The prediction of one more value after ``values`` (n >= 2): its error is s·√(1 + 1/n) (Whitmore 1986).

    s is the standard deviation, or ``least`` if that is larger.
    """
    n = len(values)
    return Estimate(float(values.mean()), max(float(values.std(ddof=1)), least) * math.sqrt(1 + 1 / n), n - 1)


def welch(difference: float, variances: tuple[float, float], counts: tuple[int, int]) -> Estimate:
    """The difference of the means of two groups with different variances (Welch 1947)."""
    squares = [variance / count for variance, count in zip(variances, counts, strict=True)]
    total = sum(squares)
    if not total:
        return Estimate(difference, 0.0, 1.0)
    df = total**2 / sum(square**2 / (count - 1) for square, count in zip(squares, counts, strict=True))
    return Estimate(difference, math.sqrt(total), df)


def pooled(difference: float, variances: tuple[float, float], counts: tuple[int, int]) -> Estimate:
    """The difference of the means of two groups with equal variances (Student 1908)."""
    df = sum(counts) - 2
    variance = sum((count - 1) * each for each, count in zip(variances, counts, strict=True)) / df
    return Estimate(difference, math.sqrt(variance * sum(1 / count for count in counts)), df)


def at_least(count: int, n: int, share: float) -> float:
    """P(K >= ``count``) for K ~ Binomial(``n``, ``share``)."""
    from scipy.special import bdtrc

    return float(bdtrc(count - 1, n, share)) if count > 0 else 1.0


def at_most(count: int, n: int, share: float) -> float:
    """P(K <= ``count``) for K ~ Binomial(``n``, ``share``)."""
    from scipy.special import bdtr

    return float(bdtr(count, n, share))


def clopper_pearson(count: int, n: int, level: float = PLAIN.one_sided) -> tuple[float, float]:
    """Exact lower and upper bounds of a share; each errs with chance ``level`` at most (Clopper & Pearson 1934).

    Assumes only that seeds are independent. Five of five give a lower bound of 0.478 at 2.5 %.
    """
    from scipy.special import betaincinv

    low = float(betaincinv(count, n - count + 1, level)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - level)) if count < n else 1.0
    return low, high


def wilson(count: int, n: int) -> tuple[float, float]:
    """Bounds of a share; each errs with chance 2.5 % (Wilson 1927)."""
    z = 1.96
    share = count / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(center - half, 0.0), min(center + half, 1.0)


def newcombe(counts: tuple[int, int], of: tuple[int, int]) -> tuple[float, float]:
    """Bounds of the difference second − first of two shares; each errs with 2.5 % (Newcombe 1998, method 10)."""
    (low1, high1), (low2, high2) = (wilson(k, n) for k, n in zip(counts, of, strict=True))
    p1, p2 = (k / n for k, n in zip(counts, of, strict=True))
    return p2 - p1 - math.hypot(p2 - low2, high1 - p1), p2 - p1 + math.hypot(high2 - p2, p1 - low1)


def signed_rank(differences: list[float], noise: float = 0.0) -> tuple[float, float]:
    """Exact one-sided p-values (greater, less) of Wilcoxon's signed-rank test (Wilcoxon 1945).

    Infinite differences share the highest rank. Ties share their mean rank, and the null distribution is exact for
    these ranks (``scipy.stats.wilcoxon`` is exact without ties only). As in Wilcoxon's paper, a difference of 0
    (|d| <= ``noise``) is not ranked; neither is nan (both censored). Assumes that, under the null, a difference of any
    size is as likely to be positive as negative.
    """
    import numpy as np
    from scipy.stats import rankdata

    counted = [d for d in differences if abs(d) > noise]  # false for nan
    if not counted:
        return 1.0, 1.0
    ranks = np.rint(2 * rankdata(np.abs(counted))).astype(int)  # doubled, so that shared ranks are whole numbers
    counts = np.ones(1)
    for rank in ranks:  # the distribution of the sum of positive ranks, if all signs are equally likely
        step = np.zeros(len(counts) + rank)
        step[: len(counts)] += counts
        step[rank:] += counts
        counts = step / 2
    positive = int(ranks[np.array(counted) > 0].sum())
    return float(counts[positive:].sum()), float(counts[: positive + 1].sum())


def power(effect: float, n: int, level: float = PLAIN.one_sided) -> float:
    """The chance that n pairs show a mean difference of ``effect`` standard deviations, at ``level`` per direction.

    Assumes normal differences: t is then noncentral t with n − 1 degrees of freedom (Cohen 1988, §2). SciPy returns nan
    for some noncentralities above 36, where the power is 1.
    """
    from scipy.special import nctdtr

    return 1.0 - float(nctdtr(n - 1, effect * math.sqrt(n), t_quantile(n - 1, level)))


@lru_cache(maxsize=4096)
def detectable(n: int, level: float = PLAIN.one_sided) -> float:
    """The smallest true difference, in standard deviations of a difference, that n pairs show with 80 % power."""
    from scipy.optimize import brentq

    plenty = t_quantile(n - 1, level) + 3  # a noncentrality with a power above 95 % for any n
    return float(brentq(lambda effect: power(effect, n, level) - POWER, 0.0, plenty / math.sqrt(n)))
