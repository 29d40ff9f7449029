"""The difference between two groups of trials in one metric, and whether it exceeds chance.

If nothing has changed, our values and the baseline's come from one distribution.

- Equal seeds are compared by Student's t on their differences, which is exact for normal values.
- Other seeds are compared by Welch's t. For groups of different sizes it alone raises up to 1.7 times the alarms it
  should, so the p-value is the larger of Welch's and that of Student's pooled t. Heavier tails raise fewer alarms
  (tests/check/test_judge_rates.py measures it).
- If neither group varies, there is no chance, and the size of the difference alone decides.
- If all pairs have one difference although the values vary, it is a systematic shift, and its size alone decides. This
  needs values without repetitions within a group; otherwise the groups are compared, because in a coarse metric (an
  accuracy over eight points) equal differences happen by chance.
- A group with a single value and no pair is not tested. To judge it by the other group's spread would be a false alarm
  in up to a third of all runs with skewed values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.domain.metric import Metric
from harness.domain.trial import finite
from harness.rules.inference import Estimate, pooled, welch

MIN_SEEDS = 5  # without variance, fewer seeds decide nothing
TINY = 1e-12  # relative to the largest value; smaller differences are rounding

Values = Mapping[int, float | None]
"""By seed: the value, or None for a trial that diverged or is censored."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric, our trials against the baseline's.

    Attributes:
        metric, unit: as in ``Metric``.
        baseline, ours: means over the values compared (geometric for ``scale="log"``); None without a value.
        difference: ours − baseline, of the natural logarithms for ``scale="log"``.
        low, high: its 95 % interval; None without variance, or with too few values.
        p: two-sided p-value of "no difference"; None if ``constant``, or if n is too small for a test.
        n: number of our values compared, or of pairs.
        paired: whether they were compared seed by seed.
        constant: whether chance plays no part: the values are equal on every seed, shifted by one amount on every seed,
            or constant in each group.
        absent, absent_baseline: (k, n): k of n trials diverged or are censored, of ours and of the baseline.
        p_absent: Fisher's exact p-value of "equal shares of absent trials"; None if no trial is absent.
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
        """Whether no trial of one group and all of the other are absent, with at least five seeds in each."""
        (k, n), (j, m) = self.absent, self.absent_baseline
        return min(n, m) >= MIN_SEEDS and ((k, j) == (0, m) or (k, j) == (n, 0))

    def beyond_chance(self, smallest: float, level: float) -> bool:
        """Whether the difference exceeds both ``smallest`` and chance at ``level``, or the share of absent trials did.

        With absent trials there are two tests, so each gets half of ``level``.
        """
        if self.p_absent is not None:
            level /= 2
            if self.absence_flipped or self.p_absent < level:
                return True
        if self.difference is None or abs(self.difference) <= smallest * (1 + 1e-9):
            return False
        return self.n >= MIN_SEEDS if self.constant else self.p is not None and self.p < level


def difference(metric: Metric, ours: Values, baseline: Values) -> MetricDifference:
    """Compares the metric's values, seed by seed or group by group.

    They are compared seed by seed if all our seeds, or at least five, are in the baseline, and at least two pairs have
    both values. Otherwise they are compared group by group, if each group has at least two values. For ``scale="log"``
    a value without a logarithm counts as absent.
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
    """The row with the difference of our values ``x`` and the baseline's ``y``, which are pairs if ``row.paired``."""
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
