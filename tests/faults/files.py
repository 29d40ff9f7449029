"""Faults of files: what is read, written and kept of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Fault, Patch, wrapped

TRIAL, LOG = "harness.trial:Trial", "harness.store:RunLog"
STORED = "suite.stored:Stored"


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return Fault(name, "files and baselines", (Patch(owner, attribute, wrapped(wrapper)),), None)


def changed(original: Any, self: Any, of: Callable[[Any], Any], *args: Any) -> Any:
    """A stored baseline, its variants' trials passed through ``of``."""
    baseline = original(self, *args)
    if baseline is None:
        return None
    variants = {name: dataclasses.replace(v, trials=of(v.trials)) for name, v in baseline.variants.items()}
    return dataclasses.replace(baseline, variants=variants)


def stored(name: str, of: Callable[[Any], Any]) -> Fault:
    """Baselines are read otherwise than they were written."""

    def read(original: Any, self: Any, *args: Any) -> Any:
        return changed(original, self, of, *args)

    return fault(f"baselines: {name}", STORED, "get", read)


def rounded(digits: int) -> Callable[[Any], Any]:
    def of(trials: Any) -> Any:
        return tuple(
            dataclasses.replace(
                trial, metrics={k: None if v is None else round(v, digits) for k, v in trial.metrics.items()}
            )
            for trial in trials
        )

    return of


def no_rounding(original: Any, self: Any, *args: Any) -> Any:
    """How far rounding takes a trial is not read."""
    baseline = original(self, *args)
    if baseline is None:
        return None
    variants = {name: dataclasses.replace(v, rounding={}) for name, v in baseline.variants.items()}
    return dataclasses.replace(baseline, variants=variants)


def shifted_seeds(trials: Any) -> Any:
    return tuple(dataclasses.replace(trial, seed=trial.seed + 1) for trial in trials)


def rotated_seeds(trials: Any) -> Any:
    seeds = [trial.seed for trial in trials]
    return tuple(dataclasses.replace(t, seed=s) for t, s in zip(trials, seeds[1:] + seeds[:1], strict=True))


def no_metric(trials: Any) -> Any:
    return tuple(dataclasses.replace(trial, metrics=dict(list(trial.metrics.items())[:-1])) for trial in trials)


def halved(trials: Any) -> Any:
    return tuple(
        dataclasses.replace(trial, metrics={k: v and v * 0.5 for k, v in trial.metrics.items()}) for trial in trials
    )


def loses_last_point(original: Any, self: Any, points: int = 32) -> Any:
    thinned = original(self, points)
    return dataclasses.replace(thinned, history={name: curve[:-1] for name, curve in thinned.history.items()})


def written_in_float16(original: Any, self: Any) -> Any:
    """A trial's record has three digits of each metric."""
    record = original(self)
    return {**record, "metrics": {k: v and float(f"{v:.3g}") for k, v in record["metrics"].items()}}


def read_without_divergence(original: Any, record: Any) -> Any:
    return original({**record, "divergence": None})


def every_third_lost(original: Any, self: Any, kind: str, record: Any) -> Any:
    if kind == "trial" and record.get("seed", 0) % 3 == 2:
        return None
    return original(self, kind, record)


def expected_of_another(original: Any, self: Any, claim: Any, setting: str) -> Any:
    """The expected verdict is that of the first claim of the file."""
    from suite.stored import file_of

    baseline = self.get(file_of(claim), setting)
    return next(iter(baseline.verdicts.values()), None) if baseline else None


def none_expected(original: Any, self: Any, claim: Any, setting: str) -> Any:
    return None


FAULTS = (
    stored("three digits are read", rounded(3)),
    stored("two digits are read", rounded(2)),
    stored("seeds are off by one", shifted_seeds),
    stored("seeds are mixed up", rotated_seeds),
    stored("a metric is lost", no_metric),
    stored("numbers are halved", halved),
    stored("only two trials are read", lambda trials: trials[:2]),
    fault("baselines: the rounding is not read", STORED, "get", no_rounding),
    fault("curves lose their last point", TRIAL, "thinned", loses_last_point),
    fault("trials are written with three digits", TRIAL, "to_json", written_in_float16),
    fault("trials are read without their divergence", TRIAL, "from_json", read_without_divergence),
    fault("every third trial is not recorded", LOG, "append", every_third_lost),
    fault("the expected verdict is another claim's", STORED, "expected", expected_of_another),
    fault("no verdict is expected", STORED, "expected", none_expected),
)
