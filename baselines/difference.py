"""The difference between two groups of trials in one metric, and whether it is more than the seeds explain.

Nothing having changed, our values and the baseline's come from one distribution. Equal seeds are compared by Student's
t on their differences, which is exact for normal values. Fresh seeds are compared by Welch's t; because that alone
raises up to 1.7 times the alarms it should where the groups differ in size, its p-value is never taken below that of
Student's pooled t. Heavier tails raise fewer alarms, not more: tests/baselines/test_judge_rates.py measures it.

Without variance on both sides chance has no part, and size alone decides. A side with a single value and no pair is
not tested: judging it by the other side's spread is a false alarm in up to a third of all runs of skewed values. Pairs
whose differences are all one while the values vary are a systematic shift, and size alone decides, where no value of a
side occurs twice; else they are compared group by group: in a coarse metric (an accuracy over eight points) equal
differences happen by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.domain.metric import Metric
from harness.domain.trial import finite
from harness.statistics.inference import Estimate, pooled, welch

MIN_SEEDS = 5  # fewer never decide without a variance to compare with
TINY = 1e-12  # of the largest value; below it, values differ by the rounding of floats

Values = Mapping[int, float | None]
"""One number per seed; None where the trial diverged or is censored."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric, our trials against the baseline's.

    Attributes:
        metric, unit: as in ``Metric``.
        baseline, ours: means over the values compared; geometric means for ``scale="log"``. None without a value.
        difference: ours − baseline, of the natural logarithms for ``scale="log"``.
        low, high: its 95 % interval; None where there is no variance or too few values.
        p: two-sided p-value of "no difference"; None where ``constant``, or where n is too small for any test.
        n: our values compared (pairs, where ``paired``).
        paired: compared seed by seed.
        constant: equal on every seed, shifted by one amount on every seed, or no variance on either side: no chance is
            involved.
        absent, absent_baseline: diverged or censored (our, their), each "k of n" as a pair (k, n).
        p_absent: Fisher's exact p-value that both shares are one; None where no trial is absent.
    """

    metric: str
    unit: str
    baseline: float | None
    ours: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    paired: bool = False
    constant: bool = False
    absent: tuple[int, int] = (0, 0)
    absent_baseline: tuple[int, int] = (0, 0)
    p_absent: float | None = None

    @property
    def absence_flipped(self) -> bool:
        """None of one side and all of the other diverged or is censored, over at least five seeds each."""
        (k, n), (j, m) = self.absent, self.absent_baseline
        return min(n, m) >= MIN_SEEDS and ((k, j) == (0, m) or (k, j) == (n, 0))

    def beyond_chance(self, smallest: float, level: float) -> bool:
        """Whether the difference exceeds ``smallest`` (practical size) and chance at ``level``, or an absence did.

        Where a trial is absent there are two chances of a false alarm, so each test gets half of ``level``.
        """
        if self.p_absent is not None:
            level /= 2
            if self.absence_flipped or self.p_absent < level:
                return True
        if self.difference is None or abs(self.difference) <= smallest * (1 + 1e-9):
            return False
        return self.n >= MIN_SEEDS if self.constant else self.p is not None and self.p < level


def difference(metric: Metric, ours: Values, baseline: Values) -> MetricDifference:
    """Compares the metric's values by seed.

    Seed by seed where all our seeds are in the baseline, or at least five are, and two pairs or more have both values;
    else group by group, where both sides have two values or more. A value without a logarithm counts as absent for
    ``scale="log"``.
    """
    common = ours.keys() & baseline.keys()
    matched = bool(common) and (common == ours.keys() or len(common) >= MIN_SEEDS)
    if matched:
        ours, baseline = ({seed: values[seed] for seed in sorted(common)} for values in (ours, baseline))
    a, b = _present(metric, ours), _present(metric, baseline)
    absent, absent_baseline = (len(ours) - len(a), len(ours)), (len(baseline) - len(b), len(baseline))
    pairs = sorted(a.keys() & b.keys()) if matched else []
    paired = len(pairs) >= 2
    x, y = ([v[seed] for seed in pairs] if paired else list(v.values()) for v in (a, b))
    back = math.exp if metric.scale == "log" else float
    row = MetricDifference(
        metric.name,
        metric.unit,
        baseline=back(_mean(y)) if y else None,
        ours=back(_mean(x)) if x else None,
        n=len(x),
        paired=paired,
        absent=absent,
        absent_baseline=absent_baseline,
        p_absent=_fisher(absent, absent_baseline) if absent[0] or absent_baseline[0] else None,
    )
    return _tested(row, x, y) if x and y else row


def _tested(row: MetricDifference, x: list[float], y: list[float]) -> MetricDifference:
    """The row with the difference of our values ``x`` and the baseline's ``y``, in pairs where ``row.paired``."""
    scale = max(map(abs, (*x, *y))) or 1.0  # keeps squares of huge and tiny losses within a float's range
    x, y = [value / scale for value in x], [value / scale for value in y]
    estimate = _mean(x) - _mean(y)
    pairs = [u - v for u, v in zip(x, y, strict=True)] if row.paired else []
    unmoved = bool(pairs) and max(map(abs, pairs)) <= TINY
    if unmoved or (len(x) > 1 < len(y) and _constant(x) and _constant(y)):
        moved = 0.0 if unmoved or _constant([*x, *y]) else estimate * scale
        return replace(row, difference=finite(moved), n=min(len(x), len(y)), constant=True)
    if len(pairs) >= MIN_SEEDS and _constant(pairs) and len(set(x)) == len(set(y)) == len(x):
        return replace(row, difference=finite(estimate * scale), constant=True)
    if pairs and not _constant(pairs):
        found = Estimate(estimate, math.sqrt(_variance(pairs) / len(pairs)), len(pairs) - 1)
        p = found.unequal(0.0)
    elif len(x) > 1 < len(y):
        row = replace(row, paired=False)
        groups = (estimate, (_variance(x), _variance(y)), (len(x), len(y)))
        found = welch(*groups)
        p = max(found.unequal(0.0), pooled(*groups).unequal(0.0))
    else:
        return replace(row, difference=finite(estimate * scale))
    low, high = (finite(bound * scale) for bound in found.interval(0.025))
    return replace(row, difference=finite(estimate * scale), low=low, high=high, p=p)


def _present(metric: Metric, values: Values) -> dict[int, float]:
    if metric.scale == "log":
        return {seed: math.log(value) for seed, value in values.items() if value is not None and value > 0}
    return {seed: value for seed, value in values.items() if value is not None}


def _constant(values: list[float]) -> bool:
    return max(values) - min(values) <= TINY


def _mean(values: list[float]) -> float:
    return math.fsum(value / len(values) for value in values)


def _variance(values: list[float]) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _fisher(a: tuple[int, int], b: tuple[int, int]) -> float:
    from scipy.stats import fisher_exact

    (k, n), (j, m) = a, b
    return float(fisher_exact([[k, n - k], [j, m - j]])[1])
