"""Change points of a series: where its level changes and stays changed.

The method is optimal partitioning (Jackson et al. 2005) of normal scores: each value is replaced by the normal quantile
of its rank (van der Waerden 1952). The cost of a segment is the sum of squared deviations of its scores from their
mean, so a change point is worth the statistic of van der Waerden's test of the two sides. The partition minimises the
total cost plus ``penalty(n)`` for each change point. Each segment is then searched again with scores of its own,
because a large step compresses the scores of a small one. Last, each change point is placed where it minimises the sum
of absolute deviations from the medians of its two sides: ranks say whether there is a step, but next to a large step
the values say better where.

Assumed: without a change, the values are independent and have one distribution, of any shape. Scores depend on ranks
only, so the rate of false alarms is the same for every distribution, and an outlier counts no more than the largest
value of any series. The penalty gives one alarm in 100 series without a change. tests/rules/
test_change_points.py measures it: about 1 % for Gaussian, t (3 degrees of freedom), Cauchy and log-normal noise, and
with 10 % outliers of ten standard deviations. Not covered: values that depend on the one before. With a correlation of
0.3 between neighbours 6 % of series of 30 values have an alarm, with 0.5 about 20 %.

Of 30 values, a step of three standard deviations is placed within ±1 in 97 % of series if at least eight values lie on
either side, and found in 65 % if only three do. Fewer than SHORTEST values show no change. Levels of fewer than
LEAST values are never seen.

Values that repeat bit for bit (the accuracy of a seeded training) need no test: every new level of LEAST equal values
is a change.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST = 3
"""Least number of values of a level."""
SHORTEST = 10
"""Least number of values that are searched for a change."""


def penalty(n: int) -> float:
    """The cost of a change point in a series of ``n`` values: the 99 % quantile without a change, simulated."""
    return 4.0 + 1.7 * math.log(n)


def change_points(values: Sequence[float]) -> list[int]:
    """The index of the first value after each change, in order. The values are finite."""
    levels = _repeated(values)
    if levels is not None:
        return levels
    return _placed(values, _search(values))


def _repeated(values: Sequence[float]) -> list[int] | None:
    """The changes of a series whose values repeat; None if levels of LEAST equal values are not most of it."""
    blocks = [list(block) for _, block in itertools.groupby(range(len(values)), key=lambda index: values[index])]
    levels = [block for block in blocks if len(block) >= LEAST]
    if 2 * sum(map(len, levels)) <= len(values):
        return None
    return [now[0] for before, now in itertools.pairwise(levels) if values[before[0]] != values[now[0]]]


def _search(values: Sequence[float]) -> list[int]:
    """The changes of the series, and those within each of its segments."""
    if len(values) < SHORTEST:
        return []
    *found, end = _partition(_scores(values), penalty(len(values)))
    if not found:
        return []
    changes: list[int] = []
    for low, high in itertools.pairwise([0, *found, end]):
        changes += [low + index for index in _search(values[low:high])]
        changes += [high] if high < end else []
    return changes


def _placed(values: Sequence[float], changes: Sequence[int]) -> list[int]:
    """The changes, each where it separates the values between its two neighbours best."""
    import numpy as np

    def deviations(part: Sequence[float]) -> float:
        return float(np.abs(np.array(part) - np.median(part)).sum())

    ends = [0, *changes, len(values)]
    for index in range(1, len(ends) - 1):
        low, high = ends[index - 1], ends[index + 1]
        places = range(high - LEAST, low + LEAST - 1, -1)  # of two equally good ones, the last
        ends[index] = min(places, key=lambda at: deviations(values[low:at]) + deviations(values[at:high]))
    return ends[1:-1]


def _scores(values: Sequence[float]) -> np.ndarray:
    """The normal scores of the values, with mean 0 and standard deviation 1; equal values have the score 0."""
    import numpy as np
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri((rankdata(values) - 0.375) / (len(values) + 0.25))
    scores = scores - scores.mean()
    spread = scores.std(ddof=1)
    return np.asarray(scores / spread if spread else scores)


def _partition(scores: np.ndarray, price: float) -> list[int]:
    """The ends of the segments with the least sum of squared deviations plus ``price`` for each segment."""
    import numpy as np

    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (scores, scores**2))
    least = np.full(len(sums), np.inf)
    least[0] = 0.0
    before = [0] * len(sums)
    for end in range(LEAST, len(sums)):
        starts = np.arange(end - LEAST + 1)
        deviations = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        totals = least[starts] + deviations + price
        before[end] = int(totals.argmin())
        least[end] = totals[before[end]]
    ends = [len(scores)]
    while before[ends[0]]:
        ends.insert(0, before[ends[0]])
    return ends
