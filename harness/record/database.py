"""A team's database of finished runs, in SQLite or PostgreSQL.

``claims_records`` has a row for each line of a run's file, so the database returns a run byte for byte, and pushing a
run twice changes nothing. ``claims_schema`` has one row: the version of the tables. Only this module imports
SQLAlchemy: neither collecting nor training needs it.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from harness.errors import SuiteError, invalid, nearest
from harness.record.address import Address
from harness.record.run import HEAVY, RunEnded, decode, parse_run, whole_lines
from harness.record.run_file import run_files

VERSION = 2
"""The version of the tables."""
PATIENCE = 5
"""Seconds to wait for a connection, and for a lock that another process holds."""
LOCKS = 1128354121
"""Distinguishes our advisory locks on a server from those of other programs."""
BATCH = 500
"""Rows per statement."""

TABLES = sa.MetaData()
SCHEMA = sa.Table(
    "claims_schema", TABLES, sa.Column("id", sa.Integer, primary_key=True), sa.Column("version", sa.Integer)
)  # fmt: skip
RECORDS = sa.Table(
    "claims_records",
    TABLES,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)
LIGHT = sa.text(f"substr(body, 1, 15) NOT IN ({', '.join(map(repr, HEAVY))})")
"""The condition of a line that is no trial and no claim. Its text is that of the index, so that the index is used."""
sa.Index("claims_light", RECORDS.c.run, RECORDS.c.line, sqlite_where=LIGHT, postgresql_where=LIGHT)


class StoreError(SuiteError):
    """The database cannot be reached or used. The text has no password."""


class Database:
    """An open database. Every method raises StoreError if the database does not answer, or refuses."""

    def __init__(self, address: Address) -> None:
        self.address = address
        file = address.file
        arguments: dict[str, Any] = {"connect_timeout": PATIENCE}
        if file:
            arguments = {"timeout": PATIENCE, "isolation_level": None}  # ``_begin`` begins the transactions
        if not file and address.url.host and not address.url.host.startswith("/"):
            arguments["tcp_user_timeout"] = 1000 * PATIENCE  # for a server that vanishes
        arguments = {name: value for name, value in arguments.items() if name not in address.url.query}
        self._engine = sa.create_engine(address.url, connect_args=arguments, hide_parameters=True)
        if not file:
            sa.event.listen(self._engine, "connect", _limit_waiting)

    def prepare(self) -> None:
        """Creates missing tables. SuiteError for a database with tables of another version.

        A user without the right to create tables can use existing ones.
        """
        file = self.address.file
        if file:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"Cannot make the folder of {self.address}: {error.strerror or error}.") from error
        with self._begin(lock=SCHEMA.name) as connection:
            there = sa.inspect(connection)
            if not there.has_table(SCHEMA.name):
                SCHEMA.create(connection)
            if connection.execute(sa.select(SCHEMA.c.version)).first() is None:
                connection.execute(sa.insert(SCHEMA).values(id=1, version=VERSION))
            self._check_version(connection)
            if not there.has_table(RECORDS.name):
                RECORDS.create(connection)
            nothing = sa.select(*RECORDS.c).where(sa.false())
            connection.execute(sa.insert(RECORDS).from_select(list(RECORDS.c), nothing))  # fails if it is read-only

    def push(self, run: str, lines: Sequence[bytes]) -> int:
        """Adds the lines of a run that the database lacks, all or none, and returns their number.

        SuiteError, and no change, if the database has other lines for this run.
        """
        with self._begin(lock=run) as connection:
            last = sa.select(RECORDS.c.line, RECORDS.c.body).where(RECORDS.c.run == run)
            row = connection.execute(last.order_by(RECORDS.c.line.desc()).limit(1)).first()
            known = row.line if row else 0
            if row and (known > len(lines) or lines[known - 1] != row.body.encode()):
                raise SuiteError(
                    f"{self.address} has another course of the run {run} than its file here: it was resumed elsewhere. "
                    "The database stays as it is."
                )
            for start in range(known, len(lines), BATCH):
                batch = lines[start : start + BATCH]
                rows = [{"run": run, "line": start + i, "body": one.decode()} for i, one in enumerate(batch, 1)]
                connection.execute(sa.insert(RECORDS), rows)
        return len(lines) - known

    def sizes(self) -> dict[str, int]:
        """The number of lines of each run in the database, in order of the runs' start."""
        ends = sa.select(RECORDS.c.run, sa.func.max(RECORDS.c.line)).group_by(RECORDS.c.run).order_by(RECORDS.c.run)
        with self._begin() as connection:
            self._check_version(connection)
            return dict(sorted((run, line) for run, line in connection.execute(ends)))

    def light(self) -> Iterator[tuple[str, list[bytes]]]:
        """Each run in order of its start: its id, and the lines of its file without trials and claims.

        An index has these lines, so that millions of trials are not read. A database that was made without the index is
        read whole.
        """
        lines = sa.select(RECORDS.c.run, RECORDS.c.body).where(LIGHT).order_by(RECORDS.c.run, RECORDS.c.line)
        with self._begin() as connection:
            self._check_version(connection)
            rows = connection.execute(lines.execution_options(yield_per=BATCH))
            for run, bodies in itertools.groupby(rows, key=lambda row: row.run):
                yield run, [row.body.encode() for row in bodies]

    def lines(self, run: str) -> list[str]:
        """The lines of a run's file; empty for an unknown run."""
        bodies = sa.select(RECORDS.c.body).where(RECORDS.c.run == run).order_by(RECORDS.c.line)
        with self._begin() as connection:
            return list(connection.execute(bodies).scalars())

    def close(self) -> None:
        self._engine.dispose()

    def _check_version(self, connection: sa.Connection) -> None:
        version = connection.execute(sa.select(SCHEMA.c.version)).scalar()
        if version != VERSION:
            raise SuiteError(
                f"The database {self.address} has a schema of version {version}; this suite reads and writes version "
                f"{VERSION}. It stays as it is. Use the version of the suite that made it, or another --store."
            )

    @contextlib.contextmanager
    def _begin(self, lock: str = "") -> Iterator[sa.Connection]:
        """A transaction. Transactions with the same ``lock`` wait for each other. StoreError, in one sentence."""
        try:
            with self._engine.begin() as connection:
                if lock and self.address.file:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                elif lock:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCKS, sa.func.hashtext(lock))))
                yield connection
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = " ".join(self.address.clean(str(cause)).split())[:300].rstrip(".")
            raise StoreError(f"The database {self.address} cannot be used: {text or type(cause).__name__}.") from None


def _limit_waiting(connection: Any, _: object) -> None:
    """Limits how long a statement waits for a lock, and how long it runs."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE}s'")
        cursor.execute(f"SET statement_timeout = '{6 * PATIENCE}s'")
    connection.commit()


@contextlib.contextmanager
def opened(address: Address) -> Iterator[Database]:
    """Opens and prepares the database for pushing. SuiteError if it cannot be used."""
    database = Database(address)
    try:
        database.prepare()
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def readable(address: Address) -> Iterator[Database]:
    """Opens a database for reading, and creates nothing. SuiteError if there is none, or it cannot be used."""
    if address.file and not address.file.is_file():
        raise SuiteError(f"There is no database {address}.")
    database = Database(address)
    try:
        yield database
    finally:
        database.close()


def push_all(address: Address, folder: Path) -> list[str]:
    """Pushes every finished run of a folder that the database lacks, and returns a line of text for each.

    A run that cannot be pushed has a line too. A file whose last line is not the end of a run is skipped. SuiteError if
    the database cannot be used.
    """
    report = []
    with opened(address) as database:
        sizes = database.sizes()
        for path in run_files(folder):
            try:
                lines = whole_lines(path)
                if sizes.get(path.stem) == len(lines) or not _ended(lines):
                    continue
                parse_run(lines, path)  # push nothing that cannot be read back
                count = database.push(path.stem, lines)
            except StoreError:
                raise
            except SuiteError as error:
                report.append(f"not pushed: {error}")
            else:
                report.append(f"pushed to {address}: {count} records of the run {path.stem}")
    return report


def _ended(lines: Sequence[bytes]) -> bool:
    try:
        return bool(lines) and isinstance(decode(lines[-1]), RunEnded)
    except ValueError:
        return False


def stored_run(address: Address, run: str | None) -> tuple[str, bytes]:
    """The id and the file's content of a run in a database; by default the newest run. SuiteError if there is none."""
    with readable(address) as database:
        known = list(database.sizes())
        if not known:
            raise SuiteError(f"No run is recorded in {address}.")
        if run is not None and run not in known:
            raise invalid("run", expected=f"one in {address}", received=repr(run[:80]), fix=nearest(run, known))
        run = run or known[-1]
        return run, "".join(f"{line}\n" for line in database.lines(run)).encode()
