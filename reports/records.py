"""A run's record, checked and cleaned: what the rest of the report may rely on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SuiteError, invalid
from harness.store import Run, read_run
from reports.shapes import SHAPES, faults


def load(path: Path) -> Run:
    """The run of a file, see ``checked``; SuiteError where the file holds none."""
    try:
        run = read_run(path)
    except (KeyError, TypeError) as error:
        raise invalid(f"run record {path}", expected="experiments with an id", received=repr(error)) from error
    return checked(run)


def checked(run: Run) -> Run:
    """The run with every record of the expected shape and None in place of NaN and inf; SuiteError otherwise.

    Everything comes in lecture order where it says its ``order`` in the catalogue, else as it was recorded: of several
    workers, or of a run that was resumed, that order says nothing.
    """
    path = run.path
    run = dataclasses.replace(
        run,
        header=_clean(run.header),
        experiments=_clean(run.experiments),
        trainings=tuple(_clean(list(run.trainings))),
        claims=tuple(_clean(list(run.claims))),
        end=_clean(run.end),
        timings=tuple(_clean(list(run.timings))),
        peaks=tuple(_clean(list(run.peaks))),
        errata=tuple(_clean(list(run.errata))),
        conformance=tuple(_clean(list(run.conformance))),
    )
    kinds = (
        ("run", [run.header]),
        ("experiment", run.experiments.values()),
        ("training", run.trainings),
        ("claim", run.claims),
        ("erratum", run.errata),
        ("conformance", run.conformance),
        ("timing", run.timings),
        ("peak", run.peaks),
        ("end", [run.end] if run.end else []),
    )
    for kind, records in kinds:
        for record in records:
            for where, expected, received in faults(record, SHAPES[kind], ""):
                raise SuiteError(
                    f"Invalid record of kind {kind!r} in {path}. Expected: {expected} at {where or 'its top'}. "
                    f"Received: {received}. Run `pytest suite/` again to record a new run."
                )
    used = {key for key, _ in run.trials} | {training["experiment"] for training in run.trainings}
    for name in sorted(used - set(run.experiments)):
        expected = f"a record of kind 'experiment' with the id {name!r}"
        raise invalid(f"run record {path}", expected=expected, received="none")
    claims, errata = (tuple(sorted(records, key=_order)) for records in (run.claims, run.errata))
    experiments = dict(sorted(run.experiments.items(), key=lambda item: _order(item[1])))
    places = {(name, variant): at for at, (name, variant) in enumerate(_declared(experiments))}
    trainings = sorted(run.trainings, key=lambda t: places.get((t["experiment"], t["variant"]), math.inf))
    return dataclasses.replace(run, claims=claims, errata=errata, experiments=experiments, trainings=tuple(trainings))


def _declared(experiments: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Every variant, in the order of the catalogue."""
    for name, experiment in experiments.items():
        yield from ((name, variant) for variant in experiment["variants"])


def _order(record: Mapping[str, Any]) -> float:
    order = record.get("order")
    return order if isinstance(order, int | float) else math.inf


def _clean(value: Any) -> Any:
    """The same with None for each number that is not finite, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):  # a path that is no UTF-8 has lone surrogates, which no file can hold
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
