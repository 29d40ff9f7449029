"""The record of a run: one JSON line for everything that finishes, on disk the moment it is finished.

A run file holds, in order of appearance and told apart by ``kind``:

- ``run``: the first line; schema, id, start, command, whether to the end, backend, fingerprint, commit;
- ``experiment``: id, size, variants, metrics and the slide's curves of an experiment, before its first trial;
- ``trial``: a finished trial (``Trial.to_json``) with its experiment and definition, and of which run it was reused;
- ``trained``: a variant whose seeds are all trained, or the error that prevented it;
- ``training``: the same with its baseline state;
- ``claim``: a decided claim, complete: the report needs nothing else; a later record of the same key, with p-values
  adjusted over the catalogue, takes its place;
- ``erratum``: what the printed and the modern form of an erratum did, complete as well;
- ``peak``, ``timing``: of a timing run, the machine's matrix-product peak, and an engine's rounds on a piece of work;
- ``end``: exit status, seconds, whether it was interrupted, and whether the report is written: once before that and
  once after. A run without it was killed;
- ``resumed``: an interrupted or killed run goes on (--resume): when, by what command, at which commit. What follows
  takes the place of records of the same name before it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import SuiteError

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
    ``written`` is called after each line.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any], written: Callable[[], object] | None = None) -> None:
        self._open(folder / f"{header['id']}.jsonl", os.O_CREAT | os.O_EXCL, written)
        self.append("run", {"schema": SCHEMA, **header})

    @classmethod
    def join(cls, path: Path, written: Callable[[], object] | None = None) -> RunLog:
        """The run file that another process has begun."""
        log = cls.__new__(cls)
        log._open(path, 0, written)
        return log

    def _open(self, path: Path, flags: int, written: Callable[[], object] | None) -> None:
        self.path, self._written = path, written
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
        if self._written is not None:
            self._written()

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
