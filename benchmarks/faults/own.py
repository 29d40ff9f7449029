"""Faults of our own rules, records and evidence, which a user's run need not see: some test fails with each.

``python -m benchmarks.faults --own`` tries all. A mutation run (``benchmarks.mutants``) tries many more changes, but
none that stands in several places.
"""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.faults.change import New, argument, computed, constant, instead, result, skipped
from benchmarks.faults.fault import Fault, fault, held_out, strengths
from harness.check.evidence import digest_of
from harness.model import Trial
from harness.record.evidence import SCHEMA, EvidenceFile
from harness.record.run import ClaimDecided, TrialDone
from harness.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
TESTS = {
    "cases": ("tests/cases",),
    "harness.check": ("tests/check", "tests/suite/test_stored.py"),
    "harness.claim": ("tests/test_claim.py", "tests/reports"),
    "harness.erratum": ("tests/test_erratum.py", "tests/cases/test_errata.py"),
    "harness.model": ("tests/test_model.py", "tests/check", "tests/reports", "tests/cases/test_metrics.py"),
    "harness.record": ("tests/check", "tests/record"),
    "harness.record.outcomes": ("tests/check",),
    "harness.rules": ("tests/rules",),
}
"""Where the tests of a fault are, by where it is put in; the longest entry counts."""


def tests_of(fault: Fault) -> tuple[str, ...]:
    return TESTS[max((place for place in TESTS if fault.where.startswith(place)), key=len)]


def unseen(fault: Fault) -> str:
    """What the fault's tests print if none fails; "" if one does."""
    plugins = ("-p", "benchmarks.faults.plugin", "-p", "no:randomly", "-p", "no:cacheprovider")
    options = ("-x", "-q", "--no-header", *plugins, "--fault", fault.name)
    command = [sys.executable, "-m", "pytest", *options, *tests_of(fault)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 1 else f"exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-500:]}"


METRIC = ("harness.model:Metric", "value")
LEVEL, ERROR = ("harness.rules.levels:Look", "level"), ("harness.rules.exact:Comparison", "error")
PAIRED, SIDES = (("harness.rules.comparisons", name) for name in ("paired", "sides"))
UNEQUAL, INTERVAL = (("harness.rules.inference:Estimate", name) for name in ("unequal", "interval"))
SCORE = ("harness.rules.pairs", "score")
DIFFERENCE = ("harness.check.difference", "compared")
BEYOND = ("harness.check.difference:Compared", "beyond_chance")
DECODE = ("harness.record.json_file", "decode")
RECORDS = "harness.record.run"
STORED = "harness.check.stored:Stored"


def last_but_one(original: Any, self: Any, history: Any) -> Any:
    """Of a metric that is the last value of a curve."""
    if self.of is not None:
        return original(self, history)
    curve = history.get(self.name)
    return float(curve[-2 if len(curve) > 1 else -1]) if curve else None


def best(original: Any, self: Any, history: Any) -> Any:
    if self.of is not None:
        return original(self, history)
    curve = history.get(self.name)
    return float((max if self.better == "higher" else min)(curve)) if curve else None


def last_finite(original: Any, self: Any, history: Any) -> float | None:
    """The metric of a training that ended in nan or inf is its last number before."""
    numbers = [] if self.of else [value for value in history.get(self.name, ()) if math.isfinite(value)]
    return float(numbers[-1]) if numbers else original(self, history)


def thinned_downwards(curve: Sequence[Any], points: int) -> tuple[Any, ...]:
    """Places rounded down, not to the nearest."""
    if len(curve) <= points:
        return tuple(curve)
    return tuple(curve[index * (len(curve) - 1) // (points - 1)] for index in range(points))


def share_unbounded(count: int, n: int, *level: float) -> tuple[float, float]:
    return count / n - 1e-9, count / n + 1e-9


def swapped(original: Any, sample: Any, a: Any, b: Any, *rest: Any) -> Any:
    return original(sample, b, a, *rest)


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


def failures_dropped(pairs: Any) -> Any:
    kept = tuple(d for d in pairs.differences if math.isfinite(d))
    return dataclasses.replace(pairs, differences=kept or pairs.differences)


def spread_of_n(estimate: Any, values: Any) -> Any:
    n = len(values)
    return dataclasses.replace(estimate, error=estimate.error * math.sqrt((n - 1) / n))


def half_prediction(run: Any) -> Any:
    return dataclasses.replace(run, error=run.error / 2)


def tighter(interval: tuple[float, float]) -> tuple[float, float]:
    """About z for t: an interval that is too short at five seeds."""
    low, high = interval
    middle, half = (low + high) / 2, 0.35 * (high - low)
    return middle - half, middle + half


def undecided_is_supported(decided: Any) -> Any:
    decision, alongside = decided
    if decision.verdict is Verdict.INCONCLUSIVE:
        decision = replace(decision, verdict=Verdict.SUPPORTED)
    return decision, alongside


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


def of_the_mean(largest: Any, comparison: Any) -> float:
    """The mean absolute difference in the place of the largest; shapes that differ still count as infinitely wrong."""
    if not 0.0 < float(largest) < math.inf:
        return float(largest)
    obtained, expected = (np.asarray(side, "float64") for side in (comparison.obtained, comparison.expected))
    with np.errstate(invalid="ignore"):
        return float(np.nanmean(np.abs(obtained - expected)))


def never_below(original: Any, pairs: Any, null: float) -> Any:
    """Of the two tests of ``Equivalent`` the lower one always passes."""
    sides = original(pairs, null)
    return dataclasses.replace(sides, greater=0.0, less=1.0) if null < 0 else sides


def absent_ignored(original: Any, metric: Any, ours: Any, stored: Any) -> Any:
    """Trials that diverged are left out of the comparison."""
    kept = [{seed: v for seed, v in values.items() if v is not None} for values in (ours, stored)]
    return original(metric, *kept)


def strangers(baseline: Any) -> Any:
    """No seed is in both."""
    return {seed + 1_000_000: value for seed, value in baseline.items()}


def not_red(original: Any, state: Any, expected: Any, obtained: Any, red: bool, reason: str) -> Any:
    return original(state, expected, obtained, False, reason)


VERDICTS = {
    "the last value of a curve is the one before": fault(METRIC, last_but_one),
    "the last value of a curve is its best": fault(METRIC, best),
    "late: the turning point is an epoch late": fault(
        ("cases.overfitting.regularization", "turning_epoch"),
        result(lambda epoch, history: min(int(epoch) + 1, len(history["even_val_loss"]) - 1)),
    ),
    **strengths(
        "rules decide at {:g} times their level",
        (10.0, 2.0, 0.1),
        lambda x: fault(LEVEL, result(lambda level: min(level * x, 0.5))),
    ),
    "the sides of a comparison swapped": fault(PAIRED, swapped),
    "margins ignored": fault(SIDES, argument("null", 0.0)),
    "spread with n, not n − 1": fault(("harness.rules.pairs", "mean"), result(spread_of_n)),
    "pairs mixed up": fault(PAIRED, unpaired),
    "pairs with a failed trial dropped": fault(PAIRED, result(failures_dropped)),
    "a share without its bounds": fault(("harness.rules.inference", "clopper_pearson"), instead(share_unbounded)),
    "prediction intervals half as wide": fault(("harness.rules.printed", "one_more"), result(half_prediction)),
    "Student's interval with z": fault(INTERVAL, result(tighter)),
    "undecided is told as supported": fault(("harness.claim:Claim", "decide"), result(undecided_is_supported)),
    **strengths(
        "exact checks: tolerances × {:g}", (1e9, 100.0), lambda x: fault(ERROR, computed(lambda error, _: error / x))
    ),
    **strengths("drift: p-values × {:g}", (1000.0, 0.0), lambda x: fault(UNEQUAL, result(lambda p: min(p * x, 1.0)))),
    "judge: nothing is red": fault(("harness.record.outcomes:TrainingOutcome", "red"), computed(lambda red, _: False)),
    "judge: steps are not compared": fault(("harness.check.judge:Comparison", "_follow"), skipped()),
    "judge: losses have to move by 1 %": fault(("harness.check.judge", "LIMIT"), constant(0.01)),
    "T: half of the resamples are enough": fault(("harness.check.rounding", "SURE"), constant(0.5)),
    "drift: upwards never counts": fault(
        BEYOND, result(lambda beyond, self: beyond and not (self.difference or 0.0) > 0)
    ),
    **strengths(
        "drift: smallest effect × {:g}",
        (100.0, 5.0),
        lambda x: fault(BEYOND, argument("smallest", lambda smallest: smallest * x)),
    ),
    "drift: chance does not count": fault(BEYOND, argument("level", 1.0)),
    "drift: only the first two seeds compared": fault(
        DIFFERENCE, argument("ours", lambda ours: {seed: ours[seed] for seed in sorted(ours)[:2]})
    ),
    "drift: diverged trials left out": fault(DIFFERENCE, absent_ignored),
    "a flipped verdict is not red": fault(("harness.check.claims", "VerdictComparison"), not_red),
} | held_out(
    {
        "a diverged training's metric is its last finite value": fault(METRIC, last_finite),
        "long curves are thinned at other epochs": fault(("harness.model", "thin"), instead(thinned_downwards)),
        "best and monotone look at one pair": fault(
            ("harness.rules.comparisons", "_ordered"), argument("contrasts", lambda contrasts: contrasts[:1])
        ),
        "a conjunction holds if a part does": fault(
            ("harness.rules.combined", "weakest"),
            result(lambda weakest, verdicts: Verdict.SUPPORTED if Verdict.SUPPORTED in verdicts else weakest),
        ),
        "a failed trial is the best": fault(SCORE, result(lambda score: -score if math.isinf(score) else score)),
        "drift: p-values of one side": fault(UNEQUAL, result(lambda p: p / 2)),
        "signed ranks by a normal curve": fault(("harness.rules.inference", "signed_rank"), instead(normal_ranks)),
        "Holm: undecided claims do not count": fault(
            ("harness.rules.combined", "_tested"),
            result(lambda tested, decision: bool(tested) and decision.verdict.decided),
        ),
        # it is taken for the only one
        "the first of several looks decides at the full level": fault(
            (LEVEL, (LEVEL[0], "overall")),
            lambda original, self, number: number if self.index == 0 else original(self, number),
        ),
        "exact checks: the mean error counts, not the largest": fault(ERROR, computed(of_the_mean)),
        "drift: seeds are not paired": fault(DIFFERENCE, argument("stored", strangers)),
        "Equivalent tests its upper margin only": fault(SIDES, never_below),
        "paired rules: logarithms to base 10": fault(
            SCORE, result(lambda score, metric: float(score) / math.log(10) if metric.scale == "log" else float(score))
        ),
        "drift: the last metric decides, not the first": fault(
            ("harness.check.difference", "drifted"), argument("metrics", lambda metrics: tuple(metrics)[::-1])
        ),
        "errata: any error will do": fault(
            ("harness.erratum:Fails", "fault"), result(lambda fault, ran: "" if ran.error is not None else fault)
        ),
    }
)


def decoded(of: Callable[[Any], dict[str, Any]]) -> New:
    """Evidence is read otherwise than it was written: ``of`` gives the fields of a variant that are changed."""

    def make(original: Any) -> Any:
        def decode(*args: Any) -> Any:
            read = original(*args)
            if not isinstance(read, EvidenceFile):
                return read
            variants = {name: replace(variant, **of(variant)) for name, variant in read.variants.items()}
            changed = replace(read, variants=variants, schema=SCHEMA, digest="")
            return replace(changed, digest=digest_of(changed))  # else its digest would tell

        return decode

    return New(make)


def columns(of: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[[Any], dict[str, Any]]:
    """Each metric's values, one per seed, passed through ``of``."""
    return lambda variant: {"metrics": {name: of(column) for name, column in variant.metrics.items()}}


def numbers(of: Callable[[float], float]) -> Callable[[Any], dict[str, Any]]:
    return columns(lambda column: tuple(None if x is None else of(x) for x in column))


def two_trials(variant: Any) -> dict[str, Any]:
    sessions = (replace(variant.sessions[0], seeds=2),)
    return {**columns(lambda column: column[:2])(variant), "sessions": sessions}


def with_trial(of: Callable[[Trial], dict[str, Any]]) -> Callable[[Any], Any]:
    """A finished trial's record gets a trial with the fields that ``of`` gives; another record stays."""

    def changed(record: Any) -> Any:
        if not isinstance(record, TrialDone):
            return record
        return replace(record, trial=replace(record.trial, **of(record.trial)))

    return changed


def three_digits(trial: Trial) -> dict[str, Any]:
    return {"metrics": {k: v and float(f"{v:.3g}") for k, v in trial.metrics.items()}}


def expected_of_the_first(original: Any, self: Any, claim: Any) -> Any:
    """The expected verdict is that of the first claim of the file."""
    from cases import CLAIMS
    from harness.check.stored import file_of

    return original(self, next(other for other in CLAIMS if file_of(other) == file_of(claim)))


def neighbour(original: Any, here: Any, experiment: Any, variant: str, trained: Any, evidence: Any) -> Any:
    """A variant is compared with the evidence of the one before it."""
    names = list(evidence[here.stack].variants) if here.stack in evidence else []
    other = names[max(names.index(variant) - 1, 0)] if variant in names else variant
    return original(here, experiment, other, trained, evidence)


def of_another_backend(original: Any, path: Any) -> Any:
    other = path.parent.parent / "tensorflow-cpu" / path.name
    return original(other if other.exists() else path)


FILES = {
    "baselines: three digits are read": fault(DECODE, decoded(numbers(lambda x: float(f"{x:.3g}")))),
    "baselines: two digits are read": fault(DECODE, decoded(numbers(lambda x: float(f"{x:.2g}")))),
    "baselines: seeds are off by one": fault(DECODE, decoded(columns(lambda column: (*column[1:], column[0])))),
    "baselines: seeds are mixed up": fault(DECODE, decoded(columns(lambda column: column[::-1]))),
    "baselines: a metric is lost": fault(
        DECODE, decoded(lambda variant: {"metrics": dict(list(variant.metrics.items())[:-1])})
    ),
    "baselines: numbers are halved": fault(DECODE, decoded(numbers(lambda x: x / 2))),
    "baselines: only two trials are read": fault(DECODE, decoded(two_trials)),
    "baselines: the rounding is not read": fault(
        DECODE, decoded(lambda variant: {"steps": 0, "calm": (), "states": ()})
    ),
    "trials are written with three digits": fault((RECORDS, "encode"), argument("record", with_trial(three_digits))),
    "trials are read without their divergence": fault(
        (RECORDS, "decode"), result(with_trial(lambda trial: {"divergence": None}))
    ),
    "every third trial is not recorded": fault(
        ("harness.record.run_file:RunFile", "_write"),
        skipped(lambda _, record: isinstance(record, TrialDone) and record.trial.seed % 3 == 2),
    ),
    "the expected verdict is another claim's": fault((STORED, "expected"), expected_of_the_first),
    "no verdict is expected": fault((STORED, "expected"), skipped()),
} | held_out(
    {
        "a variant alongside its neighbour's baseline": fault(("harness.check.judge", "judge"), neighbour),
        "baselines of another backend": fault(("harness.check.evidence", "read"), of_another_backend),
        "of several records of a claim the first counts": fault(
            (f"{RECORDS}:Run", "add"),
            skipped(lambda _, self, record: isinstance(record, ClaimDecided) and record.key in self.claims),
        ),
        "baselines: null is read as 0": fault(
            DECODE, decoded(columns(lambda column: tuple(0.0 if x is None else x for x in column)))
        ),
    }
)
