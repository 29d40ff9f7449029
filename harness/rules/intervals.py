"""Intervals and p-values around a mean difference: Student's, which decides, and two that stand beside it."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.rules.levels import FEWEST_SEEDS, ONE_SIDED

if TYPE_CHECKING:
    import numpy as np

ENUMERATED = 12
"""Largest n for which all 2**n signs are tried; above it a fixed sample of them."""
RESAMPLES = 10_000


def student(values: np.ndarray, level: float = ONE_SIDED) -> tuple[float, float]:
    """Student's interval of the mean of ``values`` (n >= 2), wrong in each direction at ``level`` (Student 1908)."""
    from scipy.special import stdtrit

    n = len(values)
    half = float(stdtrit(n - 1, 1 - level)) * float(values.std(ddof=1)) / math.sqrt(n)
    mean = float(values.mean())
    return mean - half, mean + half


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
            (values,), np.mean, n_resamples=2000, confidence_level=1 - 2 * ONE_SIDED, rng=np.random.default_rng(0)
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else (None, None)


def sign_flip(shifted: np.ndarray) -> float:
    """Two-sided p of the sign-flip test that ``shifted`` has mean 0 (Fisher 1935), assuming only symmetry about 0.

    Exact up to 12 seeds. Above, from 10,000 fixed random signs and the observed ones (Phipson & Smyth 2010).
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
