"""Runs without files, of synthetic records: as many as a trend or a comparison wants. And the stored evidence."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from harness.model import Seconds, Trial
from harness.record.run import AnyRecord, Run, RunEnded, Timed
from reports.stored import stored_run
from tests.reports import synthetic
from tests.reports.synthetic import HEADER, Recorder, experiment, training, trial

START = datetime.datetime(2026, 1, 1, 2, tzinfo=datetime.UTC)
BASELINES = Path(__file__).resolve().parents[2] / "baselines"
Values = Mapping[int, float | None] | Sequence[float | None]


@functools.cache
def evidence(stack: str = "tensorflow-cpu") -> Run:
    """The stored evidence of a stack, without what tests have declared; to be read only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "EXPERIMENTS", {})
        return stored_run(BASELINES, stack)


def finished(*records: AnyRecord, **changes: Any) -> Run:
    """A finished run of these records; ``changes``: of the header."""
    made = Run(Path("run.jsonl"), replace(HEADER, **changes))
    for record in (*records, RunEnded(exit_status=0, seconds=1.0, reported=True)):
        made.add(record)
    return made


def named(day: float) -> dict[str, str]:
    """The id and the start of a run, on a day counted from START."""
    started = START + datetime.timedelta(days=day)
    return {"id": f"{started:%Y-%m-%dT%H-%M-%S-%f}-1", "started": started.isoformat()}


def run(
    day: float,
    values: Mapping[str, Values] | None = None,
    epochs: Mapping[str, float] | None = None,
    timings: Sequence[Timed] = (),
    fingerprint: Mapping[str, Any] | None = None,
    keep: bool = True,
    **changes: Any,
) -> Run:
    """A finished run that trained the variants of one experiment, "e".

    Args:
        day: of its start, counted from START.
        values: by variant, the final accuracies by seed.
        epochs: by variant, the seconds of an epoch.
        timings: of ``-m timing``.
        fingerprint: entries that differ from HEADER's.
        keep: whether it has the trials.
        changes: of the header.
    """
    facts = {**HEADER.fingerprint, **(fingerprint or {})}
    made = finished(*timings, **{**named(day), "fingerprint": facts, **changes})
    made.path = Path(f"{named(day)['id']}.jsonl")
    if values:
        experiment("e", list(values))
    for variant, of in (values or {}).items():
        known = of if isinstance(of, Mapping) else dict(enumerate(of))
        trials = [
            Trial(variant, seed, {"val_accuracy": value}, {}, None, Seconds(3.0)) for seed, value in known.items()
        ]
        if keep and trials:
            made.trials["e", variant] = trials
        seconds, model = Seconds(15.0, 1.9, 0.4, (epochs or {}).get(variant, 0.25)), str(facts["device_model"])
        made.add(training("e", trials, "val_accuracy", seconds=seconds, device_model=model))
    return made


def recorded(folder: Path, day: int, end: float = 0.98, **changes: Any) -> Path:
    """The file of a run with five seeds of one training."""
    made = Recorder(folder, **{**named(day), **changes})
    made.train(experiment("e", ["a"]), [trial("a", seed, end) for seed in range(5)], "val_accuracy")
    return made.end()
