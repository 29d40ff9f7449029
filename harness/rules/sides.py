"""The two one-sided tests on which every paired rule rests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.rules.pairs import Pairs


@dataclass(frozen=True)
class Sides:
    """One-sided p-values that the difference is greater, and that it is less, than the null value.

    Of several looks they are those of the whole design (``Look.overall``), which compare with an error rate.
    ``method`` is "t", "rank" or "constant" (zero variance: then each p is 0 or 1, and no test was made).
    """

    greater: float
    less: float
    method: str

    @property
    def p(self) -> float:
        """The two-sided p-value."""
        return min(1.0, 2.0 * min(self.greater, self.less))


def sides(pairs: Pairs, null: float) -> Sides:
    """Tests the paired differences against ``null``, at least two of them.

    Student's paired t test (Student 1908), which assumes that the mean difference is about normal: differences may be
    heavy-tailed, but strong skew at few seeds makes it too optimistic in one direction. Where a trial failed, the exact
    signed-rank test instead. Where the differences are equal up to float32 rounding, their common value decides alone;
    equal to ``null`` it decides nothing.
    """
    if pairs.failed:
        greater, less = signed_rank([d - null for d in pairs.differences], pairs.noise)
        return Sides(pairs.look.overall(greater), pairs.look.overall(less), "rank")
    from scipy.special import stdtr

    mean = float(pairs.values.mean()) - null
    if pairs.constant:
        return Sides(0.0 if mean > pairs.noise else 1.0, 0.0 if mean < -pairs.noise else 1.0, "constant")
    t = mean / (pairs.deviation / math.sqrt(pairs.n))
    greater, less = float(stdtr(pairs.n - 1, -t)), float(stdtr(pairs.n - 1, t))
    return Sides(pairs.look.overall(greater), pairs.look.overall(less), "t")


def signed_rank(differences: list[float], noise: float = 0.0) -> tuple[float, float]:
    """Exact one-sided p-values (greater, less) of Wilcoxon's signed-rank test (Wilcoxon 1945).

    Differences may be infinite: they share the highest rank. Ties share their mean rank, and the null distribution is
    the exact one given those ranks. A difference of 0 (|d| <= ``noise``) or nan (both trials failed) speaks for
    neither side and is left out of the ranking, as Wilcoxon did; it still counts as a seed everywhere else. Assumes,
    under the null, that a difference of a given size is as likely to be positive as negative.
    """
    import numpy as np
    from scipy.stats import rankdata

    told = [d for d in differences if abs(d) > noise]  # False for nan
    if not told:
        return 1.0, 1.0
    ranks = np.rint(2 * rankdata(np.abs(told))).astype(int)  # doubled, so that shared ranks are whole numbers
    counts = np.ones(1)
    for rank in ranks:  # distribution of the sum of the positive ranks, over all equally likely signs
        step = np.zeros(len(counts) + rank)
        step[: len(counts)] += counts
        step[rank:] += counts
        counts = step / 2
    positive = int(ranks[np.array(told) > 0].sum())
    return float(counts[positive:].sum()), float(counts[: positive + 1].sum())
