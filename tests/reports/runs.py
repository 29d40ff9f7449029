"""Runs of synthetic trainings and times, without files: as many as a trend or a comparison wants."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.model import Seconds, Trial
from harness.record.run import Run, RunEnded, Timed
from harness.record.trials import Fingerprint
from tests.reports.synthetic import HEADER, experiment, training

START = datetime.datetime(2026, 1, 1, 2, tzinfo=datetime.UTC)
FINGERPRINT: Fingerprint = HEADER.fingerprint


def trained(variant: str, values: Mapping[int, float | None] | Sequence[float | None]) -> list[Trial]:
    """A trial for each value, by seed."""
    known = values if isinstance(values, Mapping) else dict(enumerate(values))
    return [Trial(variant, seed, {"val_accuracy": value}, {}, None, Seconds(3.0)) for seed, value in known.items()]


def run(
    day: float,
    values: Mapping[str, Mapping[int, float | None] | Sequence[float | None]] | None = None,
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
        fingerprint: entries that differ from FINGERPRINT.
        keep: whether it has the trials.
        changes: of the header.
    """
    started = START + datetime.timedelta(days=day)
    name = f"{started:%Y-%m-%dT%H-%M-%S-%f}-1"
    header = replace(HEADER, id=name, started=started.isoformat(), fingerprint={**FINGERPRINT, **(fingerprint or {})})
    made = Run(Path(f"{name}.jsonl"), replace(header, **changes))
    values = values or {}
    if values:
        experiment("e", list(values))
    for variant, known in values.items():
        trials = trained(variant, known)
        if keep and trials:
            made.trials["e", variant] = trials
        record = training("e", trials, "val_accuracy")
        seconds = Seconds(15.0, 1.9, 0.4, (epochs or {}).get(variant, 0.25))
        made.add(replace(record, seconds=seconds, device_model=str(made.header.fingerprint["device_model"])))
    for one in timings:
        made.add(one)
    made.add(RunEnded(exit_status=0, seconds=1.0, reported=True))
    return made
