"""report.json: the report's interface for programs, versioned by ``schema``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.store import Run

SCHEMA = 2


def payload(run: Run, figures: Sequence[str] = ()) -> dict[str, Any]:
    """The whole report as plain types.

    ``run``: the run's header (``fingerprint`` is the environment), its ``end`` (None: it was killed) and ``partial``;
    ``claims``: their records, with ``here`` (what the evidence says, and how much of it this machine confirms) and, of
    a run whose header has ``auto``, ``seeds`` (taken, most, saved, looks, why);
    ``timings``: one record per trained variant; ``errata``: one per erratum, with its code as it was run;
    ``conformance``: one per check, with what is ``wrong``; ``figures``: the names of the files in ``figures/``;
    ``timing_runs``: of a run with -m timing, a record per engine and piece of work (``cases``) and the machine's
    matrix-product peaks (``peaks``).
    """
    header = _without_kind(run.header)
    header.pop("schema", None)
    return {
        "schema": SCHEMA,
        "run": {**header, "end": _end(run.end) if run.end else None, "partial": is_partial(run)},
        "claims": [_without_kind(claim) for claim in run.claims],
        "timings": [_without_kind(training) for training in run.trainings],
        "errata": [_without_kind(erratum) for erratum in run.errata],
        "conformance": [_without_kind(check) for check in run.conformance],
        "timing_runs": {
            "cases": [_without_kind(record) for record in run.timings],
            "peaks": [_without_kind(record) for record in run.peaks],
        },
        "figures": list(figures),
    }


def to_json(content: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON; ValueError on NaN and inf, which a loaded run does not hold."""
    return (json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1) + "\n").encode()


def is_partial(run: Run) -> bool:
    """Whether the run was killed (it has no end) or interrupted."""
    return run.end is None or bool(run.end["interrupted"])


def _end(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without whether the report was written: whoever reads this one knows."""
    return {key: value for key, value in _without_kind(record).items() if key != "reported"}


def _without_kind(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record less the run file's own mark."""
    return {key: value for key, value in record.items() if key != "kind"}
