"""Intervals and p-values around a mean: Student's, which decides, and two that are reported alongside."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.rules.levels import FEWEST_SEEDS, MANY_SEEDS, PLAIN

if TYPE_CHECKING:
    import numpy as np

ENUMERATED = 12
"""Largest n for which all 2**n signs are tried; above it a fixed sample of them."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Mean:
    """An estimated mean: Student's test and interval (Student 1908), corrected for skewness.

    ``skewness`` is that of the estimate, 0 where it is not corrected for. Hall's transformation of t (Hall 1992)
    removes the error that skewness makes in one direction; each direction is decided by the more cautious of Student's
    and Hall's, so that neither errs more often than Student's test does.
    """

    value: float
    error: float
    df: float
    skewness: float = 0.0

    def greater(self, null: float) -> float:
        """One-sided p that the mean is greater than ``null``."""
        from scipy.special import stdtr

        t = (self.value - null) / self.error
        return float(stdtr(self.df, -min(t, self._transformed(t))))

    def less(self, null: float) -> float:
        """One-sided p that the mean is less than ``null``."""
        from scipy.special import stdtr

        t = (self.value - null) / self.error
        return float(stdtr(self.df, max(t, self._transformed(t))))

    def interval(self, level: float) -> tuple[float, float]:
        """The values that neither test rejects at ``level``."""
        from scipy.special import stdtrit

        t = float(stdtrit(self.df, 1 - level))
        low, high = max(t, self._restored(t)), min(-t, self._restored(-t))
        return self.value - self.error * low, self.value - self.error * high

    def _transformed(self, t: float) -> float:
        """Hall's cubic of t: about symmetric where t is skewed."""
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


def mean(values: np.ndarray) -> Mean:
    """The mean of ``values`` (n >= 2, not all equal); corrected for skewness from 30 seeds on."""
    n = len(values)
    value, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n)
    if n < MANY_SEEDS:
        return Mean(value, error, n - 1)
    third = float((((values - value) / error) ** 3).mean())  # in units of the error: of order n^1.5
    return Mean(value, error, n - 1, skewness=third / n**2)


def bca(values: np.ndarray) -> tuple[float | None, float | None]:
    """Bootstrap interval of the mean, bias-corrected and accelerated (Efron 1987), 2.5 % per direction.

    For information: it assumes nothing about the shape, but is too short at ten seeds. (None, None) below 5 seeds or
    where the bootstrap degenerates. The resamples are fixed, so that equal trials give equal reports.
    """
    import numpy as np
    from scipy import stats

    if len(values) < FEWEST_SEEDS:
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns where the distribution degenerates; the answer is nan then
        found = stats.bootstrap(
            (values,), np.mean, n_resamples=2000, confidence_level=1 - 2 * PLAIN.one_sided, rng=np.random.default_rng(0)
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


def sign_flip(shifted: np.ndarray) -> float:
    """Two-sided p of the sign-flip test that ``shifted`` has mean 0 (Fisher 1935), assuming only symmetry about 0.

    Exact up to 12 seeds. Above, from 10,000 fixed random signs and the observed ones (Phipson & Smyth 2010).
    ``scipy.stats.permutation_test`` gives the same, a thousand times slower.
    """
    import numpy as np

    sums = np.abs(signs(len(shifted)) @ shifted)
    observed = abs(float(shifted.sum()))
    as_large = int(np.count_nonzero(sums >= observed - 1e-9 * float(np.abs(shifted).sum())))
    if len(shifted) <= ENUMERATED:
        return as_large / len(sums)
    return (as_large + 1) / (len(sums) + 1)


@lru_cache(maxsize=32)
def signs(n: int) -> np.ndarray:
    """Rows of n signs: all of them up to a common sign, or a fixed random sample; shape (rows, n)."""
    import numpy as np

    if n > ENUMERATED:
        return np.random.default_rng(0).choice([-1.0, 1.0], size=(RESAMPLES, n))
    bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n)) & 1
    return 1.0 - 2.0 * bits
