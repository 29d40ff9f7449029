"""What a number of seeds can show: power of the paired t test (noncentral t)."""

from __future__ import annotations

import math
from functools import lru_cache

from harness.rules.levels import FEWEST_SEEDS, ONE_SIDED, POWER

LARGE = 1000
"""Above this many seeds the normal approximation is exact enough."""
HOPELESS = 2.8e-3
"""Differences of fewer standard deviations than this take more than a million seeds."""


def power(effect: float, n: int, level: float = ONE_SIDED) -> float:
    """Chance that n pairs show a true mean difference of ``effect`` standard deviations, at ``level`` per direction.

    Assumes normal differences: then t is noncentral t with n − 1 degrees of freedom (Cohen 1988, §2). SciPy's
    answer is nan for some noncentralities above 36, where the power is 1.
    """
    from scipy.special import nctdtr, stdtrit

    return 1.0 - float(nctdtr(n - 1, effect * math.sqrt(n), stdtrit(n - 1, 1 - level)))


@lru_cache(maxsize=4096)
def detectable(n: int, level: float = ONE_SIDED) -> float:
    """The smallest true difference, in standard deviations of a difference, that n pairs show with 80 % power."""
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    plenty = float(stdtrit(n - 1, 1 - level)) + 3  # noncentrality at which power is above 95 % for any n
    return float(brentq(lambda effect: power(effect, n, level) - POWER, 0.0, plenty / math.sqrt(n)))


def seeds_needed(deviation: float, effect: float) -> int | None:
    """The fewest seeds, at least 5, that show a true difference of ``effect`` with 80 % power; None above a million."""
    from scipy.special import ndtri

    wanted = effect / deviation
    if wanted < HOPELESS:
        return None
    approximate = ((ndtri(1 - ONE_SIDED) + ndtri(POWER)) / wanted) ** 2
    if approximate > LARGE:
        return math.ceil(approximate) + 2
    low, high = FEWEST_SEEDS, LARGE + 10
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle) <= wanted else (middle + 1, high)
    return low
