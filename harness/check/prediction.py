"""Compares new trials with the stored seeds: one trial by a prediction interval, many trials by their mean.

The interval has heavier tails than Student's, because metrics of trainings have heavy tails. With Student's interval,
runs of twelve seeds against 30 others had a false alarm in 2.9 % where 0.1 % was promised (48 MNIST variants with 100
seeds each, resampled). The interval here is mean ± t·s·√(1 + 1/m) for m stored seeds. s is at least the smallest effect
of interest. t is a quantile of Student's distribution with ``tails`` degrees of freedom, scaled to variance 1.
``tests/check/test_judge_rates.py`` measures the rates.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import msgspec

from harness.check.difference import difference
from harness.domain.metric import Metric
from harness.domain.trial import Trial
from harness.record.outcomes import Interval
from harness.rules.inference import one_more, pooled

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


def interval(stored: Sequence[float | None], metric: Metric, level: float, tails: int) -> Interval | None:
    """The prediction interval of one more seed; None for fewer than two values.

    Args:
        stored: the metric's values. None (a trial that failed or is censored) is left out.
        metric: on a log scale, the interval is that of the logarithms.
        level: two-sided chance that one more seed falls outside.
        tails: degrees of freedom, above 2; at most the number of values − 1.
    """
    import numpy as np

    scaled = [on_scale(value, metric) for value in stored]
    values = np.array([value for value in scaled if value is not None])
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

    - ``harness.check.difference.difference``, seed by seed if a seed has the same random numbers (``paired``). It has
      more power if rounding is small.
    - Student's t for two groups of equal variance. It has more power if rounding makes the trainings of a seed
      independent.
    """
    import numpy as np

    now, then = ({trial.seed: trial.metrics.get(metric.name) for trial in group} for group in (ours, stored))
    row = difference(metric, now if paired else {-seed - 1: value for seed, value in now.items()}, then)
    (k, n), (j, m) = row.absent, row.absent_baseline
    if row.beyond_chance(metric.smallest_effect, level / 2):
        missing = f"; without a value {j} of {m} then, {k} of {n} now" if k or j else ""
        means = "no values" if row.difference is None else f"{row.baseline:.6g} → {row.ours:.6g}"
        chance = "" if row.p is None else f", p = {row.p:.2g}"
        return f"{metric.name} {means} over {n} seeds{' in pairs' if row.paired else ''}{chance}{missing}"
    a, b = (
        np.array([scaled for value in group.values() if (scaled := on_scale(value, metric)) is not None])
        for group in (now, then)
    )
    if min(len(a), len(b)) < 2 or max(np.ptp(a), np.ptp(b)) == 0 or abs(a.mean() - b.mean()) <= metric.smallest_effect:
        return ""
    variances = (float(a.var(ddof=1)), float(b.var(ddof=1)))
    p = pooled(float(a.mean() - b.mean()), variances, (len(a), len(b))).unequal(0.0)
    back = np.exp if metric.scale == "log" else float
    means = f"{back(b.mean()):.6g} → {back(a.mean()):.6g}"
    return f"{metric.name} {means} over {len(a)} seeds against {len(b)}, p = {p:.2g}" if p < level / 2 else ""
