"""The power of the t test: what a number of seeds can show."""

from __future__ import annotations

import math
from functools import lru_cache

from harness.rules.inference import t_quantile
from harness.rules.levels import PLAIN, POWER


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
