"""The record of a run: one JSON line for everything that finishes, on disk the moment it is finished.

A run file holds, in order of appearance and told apart by ``kind``:

- ``run``: the first line; schema, id, start, command, setting, backend, fingerprint, commit;
- ``experiment``: id, size, variants, metrics and the slide's curves of an experiment, before its first trial;
- ``trial``: a finished trial (``Trial.to_json``) with its experiment and definition, and of which run it was reused;
- ``trained``: a variant whose seeds are all trained, or the error that prevented it;
- ``training``: the same with its baseline state;
- ``claim``: a decided claim, complete: the report needs nothing else; a later record of the same key, with p-values
  adjusted over the catalogue, takes its place;
- ``erratum``: what the printed and the modern form of an erratum did, complete as well;
- ``peak``, ``timing``: of a timing run, the machine's matrix-product peak, and an engine's rounds on a piece of work;
- ``end``: exit status, seconds, whether it was interrupted. A run without it was killed.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import SuiteError, invalid
from harness.trial import Trial

SCHEMA = 1
STAMP = "%Y-%m-%dT%H-%M-%S-%f"
"""How an id begins, so that names sort by time of start."""
LENGTH = len("2026-11-24T02-00-29-897121")


class RecordError(SuiteError):
    """The run's record cannot be written: nothing that is trained from here on would be kept."""


class RunLog:
    """Appends records to a run file, each with one write at the file's end, so that several processes can share it.

    ``RunLog(folder, header)`` makes a new file, of the header's id; ``RunLog.join`` goes on with one. RecordError where
    the file cannot be made or written; what was written before stays readable, and nothing is written after.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self._open(folder / f"{header['id']}.jsonl", os.O_CREAT | os.O_EXCL)
        self.append("run", {"schema": SCHEMA, **header})

    @classmethod
    def join(cls, path: Path) -> RunLog:
        """The run file that another process has begun."""
        log = cls.__new__(cls)
        log._open(path, 0)
        return log

    def _open(self, path: Path, flags: int) -> None:
        self.path = path
        self._failed = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | flags, 0o666)
        except OSError as error:
            raise self._unwritable(error) from error

    def append(self, kind: str, record: Mapping[str, Any]) -> None:
        """Writes one line; ValueError on NaN or inf, which JSON does not have; RecordError where the disk is full."""
        if self._failed:
            raise RecordError(self._failed)
        line = (json.dumps({"kind": kind, **record}, allow_nan=False, ensure_ascii=False) + "\n").encode(
            "utf-8", "backslashreplace"
        )
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            fault = self._unwritable(error)
            self._failed = str(fault)  # a line behind a torn one would make the file unreadable
            raise fault from error

    def close(self) -> None:
        """Hands the file to the disk; a second time does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):  # a file system without fsync
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _unwritable(self, error: OSError) -> RecordError:
        return RecordError(
            f"Cannot write the run's record to {self.path}: {error.strerror or error}. What it holds so far stays. "
            "Make the folder writable and its disk not full, or name another with --report-dir."
        )


def new_id(folder: Path, now: datetime.datetime, process: int) -> str:
    """An id for a run that starts ``now`` (UTC), which sorts behind those of the folder even if the clock went back."""
    own = f"{now:{STAMP}}-{process}"
    newest = max((path.stem for path in folder.glob("*.jsonl")), default="")
    if own > newest:
        return own
    try:
        before = datetime.datetime.strptime(newest[:LENGTH], STAMP)
        later = f"{before + datetime.timedelta(microseconds=1):{STAMP}}-{process}"
    except (ValueError, OverflowError):  # somebody else's file
        later = own
    return later if later > newest else f"{newest}-{process}"


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
    timings: tuple[Mapping[str, Any], ...] = ()
    peaks: tuple[Mapping[str, Any], ...] = ()
    errata: tuple[Mapping[str, Any], ...] = ()


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
        except (ValueError, TypeError, KeyError, RecursionError) as error:
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
                for name in (record["experiment"], record["variant"]):
                    name.encode()  # a text, without lone surrogates
                operator.index(record["seed"])
                trials.setdefault((record["experiment"], record["variant"]), []).append(Trial.from_json(record))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        said = f"{error!r}"[:200]
        raise invalid(f"trial in {path}", expected="the fields of a trial", received=said) from error
    kinds = ("experiment", "training", "claim", "erratum", "end", "timing", "peak")
    of_kind = {kind: tuple(r for r in records if r["kind"] == kind) for kind in kinds}
    try:
        return Run(
            path,
            records[0],
            {record["id"]: record for record in of_kind["experiment"] if "id" in record},
            {key: tuple(value) for key, value in trials.items()},
            of_kind["training"],
            tuple({record.get("key"): record for record in of_kind["claim"]}.values()),
            of_kind["end"][-1] if of_kind["end"] else None,
            of_kind["timing"],
            of_kind["peak"],
            of_kind["erratum"],
        )
    except TypeError as error:  # an id or a key that is a list or an object
        raise invalid(f"run record {path}", expected="texts as ids and keys", received=f"{error}") from error


def latest_run(folder: Path) -> Path:
    """The newest run file of a folder (ids begin with the start time, so names sort); SuiteError if there is none."""
    runs = sorted(folder.glob("*.jsonl"))
    if not runs:
        raise SuiteError(f"No run is recorded in {folder}. Run `pytest suite/` first.")
    return runs[-1]
