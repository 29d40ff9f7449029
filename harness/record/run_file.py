"""The file of a run: one record per line, written as soon as it is known. Only the process that runs writes to it."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path

from harness.errors import SuiteError
from harness.record.files import Held
from harness.record.run import AnyRecord, Run, RunStarted, decode, encode

STAMP = "%Y-%m-%dT%H-%M-%S-%f"
"""The format of the time at the start of an id. Ids therefore sort by time of start."""
LENGTH = len("2026-11-24T02-00-29-897121")


class RecordError(SuiteError):
    """The run's file cannot be written, so no further result would be kept."""


class RunFile:
    """The file of a run in progress. ``begin`` creates it and locks it until ``close``.

    Attributes:
        path: of the file.
        run: the state after the records so far.
    """

    def __init__(self, path: Path, run: Run, lock: Held, flags: int = 0) -> None:
        self.path, self.run = path, run
        self._lock, self._failed = lock, ""
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | flags, 0o666)
        except OSError as error:
            raise self._unwritable(error) from error

    @classmethod
    def begin(cls, folder: Path, header: RunStarted) -> RunFile:
        """Creates the file of a new run. RecordError if that fails."""
        path = folder / f"{header.id}.jsonl"
        lock = locked(path)
        try:
            made = cls(path, Run(path, header), lock, os.O_CREAT | os.O_EXCL)
            made._write(header)
        except BaseException:
            lock.release()
            raise
        return made

    def append(self, record: AnyRecord) -> None:
        """Writes one record. RecordError if the disk refuses; ValueError, and no write, if it cannot be read back."""
        self._write(record)
        self.run.add(record)

    def _write(self, record: AnyRecord) -> None:
        if self._failed:
            raise RecordError(self._failed)
        line = encode(record)
        decode(line)  # a line that cannot be read back would make the whole file unreadable
        line += b"\n"
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            fault = self._unwritable(error)
            self._failed = str(fault)  # a line after a torn one would make the file unreadable
            raise fault from error

    def close(self) -> None:
        """Flushes the file to the disk and releases the lock. A second call does nothing."""
        if self._file >= 0:
            with contextlib.suppress(OSError):  # a file system without fsync
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1
        self._lock.release()

    def _unwritable(self, error: OSError) -> RecordError:
        return RecordError(
            f"Cannot write the run's record to {self.path}: {error.strerror or error}. What it holds so far stays. "
            "Make the folder writable and its disk not full, or name another with --report-dir."
        )


def locked(path: Path) -> Held:
    """Takes the lock of a run. SuiteError if another process holds it."""
    busy = f"The run {path.stem} is still going on: another process has its lock. Wait for its end, or end it."
    return Held(_lock(path), busy)


def going_on(path: Path) -> bool:
    """Whether another process has the lock of a run. A lock that a killed process left does not count."""
    try:
        if _lock(path).exists():
            locked(path).release()
    except SuiteError:
        return True
    return False


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def new_id(folder: Path, now: datetime.datetime, process: int) -> str:
    """The id of a run that starts ``now`` (UTC). It sorts after the folder's ids, even if the clock was set back."""
    own = f"{now:{STAMP}}-{process}"
    newest = max((path.stem for path in run_files(folder)), default="")
    if own > newest:
        return own
    try:
        before = datetime.datetime.strptime(newest[:LENGTH], STAMP)
        later = f"{before + datetime.timedelta(microseconds=1):{STAMP}}-{process}"
    except (ValueError, OverflowError):  # somebody else's file
        later = own
    return later if later > newest else f"{newest}-{process}"


def run_files(folder: Path) -> list[Path]:
    """The files of a folder's runs, in order of their start."""
    return sorted(folder.glob("*.jsonl"), key=lambda path: path.stem)  # ids sort by start; names with .jsonl do not


def latest_run(folder: Path) -> Path:
    """The newest run of a folder. SuiteError if there is none.

    Empty files do not count: their process was killed before it wrote the first line.
    """
    runs = [path for path in run_files(folder) if path.stat().st_size]
    if not runs:
        raise SuiteError(f"No run is recorded in {folder}. Run `pytest suite/` first.")
    return runs[-1]
