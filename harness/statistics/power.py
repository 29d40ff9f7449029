"""The power of the t test: what a number of seeds can show."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from harness.statistics.inference import t_quantile
from harness.statistics.levels import FEWEST_SEEDS, PLAIN, POWER
from harness.statistics.looks import ONLY, Look

LARGE = 1000
"""For more seeds, the normal approximation is exact enough."""
HOPELESS = 2.8e-3
"""A difference of fewer standard deviations needs more than a million seeds."""


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


def seeds_needed(deviation: float, effect: float, level: float = PLAIN.one_sided, look: Look = ONLY) -> int | None:
    """The fewest seeds, at least 5, that show a true difference of ``effect`` with 80 % power; None above a million.

    With looks at stored evidence, it is the first look that shows it. Without such a look, it is the number of a fixed
    design at ``level``.
    """
    from scipy.special import ndtri

    wanted = effect / deviation
    if wanted < HOPELESS:
        return None
    if look.spending:
        for index, size in enumerate(look.sizes):
            if detectable(size, replace(look, index=index).level(level)) <= wanted:
                return size
    approximate = ((ndtri(1 - level) + ndtri(POWER)) / wanted) ** 2
    if approximate > LARGE:
        return math.ceil(approximate) + 2
    low, high = FEWEST_SEEDS, LARGE + 10
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle, level) <= wanted else (middle + 1, high)
    return low
