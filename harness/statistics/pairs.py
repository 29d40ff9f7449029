"""Two variants, seed by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from harness.domain.metric import Metric
from harness.statistics.inference import Estimate, mean
from harness.statistics.levels import MANY_SEEDS, PLAIN
from harness.statistics.looks import ONLY, Look
from harness.statistics.rule import Sample
from harness.statistics.seeds import UnusableError, by_seed, listed, noise, score

if TYPE_CHECKING:
    import numpy as np

Failures = Literal["guard", "report", "decide", "count"]
"""What failed trainings (nan, inf, blow-up, stuck at chance) do to a comparison of two variants.

The comparison has two results: the mean of the seeds whose trainings succeeded in both variants, and the share of seeds
that failed, of which an exact sign test on the seeds where one failed alone decides (McNemar 1947).

- "guard": the mean decides, but not for the variant that fails more often (at the level of the claim). With fewer than
  five seeds trained in both there is no mean, and the share of failures decides.
- "report": the mean decides, whatever the share of failures; that is reported.
- "decide": the share of failures decides; the mean is reported.
- "count": every trial counts with its metric, which is defined while training fails (the growth of a loss); a failed
  trial without a value counts as the worst, in a rank test.

A censored metric (None although training went well: the target was never reached) is no failure. Its order is known, so
it counts as the worst value of the metric, in an exact rank test.
"""


@dataclass(frozen=True)
class Pairs:
    """Differences a − b, one per seed that counts, on the metric's scale (of logarithms for ``scale="log"``).

    Attributes:
        b: the other variant; of one sample the constant that is subtracted, empty where it changes nothing.
        differences: ±inf where one of the two is censored (or 0 on a log scale), nan where both are.
        noise: the size below which differences are float32 rounding.
        correlation: Pearson's, of the two variants over seeds; None below 30 seeds, or where one does not vary.
        look, level: the look, and the one-sided error rate over all looks.
        failures: see ``Failures``.
        seeds: number of seeds, failed ones included.
        failed: number of seeds on which a, and b, failed.
        alone: number of seeds on which a failed and b did not, and the reverse.
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

    @property
    def censored(self) -> int:
        """Number of pairs in which at least one value is censored."""
        return sum(not math.isfinite(d) for d in self.differences)

    @property
    def constant(self) -> bool:
        """True where all differences are finite and equal up to float32 rounding."""
        if self.censored or not self.differences:
            return False
        if self.n == 1 or max(self.differences) - min(self.differences) <= self.noise:
            return True
        return float(self.values.std()) == 0  # squares of denormal differences are 0

    @cached_property
    def mean(self) -> Estimate:
        """The mean difference with its error; for two or more finite differences that are not constant."""
        return mean(self.values)


def paired(sample: Sample, a: str, b: str, name: str, failures: Failures = "guard") -> Pairs:
    """Pairs variants ``a`` and ``b`` strictly by seed; UnusableError where a seed lacks a partner."""
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
        correlation=_correlation(scores),
        look=sample.look,
        level=sample.levels.one_sided,
        failures=failures,
        seeds=len(left),
        failed=(sum(x for x, _ in lost), sum(y for _, y in lost)),
        alone=(sum(x and not y for x, y in lost), sum(y and not x for x, y in lost)),
    )


def _correlation(scores: list[tuple[float, float]]) -> float | None:
    import numpy as np

    columns = np.array(scores)
    if len(scores) < MANY_SEEDS or not np.isfinite(columns).all() or not columns.std(axis=0).all():
        return None
    return float(np.corrcoef(columns, rowvar=False)[0, 1])
