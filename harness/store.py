"""The record of a run: one JSON line for everything that finishes, on disk the moment it is finished.

A run file holds, in order of appearance and told apart by ``kind``:

- ``run``: the first line; schema, id, start, command, setting, backend, fingerprint, commit;
- ``experiment``: id, size, variants, metrics and the slide's curves of an experiment, before its first trial;
- ``trial``: a finished trial (``Trial.to_json``) with its experiment;
- ``training``: a variant whose seeds are all trained, with its baseline state;
- ``claim``: a decided claim, complete: the report needs nothing else; a later record of the same key, with p-values
  adjusted over the catalogue, takes its place;
- ``end``: exit status, seconds, whether it was interrupted. A run without it was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import SuiteError, invalid
from harness.trial import Trial

SCHEMA = 1


class RunLog:
    """Appends records to a new run file; raises SuiteError where it cannot be created."""

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.path = folder / f"{header['id']}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("x", encoding="utf-8")
        except OSError as error:
            raise SuiteError(
                f"Cannot write the run's record to {self.path}: {error.strerror}. "
                "Make the folder writable, or name another with --report-dir."
            ) from error
        self.append("run", {"schema": SCHEMA, **header})

    def append(self, kind: str, record: Mapping[str, Any]) -> None:
        """Writes one line and hands it to the operating system; ValueError on NaN or inf, which JSON does not have."""
        self._file.write(json.dumps({"kind": kind, **record}, allow_nan=False, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


@dataclass(frozen=True)
class Run:
    """A run file read back; ``trials`` by (experiment, variant), in order of training."""

    path: Path
    header: Mapping[str, Any]
    experiments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trials: Mapping[tuple[str, str], tuple[Trial, ...]] = field(default_factory=dict)
    trainings: tuple[Mapping[str, Any], ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()
    end: Mapping[str, Any] | None = None


def read_run(path: Path) -> Run:
    """Reads a run file; a last line torn by a kill is left out, any other damage is a SuiteError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"Cannot read the run's record {path}: {error}.") from error
    records = []
    for number, line in enumerate(lines, start=1):
        if number == len(lines):
            break  # behind the last newline: nothing, or a line torn by a kill
        try:
            record = json.loads(line)
            record["kind"]
        except (ValueError, TypeError, KeyError) as error:
            raise invalid(
                f"line {number} of {path}", expected="a JSON record with a kind", received=line[:60]
            ) from error
        records.append(record)
    if not records or records[0]["kind"] != "run" or records[0].get("schema") != SCHEMA:
        received = records[0].get("schema") if records else "an empty file"
        raise invalid(f"run record {path}", expected=f"a first line of kind 'run', schema {SCHEMA}", received=received)
    trials: dict[tuple[str, str], list[Trial]] = {}
    try:
        for record in records:
            if record["kind"] == "trial":
                trials.setdefault((record["experiment"], record["variant"]), []).append(Trial.from_json(record))
    except (KeyError, TypeError, AttributeError) as error:
        raise invalid(f"trial in {path}", expected="the fields of a trial", received=f"{error!r}") from error
    of_kind = {
        kind: tuple(r for r in records if r["kind"] == kind) for kind in ("experiment", "training", "claim", "end")
    }
    return Run(
        path,
        records[0],
        {record["id"]: record for record in of_kind["experiment"] if "id" in record},
        {key: tuple(value) for key, value in trials.items()},
        of_kind["training"],
        tuple({record.get("key"): record for record in of_kind["claim"]}.values()),
        of_kind["end"][-1] if of_kind["end"] else None,
    )


def latest_run(folder: Path) -> Path:
    """The newest run file of a folder (ids begin with the start time, so names sort); SuiteError if there is none."""
    runs = sorted(folder.glob("*.jsonl"))
    if not runs:
        raise SuiteError(f"No run is recorded in {folder}. Run `pytest suite/` first.")
    return runs[-1]
