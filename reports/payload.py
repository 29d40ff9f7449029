"""report.json: the report's interface for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from harness.domain.verdict import Verdict
from harness.record.run import (
    ClaimDecided,
    ErratumChecked,
    ExperimentDeclared,
    PeakMeasured,
    Run,
    RunEnded,
    RunStarted,
    SelfCheck,
    Timed,
    TrainingCompared,
)

SCHEMA = 2


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What report.json holds: records of the run as ``harness.record.run`` documents them, in catalogue order.

    ``msgspec.json.decode(content, type=Report)`` reads it back.

    Attributes:
        schema: of report.json.
        run: how the run was started; its ``fingerprint`` is the environment.
        end: how it ended; None: it was killed.
        partial: whether it was killed or interrupted.
        experiments: what was declared, of those that were trained.
        trainings: one per trained variant.
        claims: one per claim, the p-values adjusted over all of them (Holm).
        after_holm: the verdict of each claim after that adjustment, by its key; none of a report of evidence.
        errata: one per erratum, with its code as it was run.
        self_checks: one per self-check.
        timings, peaks: of a run with ``-m timing``.
        figures: the names of the files in ``figures/``.
    """

    schema: int = SCHEMA
    run: RunStarted
    end: RunEnded | None
    partial: bool
    experiments: tuple[ExperimentDeclared, ...]
    trainings: tuple[TrainingCompared, ...]
    claims: tuple[ClaimDecided, ...]
    after_holm: dict[str, Verdict]
    errata: tuple[ErratumChecked, ...]
    self_checks: tuple[SelfCheck, ...]
    timings: tuple[Timed, ...]
    peaks: tuple[PeakMeasured, ...]
    figures: tuple[str, ...]


def payload(run: Run, holm: Mapping[str, Verdict], figures: Sequence[str] = ()) -> Report:
    """The report of a run in catalogue order, with adjusted p-values and the verdicts ``holm`` after the adjustment."""
    return Report(
        run=run.header,
        end=replace(run.end, reported=True) if run.end else None,
        partial=run.partial,
        experiments=tuple(run.experiments.values()),
        trainings=tuple(run.trainings.values()),
        claims=tuple(run.claims.values()),
        after_holm=dict(holm),
        errata=tuple(run.errata.values()),
        self_checks=tuple(run.self_checks.values()),
        timings=tuple(run.timings.values()),
        peaks=tuple(run.peaks.values()),
        figures=tuple(figures),
    )


def to_json(report: Report) -> bytes:
    """UTF-8 JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
