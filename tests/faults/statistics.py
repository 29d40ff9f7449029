"""Faults of the judgement: rules, intervals, drift, expected verdicts, errata."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from tests.faults.fault import Fault, Patch, held_out, instead, value, wrapped
from tests.faults.places import RULES, Original

GROUP = "verdicts and statistics"
JUDGE, PREDICTION, ROUNDING = "harness.check.judge", "harness.check.difference", "harness.check.rounding"
DIFFERENCE, VERDICTS = "harness.check.difference", "harness.check.verdicts"
COMPARISON, OUTCOME = f"{RULES}.exact:Comparison", "harness.record.outcomes:TrainingOutcome"


def fault(name: str, *patches: Patch) -> Fault:
    return Fault(name, patches, None)


def around(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return fault(name, Patch(owner, attribute, wrapped(wrapper)))


def level(factor: float) -> Fault:
    """Rules decide at another level."""
    change = wrapped(lambda original, self, rate: min(original(self, rate) * factor, 0.5))
    return fault(f"rules decide at {factor:g} times their level", Patch(f"{RULES}.levels:Look", "level", change))


def swapped(original: Any, sample: Any, a: Any, b: Any, *rest: Any) -> Any:
    return original(sample, b, a, *rest)


def margin_ignored(original: Any, pairs: Any, null: float) -> Any:
    return original(pairs, 0.0)


def unpaired(original: Any, sample: Any, a: Any, b: Any, name: str, *rest: Any) -> Any:
    """The pairs are mixed up: one side is sorted."""
    pairs = original(sample, a, b, name, *rest)
    left, right = (
        [t.metrics[name] for known in side for t in sample.trials[known] if t.metrics.get(name) is not None]
        for side in (a, b)
    )
    left.sort()
    if any(pairs.failed) or pairs.metric.scale == "log" or len(left) != len(right):
        return pairs
    return dataclasses.replace(pairs, differences=tuple(x - y for x, y in zip(left, right, strict=True)))


def failures_dropped(original: Any, sample: Any, a: Any, b: Any, name: str, *rest: Any) -> Any:
    pairs = original(sample, a, b, name, *rest)
    kept = tuple(d for d in pairs.differences if math.isfinite(d))
    return dataclasses.replace(pairs, differences=kept or pairs.differences)


def plain_share(original: Any, count: int, n: int) -> Any:
    return count / n - 1e-9, count / n + 1e-9


def inconclusive_is_supported(original: Any, self: Any, *args: Any, **how: Any) -> Any:
    from harness.domain.verdict import Verdict

    decision, alongside = original(self, *args, **how)
    if decision.verdict is Verdict.INCONCLUSIVE:
        decision = msgspec.structs.replace(decision, verdict=Verdict.SUPPORTED)
    return decision, alongside


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


def first_pair_only(original: Any, evidence: Any, contrasts: Any, *rest: Any) -> Any:
    """Best and Monotone look at their first comparison only."""
    return original(evidence, contrasts[:1], *rest)


def any_part(original: Any, verdicts: Any) -> Any:
    """A conjunction is as strong as its strongest part."""
    from harness.domain.verdict import Verdict

    return Verdict.SUPPORTED if Verdict.SUPPORTED in verdicts else original(verdicts)


def higher_is_better(original: Any, trial: Any, metric: Any) -> Any:
    """A failed trial counts as the best value of its metric."""
    found = original(trial, metric)
    return -found if found in (float("inf"), float("-inf")) else found


def one_sided(original: Any, self: Any, null: float) -> float:
    return original(self, null) / 2


def normal_ranks(differences: list[float], noise: float = 0.0) -> tuple[float, float]:
    """The signed-rank test by its normal approximation, however few the pairs."""
    from scipy.special import ndtr
    from scipy.stats import rankdata

    told = [d for d in differences if abs(d) > noise]
    n = len(told)
    if not n:
        return 1.0, 1.0
    positive = float(rankdata(np.abs(told))[np.array(told) > 0].sum())
    z = (positive - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return float(ndtr(-z)), float(ndtr(z))


def decided_only(original: Original, decision: Any) -> bool:
    return bool(original(decision)) and decision.verdict.decided


def first_look_in_full(original: Original, self: Any, number: float) -> float:
    """The first of several looks is taken for the only one."""
    return number if self.index == 0 else original(self, number)


def of_the_mean(original: Any) -> property:
    """The mean absolute difference in the place of the largest; shapes that differ still count as infinitely wrong."""

    def error(self: Any) -> float:
        largest = float(original.fget(self))
        if not 0.0 < largest < math.inf:
            return largest
        obtained, expected = (np.asarray(side, "float64") for side in (self.obtained, self.expected))
        with np.errstate(invalid="ignore"):
            return float(np.nanmean(np.abs(obtained - expected)))

    return property(error)


def strangers(original: Original, metric: Any, ours: Any, baseline: Any) -> Any:
    """No seed is in both."""
    return original(metric, ours, {seed + 1_000_000: value for seed, value in baseline.items()})


def never_below(original: Original, pairs: Any, null: float) -> Any:
    """Of the two tests of ``Equivalent`` the lower one always passes."""
    from harness.rules.pairs import Sides

    found = original(pairs, null)
    return Sides(0.0, 1.0, found.method) if null < 0 else found


def decimal_score(original: Original, trial: Any, metric: Any) -> float:
    found = float(original(trial, metric))
    return found / math.log(10) if metric.scale == "log" else found


def the_last_metric(original: Any) -> property:
    return property(lambda self: self.experiment.metrics[-1])


def any_error(original: Original, self: Any, ran: Any) -> Any:
    return "" if ran.error is not None else original(self, ran)


FAULTS = (
    *map(level, (10.0, 2.0, 0.1)),
    around("the sides of a comparison swapped", f"{RULES}.comparisons", "paired", swapped),
    around("margins ignored", f"{RULES}.comparisons", "sides", margin_ignored),
    around("spread with n, not n − 1", f"{RULES}.pairs", "mean", spread_of_n),
    around("pairs mixed up", f"{RULES}.comparisons", "paired", unpaired),
    around("pairs with a failed trial dropped", f"{RULES}.comparisons", "paired", failures_dropped),
    around("a share without its bounds", f"{RULES}.inference", "clopper_pearson", plain_share),
    around("prediction intervals half as wide", f"{RULES}.printed", "predict", half_prediction),
    around("Student's interval with z", f"{RULES}.inference:Estimate", "interval", tighter),
    around("undecided is told as supported", "harness.domain.claim:Claim", "decide", inconclusive_is_supported),
    *map(tolerance_times, (1e9, 100.0)),
    *map(scaled_p, (1000.0, 0.0)),
    fault(
        "judge: nothing is red",
        Patch(OUTCOME, "red", value(property(lambda self: False))),
    ),
    fault("judge: steps are not compared", Patch(JUDGE, "_first_moved", instead(lambda then, now, feature: None))),
    fault("judge: losses have to move by 1 %", Patch(JUDGE, "LIMIT", value(0.01))),
    fault("T: half of the resamples are enough", Patch(ROUNDING, "SURE", value(0.5))),
    around("drift: upwards never counts", f"{DIFFERENCE}:MetricDifference", "beyond_chance", only_worse),
    *map(smallest_times, (100.0, 5.0)),
    around("drift: chance does not count", f"{DIFFERENCE}:MetricDifference", "beyond_chance", no_level),
    around("drift: only the first two seeds compared", PREDICTION, "difference", first_seeds_only),
    around("drift: diverged trials left out", PREDICTION, "difference", absent_ignored),
    around("a flipped verdict is not red", VERDICTS, "VerdictComparison", no_flip),
    held_out("best and monotone look at one pair", f"{RULES}.orders", "all_exceed", wrapped(first_pair_only), None),
    held_out("a conjunction holds if a part does", f"{RULES}.combined", "weakest", wrapped(any_part), None),
    held_out("a failed trial is the best", f"{RULES}.pairs", "score", wrapped(higher_is_better), None),
    held_out("drift: p-values of one side", f"{RULES}.inference:Estimate", "unequal", wrapped(one_sided), None),
    held_out("signed ranks by a normal curve", f"{RULES}.inference", "signed_rank", instead(normal_ranks), None),
    held_out("Holm: undecided claims do not count", f"{RULES}.combined", "_tested", wrapped(decided_only), None),
    Fault(
        "the first of several looks decides at the full level",
        (
            Patch(f"{RULES}.levels:Look", "level", wrapped(first_look_in_full)),
            Patch(f"{RULES}.levels:Look", "overall", wrapped(first_look_in_full)),
        ),
        None,
        held_out=True,
    ),
    held_out(
        "exact checks: the mean error counts, not the largest",
        f"{RULES}.exact:Comparison",
        "error",
        of_the_mean,
        None,
    ),
    held_out("drift: seeds are not paired", "harness.check.difference", "difference", wrapped(strangers), None),
    held_out("Equivalent tests its upper margin only", f"{RULES}.comparisons", "sides", wrapped(never_below), None),
    held_out("paired rules: logarithms to base 10", f"{RULES}.pairs", "score", wrapped(decimal_score), None),
    Fault(
        "drift: the last metric decides, not the first",
        (Patch("harness.check.judge:Comparison", "_primary", the_last_metric),),
        None,
        held_out=True,
    ),
    held_out("errata: any error will do", "harness.domain.erratum:Fails", "fault", wrapped(any_error), None),
)
