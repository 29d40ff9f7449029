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

If at most SHARE of the trials have a value on each machine, only the shares are compared.
"""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from harness.model import Metric, Trial
from harness.record.outcomes import Interval
from harness.rules.inference import (
    Estimate,
    at_most,
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
class Compared:
    """The values of one metric, ours and the stored ones, on the metric's scale.

    Attributes:
        metric: what was compared.
        ours, stored: the values compared; pairs if ``paired``.
        absent, absent_stored: (k, n): k of n trials diverged or are censored, of ours and of the stored ones.
        difference: of the means, ours − stored; None without a value.
        p: two-sided p-value of "no difference"; None if ``constant``, or with too few values for a test.
        paired: whether they were compared seed by seed.
        constant: whether chance plays no part: the values are equal on every seed, shifted by one amount on every seed,
            or constant in each group.
    """

    metric: Metric
    ours: np.ndarray
    stored: np.ndarray
    absent: tuple[int, int]
    absent_stored: tuple[int, int]
    difference: float | None = None
    p: float | None = None
    paired: bool = False
    constant: bool = False

    @property
    def n(self) -> int:
        """The number of our values compared, or of pairs; without chance, of values in the smaller group."""
        return min(len(self.ours), len(self.stored)) if self.constant else len(self.ours)

    @property
    def p_absent(self) -> float | None:
        """Fisher's exact p-value of "equal shares of absent trials"; None if no trial is absent."""
        from scipy.stats import fisher_exact

        (k, n), (j, m) = self.absent, self.absent_stored
        return float(fisher_exact([[k, n - k], [j, m - j]])[1]) if k or j else None

    @property
    def absence_flipped(self) -> bool:
        """Whether no trial of one group and all of the other are absent, with at least five seeds in each."""
        (k, n), (j, m) = self.absent, self.absent_stored
        return min(n, m) >= MIN_SEEDS and ((k, j) == (0, m) or (k, j) == (n, 0))

    def beyond_chance(self, smallest: float, level: float) -> bool:
        """Whether the difference exceeds both ``smallest`` and chance at ``level``, or the share of absent trials did.

        With absent trials there are two tests, so each gets half of ``level``.
        """
        if (p_absent := self.p_absent) is not None:
            level /= 2
            if self.absence_flipped or p_absent < level:
                return True
        if self.difference is None or abs(self.difference) <= smallest * (1 + 1e-9):
            return False
        return self.n >= MIN_SEEDS if self.constant else self.p is not None and self.p < level

    def __str__(self) -> str:
        (k, n), (j, m) = self.absent, self.absent_stored
        missing = f"; without a value {j} of {m} then, {k} of {n} now" if k or j else ""
        means = "no values" if self.difference is None else _means(self.metric, self.ours, self.stored)
        chance = "" if self.p is None else f", p = {self.p:.2g}"
        return f"{self.metric.name} {means} over {n} seeds{' in pairs' if self.paired else ''}{chance}{missing}"


def compared(metric: Metric, ours: Values, stored: Values) -> Compared:
    """Compares the metric's values, seed by seed or group by group.

    They are compared seed by seed if all our seeds, or at least five, are stored, and at least two pairs have both
    values. Otherwise they are compared group by group, if each group has at least two values. For ``scale="log"`` a
    value without a logarithm counts as absent.
    """
    import numpy as np

    common = ours.keys() & stored.keys()
    matched = bool(common) and (common == ours.keys() or len(common) >= MIN_SEEDS)
    if matched:
        ours, stored = ({seed: values[seed] for seed in sorted(common)} for values in (ours, stored))
    a, b = _present(metric, ours), _present(metric, stored)
    both = sorted(a.keys() & b.keys()) if matched else []
    paired = len(both) >= 2
    x, y = (np.array([known[seed] for seed in both] if paired else [*known.values()]) for known in (a, b))
    row = Compared(metric, x, y, (len(ours) - len(a), len(ours)), (len(stored) - len(b), len(stored)))
    if not len(x) or not len(y):
        return row
    estimate, tiny = float(x.mean() - y.mean()), TINY * max(np.abs(x).max(), np.abs(y).max())
    if paired:
        pairs = x - y
        if float(np.abs(pairs).max()) <= tiny:
            return replace(row, difference=0.0, paired=True, constant=True)
        if np.ptp(pairs) > tiny:
            p = student(pairs).unequal(0.0)
            return replace(row, difference=estimate, p=p, paired=True)
        if len(pairs) >= MIN_SEEDS and len(set(x)) == len(set(y)) == len(x):
            return replace(row, difference=estimate, paired=True, constant=True)
    several = min(len(x), len(y)) > 1
    if several and max(np.ptp(x), np.ptp(y)) <= tiny:
        moved = 0.0 if np.ptp([*x, *y]) <= tiny else estimate
        return replace(row, difference=moved, paired=paired, constant=True)
    either = max(_by_groups(test, x, y).unequal(0.0) for test in (welch, pooled)) if several else None
    return replace(row, difference=estimate, p=either)


def _present(metric: Metric, values: Values) -> dict[int, float]:
    """The values that there are, by seed and on the metric's scale."""
    return {seed: x for seed, value in values.items() if (x := on_scale(value, metric)) is not None}


def on_scale(value: float | None, metric: Metric) -> float | None:
    """The value, or its logarithm for ``scale="log"``; None if there is none."""
    if value is None or (metric.scale == "log" and value <= 0):
        return None
    return math.log(value) if metric.scale == "log" else value


def _by_groups(test: Callable[..., Estimate], x: np.ndarray, y: np.ndarray) -> Estimate:
    """The difference of the means by ``welch`` or ``pooled``, of two values or more in each group."""
    variances = (float(x.var(ddof=1)), float(y.var(ddof=1)))
    return test(float(x.mean() - y.mean()), variances, (len(x), len(y)))


def _means(metric: Metric, ours: np.ndarray, stored: np.ndarray) -> str:
    """The means, stored and ours; geometric for ``scale="log"``."""
    then, now = (float(math.exp(of.mean()) if metric.scale == "log" else of.mean()) for of in (stored, ours))
    return f"{then:.6g} → {now:.6g}"


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
    low, high = replace(seed, error=unit * seed.error, df=freedom).interval(level / 2)
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
    return msgspec.structs.replace(trial, metrics={metric: geometric_mean(trial.history.get(curve, ()))})


def geometric_mean(curve: Sequence[float | None]) -> float | None:
    """The geometric mean; None if a value is missing or not positive."""
    if not curve or any(value is None or not value > 0 for value in curve):
        return None
    return math.exp(math.fsum(math.log(value) for value in curve if value) / len(curve))


def drift(ours: Sequence[Trial], stored: Sequence[Trial], metric: Metric, level: float, paired: bool) -> str:
    """Describes how the mean, or the share of trials without a value, moved; "" if neither moved.

    A mean has moved if it differs by more than the smallest effect of interest and by more than chance. Two tests share
    the level:

    - ``compared``, seed by seed if a seed has the same random numbers (``paired``). It has more power if rounding is
      small.
    - Student's t for two groups of equal variance. It has more power if rounding makes the trainings of a seed
      independent.
    """
    now, then = ({trial.seed: trial.metrics.get(metric.name) for trial in group} for group in (ours, stored))
    row = compared(metric, now if paired else {-seed - 1: value for seed, value in now.items()}, then)
    if row.beyond_chance(metric.smallest_effect, level / 2):
        return str(row)
    return of_equal_variance(metric, now, then, level / 2)


def of_equal_variance(metric: Metric, ours: Values, stored: Values, level: float) -> str:
    """Describes how the mean moved by Student's t of two groups of equal variance; "" if it did not."""
    import numpy as np

    a, b = (np.array([*_present(metric, values).values()]) for values in (ours, stored))
    if min(len(a), len(b)) < 2 or max(np.ptp(a), np.ptp(b)) == 0 or abs(a.mean() - b.mean()) <= metric.smallest_effect:
        return ""
    p = _by_groups(pooled, a, b).unequal(0.0)
    means = _means(metric, a, b)
    return f"{metric.name} {means} over {len(a)} seeds against {len(b)}, p = {p:.2g}" if p < level else ""


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
        means, counts: of the first and the second machine.
        absent: the numbers of trials without a value.
    """

    verdict: Agreement
    difference: float | None
    low: float | None
    high: float | None
    means: tuple[float | None, float | None]
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
    x, y = (np.array([*values.values()], "float64") for values in (a, b))
    common = sorted(a.keys() & b.keys())
    decision: tuple[Agreement, float, float] | None = None
    if min(len(x), len(y)) >= MIN_SEEDS:
        estimates = [_by_groups(welch, y, x)]
        if len(common) >= MIN_SEEDS:
            estimates.append(student(np.array([b[seed] - a[seed] for seed in common])))
        # two ways, each wrong at half of the level, in either direction
        intervals = [estimate.interval(level / 2) for estimate in estimates]
        judged = [(_judged(*ends, metric.smallest_effect), *ends) for ends in intervals]
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
        means=(float(x.mean()) if len(x) else None, float(y.mean()) if len(y) else None),
        counts=(len(first), len(second)),
        absent=absent,
    )


def _judged(low: float, high: float, margin: float) -> Agreement:
    if -margin < low and high < margin:
        return Agreement.EQUIVALENT
    return Agreement.DIFFERENT if low > margin or high < -margin else Agreement.UNDECIDED


def _shares(absent: tuple[int, int], counts: tuple[int, int]) -> Agreement:
    if not any(absent) or all(k == n for k, n in zip(absent, counts, strict=True)):
        return Agreement.EQUIVALENT
    return _judged(*newcombe(absent, counts), SHARE)


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
