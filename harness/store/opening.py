"""Opens a store when a run begins: makes it, puts a damaged file aside, and has it catch up."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from harness.errors import SuiteError, invalid, nearest
from harness.store.address import Address
from harness.store.database import DamagedError, Database
from harness.store.follower import catch_up
from harness.store.locks import held

MAGIC = b"SQLite format 3\0"
SUFFIXES = {".sqlite", ".sqlite3", ".db"}
LOCK_PATIENCE = 60.0
"""Seconds that another run may take to open the same file."""


def open_store(address: Address, journals: Path, now: datetime.datetime) -> tuple[Database, list[str]]:
    """The store, with everything that the run files in ``journals`` hold; and what there is to say about it.

    A SQLite file that is damaged is kept under another name, with the time ``now`` in it, and a new one begun.
    SuiteError where the store cannot be used.
    """
    file = address.file
    if file is None:
        database, said = _prepared(address), list[str]()
    else:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SuiteError(f"Cannot make the folder of the store {address}: {error.strerror or error}.") from error
        busy = f"The store {address} is being opened by another run for {LOCK_PATIENCE:g} s. End that, or wait."
        with held(file.with_name(f".{file.name}.lock"), busy, LOCK_PATIENCE):
            database, said = _repaired(address, file, now)
    try:
        return database, said + catch_up(database, journals)
    except BaseException:
        database.close()
        raise


def stored_run(address: Address, run: str | None) -> tuple[str, bytes]:
    """The id and the file of a run in a store, the newest where none is named; SuiteError where there is none."""
    if address.file and not address.file.is_file():
        raise SuiteError(f"There is no store {address}.")
    database = Database(address)
    try:
        known = list(database.copied())
        if not known:
            raise SuiteError(f"No run is recorded in {address}.")
        if run is not None and run not in known:
            raise invalid("run", expected=f"one in {address}", received=repr(run[:80]), fix=nearest(run, known))
        run = run or known[-1]
        return run, "".join(f"{line}\n" for line in database.lines(run)).encode()
    finally:
        database.close()


def _prepared(address: Address) -> Database:
    database = Database(address)
    try:
        database.check()
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def _repaired(address: Address, file: Path, now: datetime.datetime) -> tuple[Database, list[str]]:
    try:
        return _prepared(address), []
    except DamagedError as error:
        if not _meant_as_database(file):
            raise SuiteError(
                f"{file} is no SQLite database, and was left as it is. Name another file with --store."
            ) from error
        aside = _move_aside(file, now)
        said = f"store: {error} It is kept as {aside.name}, and a new one was begun."
        try:
            return _prepared(address), [said]
        except SuiteError as second:
            raise SuiteError(f"{said} {second}") from second


def _meant_as_database(file: Path) -> bool:
    """Whether it was one, or has the name of one; not any file that somebody named by mistake."""
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC or file.suffix in SUFFIXES


def _move_aside(file: Path, now: datetime.datetime) -> Path:
    """Renames a SQLite file, with what belongs to it, to a name that is free."""
    stamp = f"{now:%Y-%m-%dT%H-%M-%S}"
    aside, number = file.with_name(f"{file.name}.damaged-{stamp}"), 1
    while any(aside.with_name(aside.name + part).exists() for part in ("", "-wal", "-shm")):
        number += 1
        aside = file.with_name(f"{file.name}.damaged-{stamp}-{number}")
    for part in ("-wal", "-shm", ""):
        old = file.with_name(file.name + part)
        if old.exists():
            os.rename(old, aside.with_name(aside.name + part))
    return aside
