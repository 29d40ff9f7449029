"""Faults of the files of a run: how they are read, written and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from harness.domain.trial import Trial
from harness.record.evidence import Evidence
from harness.record.run import ClaimDecided, TrialDone
from tests.faults.fault import Fault, Patch, held_out, wrapped
from tests.faults.places import Original

GROUP = "files and baselines"
RECORDS, RUN, STORED = "harness.record.run", "harness.record.run:Run", "harness.check.stored:Stored"


def fault(name: str, owner: str, attribute: str, wrapper: Callable[..., Any]) -> Fault:
    return Fault(name, (Patch(owner, attribute, wrapped(wrapper)),), None)


def stored(name: str, of: Callable[[Any], dict[str, Any]]) -> Fault:
    """Evidence is read otherwise than it was written: ``of`` gives the fields of a variant that are changed."""

    def decoded(original: Any, *args: Any) -> Any:
        return with_variants(original(*args), of)

    return fault(f"baselines: {name}", "harness.check.validation", "decode", decoded)


def with_variants(found: Any, of: Callable[[Any], dict[str, Any]]) -> Any:
    """Evidence, each of whose variants has the fields that ``of`` gives; another file as it is."""
    if not isinstance(found, Evidence):
        return found
    variants = {name: msgspec.structs.replace(one, **of(one)) for name, one in found.variants.items()}
    return msgspec.structs.replace(found, variants=variants)


def columns(of: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[[Any], dict[str, Any]]:
    """Each metric's values, one per seed, passed through ``of``."""
    return lambda found: {"metrics": {name: of(column) for name, column in found.metrics.items()}}


def each(of: Callable[[float], float]) -> Callable[[Any], dict[str, Any]]:
    return columns(lambda column: tuple(None if x is None else of(x) for x in column))


def no_metric(found: Any) -> dict[str, Any]:
    return {"metrics": dict(list(found.metrics.items())[:-1])}


def two_trials(found: Any) -> dict[str, Any]:
    sessions = (msgspec.structs.replace(found.sessions[0], seeds=2),)
    return {**columns(lambda column: column[:2])(found), "sessions": sessions}


def with_trial(record: Any, of: Callable[[Trial], dict[str, Any]]) -> Any:
    """A finished trial's record, whose trial has the fields that ``of`` gives; another record as it is."""
    if not isinstance(record, TrialDone):
        return record
    return msgspec.structs.replace(record, trial=msgspec.structs.replace(record.trial, **of(record.trial)))


def written_in_float16(original: Any, record: Any) -> Any:
    """A trial's record has three digits of each metric."""

    def coarse(trial: Trial) -> dict[str, Any]:
        return {"metrics": {k: v and float(f"{v:.3g}") for k, v in trial.metrics.items()}}

    return original(with_trial(record, coarse))


def read_without_divergence(original: Any, line: Any) -> Any:
    return with_trial(original(line), lambda trial: {"divergence": None})


def every_third_lost(original: Any, self: Any, record: Any) -> Any:
    return None if isinstance(record, TrialDone) and record.trial.seed % 3 == 2 else original(self, record)


def expected_of_another(original: Any, self: Any, claim: Any) -> Any:
    """The expected verdict is that of the first claim of the file."""
    from cases import CLAIMS
    from harness.check.stored import file_of

    return original(self, next(one for one in CLAIMS if file_of(one) == file_of(claim)))


def neighbour(original: Any, self: Any, experiment: str, variant: str, *stack: str) -> Any:
    """A variant is compared with the evidence of the one before it."""
    found = self.get(experiment, *stack)
    names = list(found.variants) if found else []
    other = names[max(names.index(variant) - 1, 0)] if variant in names else variant
    return original(self, experiment, other, *stack)


def of_another_backend(original: Original, path: Any) -> Any:
    other = path.parent.parent / "tensorflow-cpu" / path.name
    return original(other if other.exists() else path)


def first_of_a_claim(original: Any, self: Any, record: Any) -> Any:
    return None if isinstance(record, ClaimDecided) and record.key in self.claims else original(self, record)


def null_is_zero(original: Original, *args: Any) -> Any:
    """Of the metrics of stored trials."""

    def metrics(variant: Any) -> dict[str, Any]:
        columns = variant.metrics.items()
        return {"metrics": {name: tuple(0.0 if x is None else x for x in column) for name, column in columns}}

    return with_variants(original(*args), metrics)


FAULTS = (
    stored("three digits are read", each(lambda x: float(f"{x:.3g}"))),
    stored("two digits are read", each(lambda x: float(f"{x:.2g}"))),
    stored("seeds are off by one", columns(lambda column: (*column[1:], column[0]))),
    stored("seeds are mixed up", columns(lambda column: column[::-1])),
    stored("a metric is lost", no_metric),
    stored("numbers are halved", each(lambda x: x / 2)),
    stored("only two trials are read", two_trials),
    stored("the rounding is not read", lambda found: {"steps": 0, "calm": ()}),
    fault("trials are written with three digits", RECORDS, "encode", written_in_float16),
    fault("trials are read without their divergence", RECORDS, "decode", read_without_divergence),
    fault("every third trial is not recorded", "harness.record.run_file:RunFile", "_write", every_third_lost),
    fault("the expected verdict is another claim's", STORED, "expected", expected_of_another),
    fault("no verdict is expected", STORED, "expected", lambda original, self, claim: None),
    held_out("a variant alongside its neighbour's baseline", STORED, "variant", wrapped(neighbour), None),
    held_out("baselines of another backend", "harness.check.evidence", "read", wrapped(of_another_backend), None),
    held_out(
        "of several records of a claim the first counts", f"{RECORDS}:Run", "add", wrapped(first_of_a_claim), None
    ),
    held_out("baselines: null is read as 0", "harness.check.validation", "decode", wrapped(null_is_zero), None),
)
