"""The size of a fault: what it does to the primary metric of its yardstick, in standard deviations over seeds."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any

from suite.catalogue import EXPERIMENTS, TRAININGS
from tests.faults.fault import Fault, injected
from tests.faults.run import stored

LEVEL = 0.01 / len(TRAININGS)
"""At which a variant of a whole run is red."""
POWER = 0.8
MOST = 10_000


@dataclass(frozen=True)
class Effect:
    """``difference``: mean, faulty less stored, seed by seed; ``in_sd``: over the stored trials' deviation over seeds;
    ``deviation``: of the differences; ``failed``: trials that diverged with the fault and not without, or the reverse.
    """

    experiment: str
    variant: str
    metric: str
    before: float | None
    after: float | None
    difference: float | None
    in_sd: float | None
    deviation: float | None
    failed: int
    seeds: int

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "needed": self.needed}

    @property
    def needed(self) -> int | None:
        """Seeds at which the differences, were they normal, are red in a whole run with 80 % power; None: too many."""
        if not self.difference or not self.deviation:
            return None
        return seeds_needed(abs(self.difference) / self.deviation)


def seeds_needed(size: float) -> int | None:
    """Pairs that show a mean of ``size`` standard deviations of the differences at LEVEL; None above MOST."""
    from scipy.special import nctdtr, stdtrit

    def enough(n: int) -> bool:
        return 1 - float(nctdtr(n - 1, size * math.sqrt(n), stdtrit(n - 1, 1 - LEVEL / 2))) >= POWER

    if size * math.sqrt(MOST) < 6:  # quantile of the level and of the power, both as of a normal variable
        return None
    low, high = 3, MOST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) or size * math.sqrt(middle) > 36 else (middle + 1, high)
    return low


def effect_of(fault: Fault, backend: str) -> Effect | None:
    """Trains the yardstick with the fault; None for a fault that touches no training."""
    if fault.yardstick is None:
        return None
    from harness.training.train import train

    experiment, variant = fault.yardstick
    declared, before = EXPERIMENTS[experiment], stored(backend, experiment)[variant]
    with injected(fault):
        after = train(declared, variant, [trial.seed for trial in before], "quick")
    metric = declared.metrics[0]
    of = math.log if metric.scale == "log" else float
    pairs = [(t.metrics[metric.name], u.metrics[metric.name]) for t, u in zip(before, after, strict=True)]
    failed = sum((x is None) != (y is None) for x, y in pairs)
    kept = [(of(x), of(y)) for x, y in pairs if x is not None and y is not None]
    if len(kept) < 2:
        return Effect(experiment, variant, metric.name, None, None, None, None, None, failed, len(pairs))
    x, y = zip(*kept, strict=True)
    differences = [b - a for a, b in kept]
    spread = statistics.stdev(x)
    mean = statistics.mean(differences)
    return Effect(
        experiment,
        variant,
        metric.name,
        statistics.mean(x),
        statistics.mean(y),
        mean,
        mean / spread if spread else None,
        statistics.stdev(differences),
        failed,
        len(pairs),
    )
