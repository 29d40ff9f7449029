"""Predicts one more run of a variant from the runs we have."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.rules.inference import one_more, t_tail
from harness.rules.levels import PLAIN
from harness.rules.looks import ONLY, Look


@dataclass(frozen=True)
class Prediction:
    """The prediction interval of one new run, and the two-sided p-value of "the figure is a new run"."""

    low: float
    high: float
    p: float

    def contains(self, figure: float, rounding: float) -> bool:
        """Whether a number that rounds to ``figure`` lies in the interval."""
        return self.low - rounding <= figure <= self.high + rounding


def predict(
    values: list[float], figure: float, rounding: float, level: float = PLAIN.prediction, look: Look = ONLY
) -> Prediction:
    """The interval mean ± t·s·√(1 + 1/n) with n − 1 degrees of freedom (Whitmore 1986), for normal runs.

    ``level`` is the two-sided chance that a new run falls outside. The p-value is that of the number nearest to the
    mean among those that round to the figure. With several looks, interval and p-value are those of the whole design.
    They err less often than allowed, because the figure is the same at each look.
    """
    import numpy as np

    run = one_more(np.array(values))
    distance = max(0.0, abs(figure - run.value) - rounding)
    p = 2 * look.overall(t_tail(run.df, distance / run.error))
    return Prediction(*run.interval(look.level(level / 2)), min(1.0, p))


def discrete(values: list[float], noise: float) -> bool:
    """Whether at least half of the runs have one value, up to ``noise`` (float32 rounding).

    Their spread then does not predict another run, and a normal interval refutes too often.
    """
    import numpy as np

    ordered = np.sort(values)
    half = math.ceil(len(values) / 2)
    within = ordered[half - 1 :] - ordered[: len(values) - half + 1] <= noise
    return bool(within.any()) or float(ordered.std()) == 0


def rank_p(values: list[float], figure: float, rounding: float) -> float:
    """Two-sided p-value of "``figure`` is one more run", by its rank: 2·(1 + runs as far out)/(n + 1), at most 1.

    Assumes only that runs are exchangeable. Values may be infinite (censored runs). It reaches 1 % from n = 199 on.
    """
    above = sum(value >= figure - rounding for value in values)
    below = sum(value <= figure + rounding for value in values)
    return min(1.0, 2 * (1 + min(above, below)) / (len(values) + 1))


def percentile(values: list[float], figure: float, rounding: float) -> float:
    """The figure's percentile among the runs, 0 to 100: the runs below it, and half of those that round to it."""
    below = sum(value < figure - rounding for value in values)
    equal = sum(abs(value - figure) <= rounding for value in values)
    return 100 * (below + equal / 2) / len(values)
