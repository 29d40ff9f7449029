"""A team's database of finished runs, in SQLite or PostgreSQL: a table with a row for each run.

A run that has ended does not change, so pushing it twice changes nothing. Only this module imports SQLAlchemy, of the
extra store: neither collecting nor training needs it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from harness.errors import SuiteError, invalid, nearest
from harness.record.address import Address
from harness.record.run import HEAVY, parse_run, whole_lines
from harness.record.run_file import run_files

PATIENCE = 5
"""Seconds to wait for a connection, and for a lock that another process holds."""

RUNS = sa.Table(
    "claims_runs_3",  # the number is that of the columns' meaning
    sa.MetaData(),
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("light", sa.Text, nullable=False),  # its lines without trials and claims, which are nearly all
    sa.Column("body", sa.Text, nullable=False),  # its file
)


class StoreError(SuiteError):
    """The database cannot be reached or used."""


class KnownError(StoreError):
    """The database has a run of this id."""


class Database:
    """An open database. Every method raises StoreError if the database does not answer, or refuses."""

    def __init__(self, address: Address) -> None:
        self.address = address
        arguments: dict[str, Any] = {"timeout": PATIENCE}
        if not address.file:
            limits = f"-c lock_timeout={PATIENCE}s -c statement_timeout={6 * PATIENCE}s"
            arguments = {"connect_timeout": PATIENCE, "tcp_user_timeout": 1000 * PATIENCE, "options": limits}
        self._engine = sa.create_engine(address.url, connect_args=arguments, hide_parameters=True)

    def prepare(self) -> None:
        """Creates the table if it is missing. A user without the right to create one can use an existing one."""
        if self.address.file:
            try:
                self.address.file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"Cannot make the folder of {self.address}: {error.strerror or error}.") from error
        with contextlib.suppress(StoreError), self._begin() as connection:  # another process may create it meanwhile
            RUNS.create(connection, checkfirst=True)
        with self._begin() as connection:
            nothing = sa.select(*RUNS.c).where(sa.false())
            connection.execute(sa.insert(RUNS).from_select(list(RUNS.c), nothing))  # fails if it is read-only

    def push(self, run: str, lines: Sequence[bytes]) -> bool:
        """Adds a run, whole or not at all; False if the database has it."""
        texts = [line.decode() for line in lines]
        light = [text for text in texts if not text.startswith(HEAVY)]
        row = {"run": run, "light": "\n".join(light), "body": "\n".join(texts)}
        try:
            with self._begin() as connection:
                connection.execute(sa.insert(RUNS), row)
        except KnownError:
            return False
        return True

    def runs(self) -> list[str]:
        """The ids of its runs, in order of their start."""
        with self._begin() as connection:
            return sorted(connection.execute(sa.select(RUNS.c.run)).scalars())

    def light(self) -> Iterator[tuple[str, list[bytes]]]:
        """Each run in order of its start: its id, and the lines of its file without trials and claims."""
        for run in self.runs():
            with self._begin() as connection:
                light = connection.execute(sa.select(RUNS.c.light).where(RUNS.c.run == run)).scalar()
            yield run, [line.encode() for line in (light or "").split("\n")]

    def content(self, run: str) -> bytes:
        """The content of a run's file; empty for an unknown run."""
        with self._begin() as connection:
            body = connection.execute(sa.select(RUNS.c.body).where(RUNS.c.run == run)).scalar()
        return b"" if body is None else f"{body}\n".encode()

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A transaction. StoreError, in one sentence."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise KnownError(f"The database {self.address} has this run.") from None
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = " ".join(self.address.clean(str(cause)).split())[:300].rstrip(".")
            raise StoreError(f"The database {self.address} cannot be used: {text or type(cause).__name__}.") from None


@contextlib.contextmanager
def opened(address: Address) -> Iterator[Database]:
    """Opens and prepares the database for pushing. SuiteError if it cannot be used."""
    with contextlib.closing(Database(address)) as database:
        database.prepare()
        yield database


@contextlib.contextmanager
def readable(address: Address) -> Iterator[Database]:
    """Opens a database for reading, and creates nothing. SuiteError if there is none, or it cannot be used."""
    if address.file and not address.file.is_file():
        raise SuiteError(f"There is no database {address}.")
    with contextlib.closing(Database(address)) as database:
        yield database


def push_all(address: Address, folder: Path) -> list[str]:
    """Pushes every finished run of a folder that the database lacks, and returns a line of text for each.

    Other runs are skipped. SuiteError, with these lines, if the database or a run's file cannot be used; the other runs
    are pushed all the same.
    """
    report, wrong = [], []
    with opened(address) as database:
        known = set(database.runs())
        for path in run_files(folder):
            if path.stem in known:
                continue
            try:
                lines = whole_lines(path)
                # nothing is pushed that cannot be read back
                if lines and parse_run(lines, path).end and database.push(path.stem, lines):
                    report.append(f"pushed to {address}: {len(lines)} records of the run {path.stem}")
            except StoreError:
                raise
            except SuiteError as error:
                wrong.append(str(error))
    if wrong:
        raise SuiteError("\n".join([*wrong, *report]))
    return report


def stored_run(address: Address, run: str | None) -> tuple[str, bytes]:
    """The id and the file's content of a run in a database; by default the newest run. SuiteError if there is none."""
    with readable(address) as database:
        known = database.runs()
        if not known:
            raise SuiteError(f"No run is recorded in {address}.")
        if run is not None and run not in known:
            raise invalid("run", expected=f"one in {address}", received=repr(run[:80]), fix=nearest(run, known))
        run = run or known[-1]
        return run, database.content(run)
