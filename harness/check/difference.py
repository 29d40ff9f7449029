"""Statistics of two groups of trials: whether a metric moved, and whether two machines are equivalent.

*Moved.* If nothing has changed, our values and the stored ones come from one distribution.

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

*One more seed.* A single trial is compared with the prediction interval mean ± t·s·√(1 + 1/m) of m stored seeds. s is
at least the smallest effect of interest. t is a quantile of Student's distribution with ``tails`` degrees of freedom,
scaled to variance 1, because metrics of trainings have heavy tails: with Student's own interval, runs of twelve seeds
against 30 others had a false alarm in 2.9 % where 0.1 % was promised (48 MNIST variants of 100 seeds, resampled).

*Equivalent.* The means of two groups are equivalent if they differ by less than the smallest effect of interest. Two
one-sided tests decide (Schuirmann 1987), in two ways, each at half of LEVEL (Bonferroni); one of them is enough:

- group against group: Welch's t on all seeds of both machines;
- seed by seed: Student's t on the differences of the common seeds. Its interval is much narrower if a seed gives nearly
  the same training on both machines.

A trial that diverged or never reached its target has no value. The shares of such trials have to be equivalent too, in
one of two ways, each at half of LEVEL:

- the interval of the difference of the two shares (Newcombe 1998, method 10) is within ±SHARE;
- the share of common seeds with a value on one machine only is below SHARE (Wilson's upper bound). The difference of
  the two shares cannot exceed it.

If at most SHARE of the trials have a value on each machine, only the shares are compared. The ratio of the two standard
deviations is reported with its interval (F distribution, for normal values). It decides nothing.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from harness.domain.model import Metric, Trial, finite
from harness.record.outcomes import Interval
from harness.rules.inference import (
    Estimate,
    at_most,
    deviation_ratio,
    newcombe,
    one_more,
    pooled,
    student,
    t_quantile,
    welch,
    wilson,
)

if TYPE_CHECKING:
    import numpy as np

MIN_SEEDS = 5
"""Fewer values prove no equivalence, and decide nothing where chance plays no part."""
TINY = 1e-12
"""Relative to the largest value; smaller differences are rounding."""
ANCHOR_TAILS = 5
"""Degrees of freedom for the few anchors of a run."""
OUTLIER_TAILS = 3
"""Degrees of freedom for the hundreds of seeds of a run to the end, which reach further into the tails."""
ANCHORS = 0.001
"""Chance that some anchor of a run is a false alarm."""
OUTLIERS = 0.003
"""Chance that some seed of a run to the end is a false alarm."""
DRIFTS = 0.005
"""Chance that some mean or share of failures of a run to the end is a false alarm. The primary metrics have half."""
SAME_CURVE = 0.001
"""Relative difference up to which a loss curve has not moved, on average over its epochs."""
LEVEL = 0.05
"""The chance that a test of equivalence errs."""
SHARE = 0.05
"""The largest difference of two shares of seeds without a value that does not matter."""
CONFIDENCE = 0.95

Values = Mapping[int, float | None]
"""By seed: the value, or None for a trial that diverged or is censored."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric, our trials against the stored ones.

    Attributes:
        stored, ours: means over the values compared (geometric for ``scale="log"``); None without a value.
        difference: ours − stored, of the natural logarithms for ``scale="log"``.
        p: two-sided p-value of "no difference"; None if ``constant``, or if n is too small for a test.
        n: number of our values compared, or of pairs.
        paired: whether they were compared seed by seed.
        constant: whether chance plays no part: the values are equal on every seed, shifted by one amount on every seed,
            or constant in each group.
        absent, absent_stored: (k, n): k of n trials diverged or are censored, of ours and of the stored ones.
        p_absent: Fisher's exact p-value of "equal shares of absent trials"; None if no trial is absent.
    """

    stored: float | None
    ours: float | None
    difference: float | None = None
    p: float | None = None
    n: int = 0
    paired: bool = False
    constant: bool = False
    absent: tuple[int, int] = (0, 0)
    absent_stored: tuple[int, int] = (0, 0)
    p_absent: float | None = None

    @property
    def absence_flipped(self) -> bool:
        """Whether no trial of one group and all of the other are absent, with at least five seeds in each."""
        (k, n), (j, m) = self.absent, self.absent_stored
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


def difference(metric: Metric, ours: Values, stored: Values) -> MetricDifference:
    """Compares the metric's values, seed by seed or group by group.

    They are compared seed by seed if all our seeds, or at least five, are stored, and at least two pairs have both
    values. Otherwise they are compared group by group, if each group has at least two values. For ``scale="log"`` a
    value without a logarithm counts as absent.
    """
    common = ours.keys() & stored.keys()
    matched = bool(common) and (common == ours.keys() or len(common) >= MIN_SEEDS)
    if matched:
        ours, stored = ({seed: values[seed] for seed in sorted(common)} for values in (ours, stored))
    a, b = _present(metric, ours), _present(metric, stored)
    absent, absent_stored = (len(ours) - len(a), len(ours)), (len(stored) - len(b), len(stored))
    pairs = sorted(a.keys() & b.keys()) if matched else []
    paired = len(pairs) >= 2
    x, y = ([v[seed] for seed in pairs] if paired else list(v.values()) for v in (a, b))
    back = math.exp if metric.scale == "log" else float
    row = MetricDifference(
        stored=back(_mean(y)) if y else None,
        ours=back(_mean(x)) if x else None,
        n=len(x),
        paired=paired,
        absent=absent,
        absent_stored=absent_stored,
        p_absent=_fisher(absent, absent_stored) if absent[0] or absent_stored[0] else None,
    )
    return _tested(row, x, y) if x and y else row


def _tested(row: MetricDifference, x: list[float], y: list[float]) -> MetricDifference:
    """The row with the difference of our values ``x`` and the stored ``y``, which are pairs if ``row.paired``."""
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
        p = Estimate(estimate, math.sqrt(_variance(pairs) / len(pairs)), len(pairs) - 1).unequal(0.0)
    elif len(x) > 1 < len(y):
        row = replace(row, paired=False)
        groups = (estimate, (_variance(x), _variance(y)), (len(x), len(y)))
        p = max(welch(*groups).unequal(0.0), pooled(*groups).unequal(0.0))
    else:
        p = None
    return replace(row, difference=finite(estimate * scale), p=p)


def _present(metric: Metric, values: Values) -> dict[int, float]:
    """The values that there are, by seed and on the metric's scale."""
    return {seed: x for seed, value in values.items() if (x := on_scale(value, metric)) is not None}


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


def interval(stored: Sequence[float | None], metric: Metric, level: float, tails: int) -> Interval | None:
    """The prediction interval of one more seed; None for fewer than two values.

    Args:
        stored: the metric's values. None (a trial that failed or is censored) is left out.
        metric: on a log scale, the interval is that of the logarithms.
        level: two-sided chance that one more seed falls outside.
        tails: degrees of freedom, above 2; at most the number of values − 1.
    """
    import numpy as np

    values = np.array([x for value in stored if (x := on_scale(value, metric)) is not None])
    if len(values) < 2:
        return None
    seed = one_more(values, least=metric.smallest_effect)
    freedom = min(tails, len(values) - 1)
    unit = math.sqrt((freedom - 2) / freedom) if freedom > 2 else 1.0
    low, high = dataclasses.replace(seed, error=unit * seed.error, df=freedom).interval(level / 2)
    if metric.scale == "log":
        low, high = (float(np.exp(np.clip(bound, -745, 709))) for bound in (low, high))
    return Interval(low, high, len(values))


def drifted(
    ours: Sequence[Trial], stored: Sequence[Trial], metrics: Sequence[Metric], level: float, paired: bool
) -> str:
    """Describes the first metric or loss curve that moved (``drift``); "" for none.

    The primary metric has half of the level. The other metrics and the loss curves share the rest. A loss curve is
    compared by its geometric mean over the epochs, with the stored trials that have it.
    """
    primary, *others = metrics
    if moved := drift(ours, stored, primary, level / 2, paired):
        return moved
    known = [trial for trial in stored if trial.history]
    curves = [name for name in (known[0].history if known else ()) if name.endswith("loss")]
    each = level / 2 / max(1, len(others) + len(curves))
    for metric in others:
        if moved := drift(ours, stored, metric, each, paired):
            return moved
    for name in curves:
        metric = Metric(f"{name}, mean of all epochs", "lower", "ratio", SAME_CURVE, scale="log")
        now, then = ([_with_mean(trial, name, metric.name) for trial in group] for group in (ours, known))
        if moved := drift(now, then, metric, each, paired):
            return moved
    return ""


def _with_mean(trial: Trial, curve: str, metric: str) -> Trial:
    """The trial with one metric: the mean of a curve over the epochs."""
    return msgspec.structs.replace(trial, metrics={metric: _mean_of(trial.history.get(curve, ()))})


def _mean_of(curve: Sequence[float | None]) -> float | None:
    """The geometric mean; None if a value is missing or not positive."""
    if not curve or any(value is None or not value > 0 for value in curve):
        return None
    return math.exp(math.fsum(math.log(value) for value in curve if value) / len(curve))


def on_scale(value: float | None, metric: Metric) -> float | None:
    """The value, or its logarithm for ``scale="log"``; None if there is none."""
    if value is None or (metric.scale == "log" and value <= 0):
        return None
    return math.log(value) if metric.scale == "log" else value


def drift(ours: Sequence[Trial], stored: Sequence[Trial], metric: Metric, level: float, paired: bool) -> str:
    """Describes how the mean, or the share of trials without a value, moved; "" if neither moved.

    A mean has moved if it differs by more than the smallest effect of interest and by more than chance. Two tests share
    the level:

    - ``difference``, seed by seed if a seed has the same random numbers (``paired``). It has
      more power if rounding is small.
    - Student's t for two groups of equal variance. It has more power if rounding makes the trainings of a seed
      independent.
    """
    import numpy as np

    now, then = ({trial.seed: trial.metrics.get(metric.name) for trial in group} for group in (ours, stored))
    row = difference(metric, now if paired else {-seed - 1: value for seed, value in now.items()}, then)
    (k, n), (j, m) = row.absent, row.absent_stored
    if row.beyond_chance(metric.smallest_effect, level / 2):
        missing = f"; without a value {j} of {m} then, {k} of {n} now" if k or j else ""
        means = "no values" if row.difference is None else f"{row.stored:.6g} → {row.ours:.6g}"
        chance = "" if row.p is None else f", p = {row.p:.2g}"
        return f"{metric.name} {means} over {n} seeds{' in pairs' if row.paired else ''}{chance}{missing}"
    a, b = (np.array(list(_present(metric, group).values())) for group in (now, then))
    if min(len(a), len(b)) < 2 or max(np.ptp(a), np.ptp(b)) == 0 or abs(a.mean() - b.mean()) <= metric.smallest_effect:
        return ""
    variances = (float(a.var(ddof=1)), float(b.var(ddof=1)))
    p = pooled(float(a.mean() - b.mean()), variances, (len(a), len(b))).unequal(0.0)
    back = np.exp if metric.scale == "log" else float
    means = f"{back(b.mean()):.6g} → {back(a.mean()):.6g}"
    return f"{metric.name} {means} over {len(a)} seeds against {len(b)}, p = {p:.2g}" if p < level / 2 else ""


class Agreement(enum.StrEnum):
    """EQUIVALENT and DIFFERENT are proven. UNDECIDED: neither is proven by these seeds."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Agreed:
    """One metric on two machines.

    Attributes:
        verdict: the worse of the verdicts on the means and on the shares.
        difference: of the means, second − first (of natural logarithms for ``scale="log"``).
        low, high: the interval of the difference that decided, at the confidence 1 − level.
        paired: whether that interval compares seed by seed.
        ratio: of the standard deviations, second / first, with its 95 % interval; None without variance.
        means, deviations, counts: of the first and the second machine.
        absent: the numbers of trials without a value.
    """

    verdict: Agreement
    difference: float | None
    low: float | None
    high: float | None
    paired: bool
    ratio: tuple[float, float, float] | None
    means: tuple[float | None, float | None]
    deviations: tuple[float | None, float | None]
    counts: tuple[int, int]
    absent: tuple[int, int]


def agreement(metric: Metric, first: Values, second: Values, level: float = LEVEL) -> Agreed:
    """Compares the metric's values of two machines. Fewer than MIN_SEEDS values on either machine decide nothing.

    ``level``: of the comparison of the means; that of the shares is always LEVEL.
    """
    import numpy as np

    a, b = _present(metric, first), _present(metric, second)
    absent = (len(first) - len(a), len(second) - len(b))
    shares = _shares(absent, (len(first), len(second)))
    both = sorted(first.keys() & second.keys())
    if shares is Agreement.UNDECIDED and len(both) >= MIN_SEEDS:
        unlike = sum((seed in a) != (seed in b) for seed in both)
        if wilson(unlike, len(both))[1] < SHARE:
            shares = Agreement.EQUIVALENT
    x, y = (np.array(list(values.values()), "float64") for values in (a, b))
    common = sorted(a.keys() & b.keys())
    decision: tuple[Agreement, float, float, bool] | None = None
    if min(len(x), len(y)) >= MIN_SEEDS:
        estimates = [(_welch(x, y), False)]
        if len(common) >= MIN_SEEDS:
            estimates.append((student(np.array([b[seed] - a[seed] for seed in common])), True))
        # two ways, each wrong at half of the level, in either direction
        intervals = [(estimate.interval(level / 2), paired) for estimate, paired in estimates]
        judged = [(_judged(*ends, metric.smallest_effect), *ends, paired) for ends, paired in intervals]
        decided = [each for each in judged if each[0] is not Agreement.UNDECIDED]
        decision = min(decided or judged, key=lambda each: each[2] - each[1])
    nothing = all(len(known) <= SHARE * len(values) for known, values in ((a, first), (b, second)))
    means = Agreement.EQUIVALENT if nothing else decision[0] if decision else Agreement.UNDECIDED
    order = (Agreement.EQUIVALENT, Agreement.UNDECIDED, Agreement.DIFFERENT)
    return Agreed(
        verdict=max(means, shares, key=order.index),
        difference=float(y.mean() - x.mean()) if len(x) and len(y) else None,
        low=decision[1] if decision else None,
        high=decision[2] if decision else None,
        paired=decision[3] if decision else False,
        ratio=_ratio(x, y),
        means=(_average(x), _average(y)),
        deviations=(_deviation(x), _deviation(y)),
        counts=(len(first), len(second)),
        absent=absent,
    )


def _judged(low: float, high: float, margin: float) -> Agreement:
    if -margin < low and high < margin:
        return Agreement.EQUIVALENT
    return Agreement.DIFFERENT if low > margin or high < -margin else Agreement.UNDECIDED


def _welch(x: np.ndarray, y: np.ndarray) -> Estimate:
    variances = (float(x.var(ddof=1)), float(y.var(ddof=1)))
    return welch(float(y.mean() - x.mean()), variances, (len(x), len(y)))


def _shares(absent: tuple[int, int], counts: tuple[int, int]) -> Agreement:
    if not any(absent) or all(k == n for k, n in zip(absent, counts, strict=True)):
        return Agreement.EQUIVALENT
    return _judged(*newcombe(absent, counts), SHARE)


def _ratio(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float] | None:
    if min(len(x), len(y)) < MIN_SEEDS or x.min() == x.max() or y.min() == y.max():
        return None
    deviations = (float(x.std(ddof=1)), float(y.std(ddof=1)))
    return deviations[1] / deviations[0], *deviation_ratio(deviations, (len(x), len(y)), 0.025)


def _average(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _deviation(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def is_significant(difference: float, residuals: Sequence[float], n_reference: int, alpha: float) -> bool:
    """Whether one value is further from the median of ``n_reference`` others than chance explains at ``alpha``.

    By Student's t on ``residuals``, the deviations of single values; never with fewer than three. The variance of a
    median of m values is theirs · π/2m. Values that repeat bit for bit have no chance: any other value is significant.
    """
    if len(residuals) < 3:
        return False
    error = statistics.stdev(residuals) * math.sqrt(1 + math.pi / (2 * n_reference))
    return abs(difference) > t_quantile(len(residuals) - 1, alpha / 2) * error


@dataclass(frozen=True)
class MedianRatio:
    """The median of a ratio over cases.

    Attributes:
        ratio: the median.
        low, high: its 95 % interval, of order statistics (the inverted sign test: it assumes independent cases and no
            distribution); None with fewer than six cases.
        cases: number of cases.
    """

    ratio: float
    low: float | None
    high: float | None
    cases: int

    @classmethod
    def of(cls, ratios: Sequence[float]) -> MedianRatio:
        """The median of the ratios of at least one case."""
        ordered, n = sorted(ratios), len(ratios)
        rank = 0  # the interval reaches from the rank-th smallest to the rank-th largest
        while rank < n // 2 and at_most(rank, n, 0.5) <= (1 - CONFIDENCE) / 2:
            rank += 1
        low, high = (ordered[rank - 1], ordered[-rank]) if rank else (None, None)
        return cls(statistics.median(ordered), low, high, n)
