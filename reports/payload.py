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
    Run,
    RunEnded,
    RunStarted,
    Timed,
    TrainingCompared,
)

SCHEMA = 2


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of report.json: the records of ``harness.record.run``, in catalogue order.

    ``msgspec.json.decode(content, type=Report)`` reads it back.

    Attributes:
        schema: version of report.json.
        run: how the run was started; its ``fingerprint`` describes the environment.
        end: how the run ended; None if it was killed.
        partial: whether the run was killed or interrupted.
        experiments: the declarations of the experiments that were trained.
        trainings: one per trained variant.
        claims: one per claim, with p-values adjusted over all claims (Holm).
        after_holm: each claim's verdict after the adjustment, by claim key.
        errata: one per erratum, with the code that was run.
        self_checks: one per self-check.
        timings: from a run with ``-m timing``.
        figures: names of the files in ``figures/``.
        files: paths of all files that the report wrote besides report.json, relative to its folder.
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
    self_checks: tuple[ClaimDecided, ...]
    timings: tuple[Timed, ...]
    figures: tuple[str, ...]
    files: tuple[str, ...] = ()


def payload(run: Run, holm: Mapping[str, Verdict], files: Sequence[str] = ()) -> Report:
    """The content of report.json.

    Args:
        run: the run, with adjusted p-values.
        holm: verdicts after the adjustment, by key.
        files: the paths of the files that the report wrote.
    """
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
        figures=tuple(name.partition("/")[2] for name in files if name.startswith("figures/")),
        files=tuple(files),
    )


def to_json(report: Report) -> bytes:
    """The report as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
