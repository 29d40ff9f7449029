"""The store: one table with the lines of all run files, in SQLite or PostgreSQL.

``claims_records`` has a row for each line: of which run, where it ends in the run's file, its kind, of a trial the
experiment, variant, seed and definition, and the line itself. A run's rows in order of ``position`` are its file, byte
for byte, so the store gives a lost file back, and copying a line twice changes nothing. ``claims_schema`` has one row,
the version of this form.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from harness.errors import SuiteError
from harness.record.address import Address

VERSION = 1
PATIENCE = 5
"""Seconds that a connection, and a lock that somebody else holds, is waited for."""
CLAIM = "SELECT pg_try_advisory_lock(hashtextextended({}, 0))"
"""Takes the lock of a run, which PostgreSQL frees when the connection ends."""

TABLES = sa.MetaData()
SCHEMA = sa.Table(
    "claims_schema", TABLES, sa.Column("id", sa.Integer, primary_key=True), sa.Column("version", sa.Integer)
)  # fmt: skip
RECORDS = sa.Table(
    "claims_records",
    TABLES,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("experiment", sa.Text),
    sa.Column("variant", sa.Text),
    sa.Column("seed", sa.BigInteger),
    sa.Column("definition", sa.Text),
    sa.Column("body", sa.Text, nullable=False),
)


class StoreError(SuiteError):
    """The store cannot be reached or used just now; its text has no password."""


class DamagedError(StoreError):
    """A SQLite file that is none, or is damaged."""


class Database:
    """A store that is open. Every method raises StoreError where the database does not answer, or refuses.

    A connection that the server has closed is replaced by a new one; what was being written then was not written.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        file = address.file
        arguments: dict[str, Any] = {"timeout": PATIENCE} if file else {"connect_timeout": PATIENCE}
        if not file and address.url.host and not address.url.host.startswith("/"):
            arguments["tcp_user_timeout"] = 1000 * PATIENCE  # of a server that vanished without a word
        arguments = {name: value for name, value in arguments.items() if name not in address.url.query}
        self._engine = sa.create_engine(
            address.url, connect_args=arguments, pool_pre_ping=True, pool_size=1, max_overflow=0, hide_parameters=True
        )
        self._insert = sqlite.insert if file else postgresql.insert
        self._claimed = ""
        sa.event.listen(self._engine, "connect", _tune_sqlite if file else self._tune_postgresql)

    def prepare(self) -> None:
        """Makes the tables where they are not there; SuiteError for a store of a newer form than this one's.

        Who may not make tables can use those that somebody else has made.
        """
        with self._begin() as connection:
            if not self.address.file:  # two runs at once may not both make them
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(1128354121)"))
            there = sa.inspect(connection)
            if not there.has_table(SCHEMA.name):
                SCHEMA.create(connection)
            if connection.execute(sa.select(SCHEMA.c.version)).first() is None:
                connection.execute(sa.insert(SCHEMA).values(id=1, version=VERSION))
            self._check_version(connection)
            if not there.has_table(RECORDS.name):
                RECORDS.create(connection)
            columns = list(RECORDS.c)
            nothing = sa.select(*columns).where(sa.false())
            connection.execute(sa.insert(RECORDS).from_select(columns, nothing))  # whether it can be written

    def claim(self, run: str) -> bool:
        """Whether no other process has this run, on whatever machine; then this one has it while it is connected.

        Of a server only: who shares a SQLite file also shares the folder of its locks.
        """
        if self.address.file:
            return True
        with self._begin() as connection:
            free = connection.execute(sa.text(CLAIM.format(":run")), {"run": run}).scalar()
        self._claimed = run if free else ""
        return bool(free)

    def _check_version(self, connection: sa.Connection) -> None:
        version = connection.execute(sa.select(SCHEMA.c.version)).scalar()
        if version != VERSION:
            raise SuiteError(
                f"The store {self.address} has a schema of version {version}; this suite reads and writes version "
                f"{VERSION}. Use the version of the suite that made it, or name another store: --store."
            )

    def check(self) -> None:
        """DamagedError where a SQLite file is not whole."""
        if self.address.file:
            with self._begin() as connection:
                said = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar()
            if said != "ok":
                raise DamagedError(f"{self.address.file} is damaged: {' '.join(str(said).split())[:200]}.")

    def last(self, run: str) -> tuple[int, str]:
        """How much of a run's file the store has, in bytes, and the last line of that; (0, "") of an unknown run."""
        rows = sa.select(RECORDS.c.position, RECORDS.c.body).where(RECORDS.c.run == run)
        with self._begin() as connection:
            row = connection.execute(rows.order_by(RECORDS.c.position.desc()).limit(1)).first()
        return (row.position, row.body) if row else (0, "")

    def add(self, run: str, position: int, lines: Sequence[bytes]) -> None:
        """Adds lines, without their ends, that begin at ``position`` of the run's file; those it has stay."""
        if self.address.file and not self.address.file.exists():  # SQLite would go on writing into nowhere
            raise StoreError(f"The store {self.address} is gone.")
        rows = []
        for line in lines:
            position += len(line) + 1
            rows.append({"run": run, "position": position, **_columns(line)})
        with self._begin() as connection:
            connection.execute(self._insert(RECORDS).on_conflict_do_nothing(), rows)

    def lines(self, run: str) -> list[str]:
        """The lines of a run's file; none of an unknown run."""
        bodies = sa.select(RECORDS.c.body).where(RECORDS.c.run == run).order_by(RECORDS.c.position)
        with self._begin() as connection:
            self._check_version(connection)
            return list(connection.execute(bodies).scalars())

    def copied(self) -> dict[str, int]:
        """Of every run how much of its file the store has, in bytes; in order of their ids, which is that of start."""
        ends = sa.select(RECORDS.c.run, sa.func.max(RECORDS.c.position)).group_by(RECORDS.c.run)
        with self._begin() as connection:
            return dict(sorted((run, position) for run, position in connection.execute(ends)))

    def reopen(self) -> None:
        """Connects anew after a failure: the file, or the server's data, may be another."""
        self._engine.dispose()
        self.prepare()

    def close(self) -> None:
        self._engine.dispose()

    def _tune_postgresql(self, connection: Any, _: object) -> None:
        """Nobody's lock may hold a run up for longer than a connection; a run that was claimed is so again."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{PATIENCE}s'")
            cursor.execute(f"SET statement_timeout = '{6 * PATIENCE}s'")
            if self._claimed:
                cursor.execute(CLAIM.format("%s"), [self._claimed])
        connection.commit()

    @contextlib.contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A transaction; whatever the database says against it comes as one sentence."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            said = " ".join(self.address.clean(str(cause)).split())[:300].rstrip(".")
            damaged = any(sign in said for sign in ("malformed", "not a database"))
            kind = DamagedError if damaged and self.address.file else StoreError
            raise kind(f"The store {self.address} cannot be used: {said or type(cause).__name__}.") from None


def _columns(line: bytes) -> dict[str, Any]:
    """What a row says beside its place; of the trials also whose they are. ValueError where the line is no record."""
    body = line.decode("utf-8")
    record = json.loads(body)
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        raise ValueError("a record without a kind")
    row = {"kind": record["kind"], "body": body}
    for name, kind in (("experiment", str), ("variant", str), ("definition", str), ("seed", int)):
        value = record.get(name) if row["kind"] == "trial" else None
        row[name] = value if isinstance(value, kind) else None
    return row


def _tune_sqlite(connection: Any, _: object) -> None:
    """Readers beside a writer; a commit is safe from a kill, and the file from a power cut too."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
