"""Pairs the trials of two variants seed by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from harness.domain.metric import Metric
from harness.rules.inference import Estimate, mean
from harness.rules.levels import MANY_SEEDS, PLAIN
from harness.rules.looks import ONLY, Look
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError, by_seed, listed, noise, score

if TYPE_CHECKING:
    import numpy as np

Failures = Literal["guard", "report", "decide", "count"]
"""How failed trainings (nan, inf, blow-up, stuck at chance) count in a comparison of two variants.

The comparison has two results: the mean over the seeds that trained in both variants, and the share of seeds that
failed. The shares are compared by an exact sign test on the seeds where only one variant failed (McNemar 1947).

- "guard": the mean decides, but not for a variant that failed on more seeds than the other. If fewer than five seeds
  trained in both variants, the share of failures decides.
- "report": the mean decides; the share of failures is reported.
- "decide": the share of failures decides; the mean is reported.
- "count": every trial counts with its metric, for metrics that are defined for failed trainings (the growth of a loss).
  A failed trial without a value counts as the worst value, in a rank test.

A censored metric (None, because the target was never reached) is no failure. It counts as the worst value of the
metric, in an exact rank test.
"""


@dataclass(frozen=True)
class Pairs:
    """Differences a − b on the metric's scale, one per seed that counts.

    Attributes:
        a, b: the variants. With one sample, ``b`` is the constant that is subtracted, "" if it changes nothing.
        metric: what is compared; for ``scale="log"`` the differences are those of logarithms.
        differences: ±inf if one of the two values is censored (or 0 on a log scale), nan if both are.
        noise: the size up to which differences are float32 rounding.
        correlation: Pearson's, of the two variants over seeds; None below 30 seeds, or if one does not vary.
        look, level: the look, and the one-sided error rate over all looks.
        failures: see ``Failures``.
        seeds: number of seeds, failed seeds included.
        failed: numbers of seeds on which a, and b, failed.
        alone: numbers of seeds on which only a, and only b, failed.
        one_sample: whether there is one variant only.
    """

    a: str
    b: str
    metric: Metric
    differences: tuple[float, ...]
    noise: float
    correlation: float | None = None
    look: Look = ONLY
    level: float = PLAIN.one_sided
    failures: Failures = "guard"
    seeds: int = 0
    failed: tuple[int, int] = (0, 0)
    alone: tuple[int, int] = (0, 0)
    one_sample: bool = False

    @property
    def n(self) -> int:
        return len(self.differences)

    @cached_property
    def values(self) -> np.ndarray:
        """The differences as float64, shape (n,)."""
        import numpy as np

        return np.array(self.differences)

    @cached_property
    def censored(self) -> int:
        """Number of pairs with at least one censored value."""
        return sum(not math.isfinite(d) for d in self.differences)

    @cached_property
    def constant(self) -> bool:
        """Whether all differences are finite, and equal up to float32 rounding."""
        if self.censored or not self.differences:
            return False
        if self.n == 1 or max(self.differences) - min(self.differences) <= self.noise:
            return True
        return float(self.values.std()) == 0  # the squares of denormal differences are 0

    @cached_property
    def mean(self) -> Estimate:
        """The mean difference with its error; for two or more finite differences that are not constant."""
        return mean(self.values)


def paired(sample: Sample, a: str, b: str, name: str, failures: Failures = "guard") -> Pairs:
    """Pairs variants ``a`` and ``b`` by seed. UnusableError if a seed of one is missing in the other."""
    metric = sample.metrics[name]
    left, right = by_seed(sample, a), by_seed(sample, b)
    for variant, missing in ((a, right.keys() - left.keys()), (b, left.keys() - right.keys())):
        if missing:
            raise UnusableError(f"no trial of {variant!r} with {listed(sorted(missing))}, which the other variant has")
    lost = [(left[seed].divergence is not None, right[seed].divergence is not None) for seed in left]
    kept = [seed for seed, either in zip(left, lost, strict=True) if failures == "count" or not any(either)]
    scores = [(score(left[seed], metric), score(right[seed], metric)) for seed in kept]
    return Pairs(
        a,
        b,
        metric,
        differences=tuple(x - y for x, y in scores),  # inf − inf is nan: both censored
        noise=noise([value for pair in scores for value in pair], metric),
        correlation=correlation(scores),
        look=sample.look,
        level=sample.levels.one_sided,
        failures=failures,
        seeds=len(left),
        failed=(sum(x for x, _ in lost), sum(y for _, y in lost)),
        alone=(sum(x and not y for x, y in lost), sum(y and not x for x, y in lost)),
    )


def correlation(scores: list[tuple[float, float]]) -> float | None:
    """Pearson's correlation of two columns; None below 30 seeds, or if one does not vary or is not finite."""
    import numpy as np

    columns = np.array(scores)
    if len(scores) < MANY_SEEDS or not np.isfinite(columns).all() or not columns.std(axis=0).all():
        return None
    return float(np.corrcoef(columns, rowvar=False)[0, 1])
