"""Two variants, paired seed by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from harness.metric import Metric
from harness.rules.evidence import Evidence
from harness.rules.looks import ONLY, Look
from harness.rules.seeds import UnusableError, by_seed, listed, noise, score

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Pairs:
    """Differences a − b, one per seed, on the metric's scale (of logarithms for ``scale="log"``).

    A difference is ±inf where one of the two trials failed (diverged, censored, or 0 on a log scale) and nan where
    both did. ``noise`` is the size below which differences are float32 rounding; ``look`` that at which one is.
    """

    a: str
    b: str
    metric: Metric
    differences: tuple[float, ...]
    noise: float
    look: Look = ONLY

    @property
    def n(self) -> int:
        return len(self.differences)

    @cached_property
    def values(self) -> np.ndarray:
        """The differences as float64, shape (n,)."""
        import numpy as np

        return np.array(self.differences)

    @property
    def failed(self) -> int:
        """Number of pairs in which at least one trial failed."""
        return sum(not math.isfinite(d) for d in self.differences)

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the differences, n − 1 degrees of freedom; for two or more finite differences."""
        return float(self.values.std(ddof=1))

    @property
    def constant(self) -> bool:
        """True where all differences are finite and equal up to float32 rounding."""
        if self.failed:
            return False
        return self.n == 1 or max(self.differences) - min(self.differences) <= self.noise or self.deviation == 0


def paired(evidence: Evidence, a: str, b: str, name: str) -> Pairs:
    """Pairs variants ``a`` and ``b`` strictly by seed; UnusableError where a seed lacks a partner. None is dropped."""
    metric = evidence.metrics[name]
    left, right = by_seed(evidence, a), by_seed(evidence, b)
    for variant, missing in ((a, right.keys() - left.keys()), (b, left.keys() - right.keys())):
        if missing:
            raise UnusableError(f"no trial of {variant!r} with {listed(sorted(missing))}, which the other variant has")
    scores = [(score(left[seed], metric), score(right[seed], metric)) for seed in left]
    differences = tuple(x - y for x, y in scores)  # inf − inf is nan: both failed
    tiny = noise([value for pair in scores for value in pair], metric)
    return Pairs(a, b, metric, differences, tiny, evidence.look)
