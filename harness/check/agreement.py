"""Whether two machines give the same distribution of a metric, by tests of equivalence.

The means of two groups of seeds are equivalent if they differ by less than the metric's smallest effect of interest.
Two one-sided tests decide (Schuirmann 1987). They are made in two ways, each at half of LEVEL (Bonferroni); one of them
is enough:

- group against group: Welch's t on all seeds of both machines;
- seed by seed: Student's t on the differences of the common seeds. Its interval is much narrower if a seed gives nearly
  the same training on both machines.

The tests assume means that are about normal, which tens of seeds give.

A trial that diverged or never reached its target has no value. The shares of such trials have to be equivalent too, in
one of two ways, each at half of LEVEL:

- the interval of the difference of the two shares (Newcombe 1998, method 10) is within ±SHARE;
- the share of common seeds with a value on one machine only is below SHARE (Wilson's upper bound). The difference of
  the two shares cannot exceed it.

If at most SHARE of the trials have a value on each machine, only the shares are compared.

The ratio of the two standard deviations is reported with its interval (F distribution, for normal values). It decides
nothing.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.domain.metric import Metric
from harness.rules.inference import Estimate, deviation_ratio, newcombe, student, welch, wilson

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.05
SHARE = 0.05
"""The largest difference of two shares of seeds without a value that does not matter."""
FEWEST = 5
"""Fewer values decide nothing."""

Values = Mapping[int, float | None]
"""By seed; None where a trial has no value."""


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
    """Compares the metric's values of two machines. Fewer than FEWEST values on either machine decide nothing.

    ``level``: of the comparison of the means; that of the shares is always LEVEL.
    """
    import numpy as np

    a, b = _present(metric, first), _present(metric, second)
    absent = (len(first) - len(a), len(second) - len(b))
    shares = _shares(absent, (len(first), len(second)))
    both = sorted(first.keys() & second.keys())
    if shares is Agreement.UNDECIDED and len(both) >= FEWEST:
        unlike = sum((seed in a) != (seed in b) for seed in both)
        if wilson(unlike, len(both))[1] < SHARE:
            shares = Agreement.EQUIVALENT
    x, y = (np.array(list(values.values()), "float64") for values in (a, b))
    common = sorted(a.keys() & b.keys())
    found: tuple[Agreement, float, float, bool] | None = None
    if min(len(x), len(y)) >= FEWEST:
        estimates = [(_welch(x, y), False)]
        if len(common) >= FEWEST:
            estimates.append((student(np.array([b[seed] - a[seed] for seed in common])), True))
        # two ways, each wrong at half of the level, in either direction
        intervals = [(estimate.interval(level / 2), paired) for estimate, paired in estimates]
        judged = [(_judged(*ends, metric.smallest_effect), *ends, paired) for ends, paired in intervals]
        decided = [one for one in judged if one[0] is not Agreement.UNDECIDED]
        found = min(decided or judged, key=lambda one: one[2] - one[1])
    nothing = all(len(known) <= SHARE * len(values) for known, values in ((a, first), (b, second)))
    means = Agreement.EQUIVALENT if nothing else found[0] if found else Agreement.UNDECIDED
    order = (Agreement.EQUIVALENT, Agreement.UNDECIDED, Agreement.DIFFERENT)
    return Agreed(
        verdict=max(means, shares, key=order.index),
        difference=float(y.mean() - x.mean()) if len(x) and len(y) else None,
        low=found[1] if found else None,
        high=found[2] if found else None,
        paired=found[3] if found else False,
        ratio=_ratio(x, y),
        means=(_mean(x), _mean(y)),
        deviations=(_deviation(x), _deviation(y)),
        counts=(len(first), len(second)),
        absent=absent,
    )


def _present(metric: Metric, values: Values) -> dict[int, float]:
    known = {seed: value for seed, value in values.items() if value is not None}
    if metric.scale == "log":
        return {seed: math.log(value) for seed, value in known.items() if value > 0}
    return known


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
    if min(len(x), len(y)) < FEWEST or x.min() == x.max() or y.min() == y.max():
        return None
    deviations = (float(x.std(ddof=1)), float(y.std(ddof=1)))
    return deviations[1] / deviations[0], *deviation_ratio(deviations, (len(x), len(y)), 0.025)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _deviation(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
