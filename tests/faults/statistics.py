"""Faults of what judges: rules, intervals, drift, expected verdicts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, instead, value, wrapped

RULES = "harness.statistics"
JUDGE, PREDICTION, ROUNDING = "baselines.judge", "baselines.prediction", "baselines.rounding"
DIFFERENCE, VERDICTS = "baselines.difference", "baselines.verdicts"
COMPARISON = "harness.statistics.exact:Comparison"


def fault(name: str, *patches: Patch) -> Fault:
    return Fault(name, "verdicts and statistics", patches, None)


def around(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return fault(name, Patch(owner, attribute, wrapped(wrapper)))


def level(factor: float) -> Fault:
    """Rules decide at another level."""
    change = wrapped(lambda original, self, rate: min(original(self, rate) * factor, 0.5))
    return fault(f"rules decide at {factor:g} times their level", Patch(f"{RULES}.looks:Look", "level", change))


def swapped(original: Any, sample: Any, a: str, b: str, metric: str) -> Any:
    return original(sample, b, a, metric)


def margin_ignored(original: Any, pairs: Any, null: float) -> Any:
    return original(pairs, 0.0)


def unpaired(original: Any, sample: Any, a: str, b: str, name: str) -> Any:
    """The pairs are mixed up: one side is sorted."""
    pairs = original(sample, a, b, name)
    left = sorted(t.metrics[name] for t in sample.trials[a] if t.metrics.get(name) is not None)
    right = [t.metrics[name] for t in sample.trials[b] if t.metrics.get(name) is not None]
    if pairs.failed or pairs.metric.scale == "log" or len(left) != len(right):
        return pairs
    return dataclasses.replace(pairs, differences=tuple(x - y for x, y in zip(left, right, strict=True)))


def failures_dropped(original: Any, sample: Any, a: str, b: str, name: str) -> Any:
    pairs = original(sample, a, b, name)
    kept = tuple(d for d in pairs.differences if math.isfinite(d))
    return dataclasses.replace(pairs, differences=kept or pairs.differences)


def plain_share(original: Any, count: int, n: int) -> Any:
    return count / n - 1e-9, count / n + 1e-9


def inconclusive_is_supported(original: Any, self: Any, trials: Any) -> Any:
    from harness.domain.verdict import Verdict

    decision, beside = original(self, trials)
    if decision.verdict is Verdict.INCONCLUSIVE:
        decision = dataclasses.replace(decision, verdict=Verdict.SUPPORTED)
    return decision, beside


def tolerance_times(factor: float) -> Fault:
    def error(original: Any) -> Any:
        return property(lambda self: original.fget(self) / factor)

    return fault(f"exact checks: tolerances × {factor:g}", Patch(COMPARISON, "error", error))


def scaled_p(factor: float) -> Fault:
    change = wrapped(lambda original, *args: min(original(*args) * factor, 1.0))
    return fault(f"drift: p-values × {factor:g}", Patch(f"{RULES}.inference:Estimate", "unequal", change))


def only_worse(original: Any, self: Any, smallest: float, level: float) -> Any:
    """A higher number never counts as drift."""
    return original(self, smallest, level) and not (self.difference or 0.0) > 0


def smallest_times(factor: float) -> Fault:
    def beyond(original: Any, self: Any, smallest: float, level: float) -> Any:
        return original(self, smallest * factor, level)

    name = f"drift: smallest effect × {factor:g}"
    return fault(name, Patch(f"{DIFFERENCE}:MetricDifference", "beyond_chance", wrapped(beyond)))


def no_level(original: Any, self: Any, smallest: float, level: float) -> Any:
    """Every difference beyond the smallest effect counts, by chance or not."""
    return original(self, smallest, 1.0)


def no_flip(original: Any, state: Any, expected: Any, obtained: Any, red: bool, reason: str) -> Any:
    return original(state, expected, obtained, False, reason)


def first_seeds_only(original: Any, metric: Any, ours: Any, stored: Any) -> Any:
    few = sorted(ours)[:2]
    return original(metric, {seed: ours[seed] for seed in few}, stored)


def absent_ignored(original: Any, metric: Any, ours: Any, stored: Any) -> Any:
    """Trials that diverged are left out of the comparison."""
    kept = [{seed: v for seed, v in values.items() if v is not None} for values in (ours, stored)]
    return original(metric, *kept)


def spread_of_n(original: Any, values: Any) -> Any:
    found, n = original(values), len(values)
    return dataclasses.replace(found, error=found.error * math.sqrt((n - 1) / n))


def tighter(original: Any, self: Any, level: float) -> tuple[float, float]:
    """About z for t: an interval that is too short at five seeds."""
    low, high = original(self, level)
    middle, half = (low + high) / 2, 0.35 * (high - low)
    return middle - half, middle + half


def half_prediction(original: Any, *args: Any) -> Any:
    found = original(*args)
    middle, half = (found.low + found.high) / 2, (found.high - found.low) / 4
    return dataclasses.replace(found, low=middle - half, high=middle + half)


FAULTS = (
    *map(level, (10.0, 2.0, 0.1)),
    around("the sides of a comparison swapped", f"{RULES}.exceeds", "comparable", swapped),
    around("margins ignored", f"{RULES}.exceeds", "sides", margin_ignored),
    around("margins of Equivalent ignored", f"{RULES}.equivalent", "sides", margin_ignored),
    around("spread with n, not n − 1", f"{RULES}.pairs", "mean", spread_of_n),
    around("pairs mixed up", f"{RULES}.pairwise", "paired", unpaired),
    around("pairs with a failed trial dropped", f"{RULES}.pairwise", "paired", failures_dropped),
    around("a share without its bounds", f"{RULES}.inference", "clopper_pearson", plain_share),
    around("prediction intervals half as wide", f"{RULES}.reproduces", "predict", half_prediction),
    around("Student's interval with z", f"{RULES}.inference:Estimate", "interval", tighter),
    around("undecided is told as supported", "harness.domain.claim:Claim", "decide", inconclusive_is_supported),
    *map(tolerance_times, (1e9, 100.0)),
    *map(scaled_p, (1000.0, 0.0)),
    fault("judge: nothing is red", Patch(f"{JUDGE}:Outcome", "red", value(property(lambda self: False)))),
    fault("judge: steps are not compared", Patch(JUDGE, "_first_moved", instead(lambda then, now, feature: None))),
    fault("judge: losses have to move by 1 %", Patch(JUDGE, "LIMIT", value(0.01))),
    fault("T: half of the resamples are enough", Patch(ROUNDING, "SURE", value(0.5))),
    around("drift: upwards never counts", f"{DIFFERENCE}:MetricDifference", "beyond_chance", only_worse),
    *map(smallest_times, (100.0, 5.0)),
    around("drift: chance does not count", f"{DIFFERENCE}:MetricDifference", "beyond_chance", no_level),
    around("drift: only the first two seeds compared", PREDICTION, "difference", first_seeds_only),
    around("drift: diverged trials left out", PREDICTION, "difference", absent_ignored),
    around("a flipped verdict is not red", VERDICTS, "VerdictComparison", no_flip),
)
