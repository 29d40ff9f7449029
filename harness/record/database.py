"""A team's database of finished runs, in SQLite or PostgreSQL: a table with a row for each run.

A run that has ended does not change, so pushing it twice changes nothing. Importing this module needs the extra store.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.errors import SuiteError, invalid, nearest
from harness.record.run import HEAVY, parse_run, whole_lines
from harness.record.run_file import going_on, run_files

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
except ModuleNotFoundError as error:
    raise SuiteError(f"--store needs the extra store: {error}. Install sqlalchemy and psycopg.") from error

PATIENCE = 5
"""Seconds to wait for a connection, and for a lock that another process holds."""
TABLE = "claims_runs_3"
"""Its number is that of the columns' meaning: ``light`` has a run's lines without trials and claims, ``body`` all."""
DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
"""The one driver of each kind of database that the extra store installs."""
EXPECTED = "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"


class Database:
    """The database of a URL. SuiteError if the text is no such URL, and from every method if it cannot be used.

    Neither a message nor ``str`` has the password.
    """

    def __init__(self, text: str) -> None:
        if "://" not in text:
            fix = f"A file is sqlite:///{text}" if text and "@" not in text else ""
            raise invalid("--store", expected=EXPECTED, received="a text without ://", fix=fix)
        try:
            url = sa.make_url(text)
        except (ArgumentError, ValueError):
            received = f"{text.partition('://')[0][:20]}:// and an unreadable rest"
            raise invalid("--store", expected=EXPECTED, received=received) from None
        name, _, driver = url.drivername.partition("+")
        if name not in DRIVERS or driver not in ("", DRIVERS[name]):
            raise invalid("--store", expected=EXPECTED, received=f"{url.drivername[:40]}://")
        if "@" in (url.host or ""):
            raise invalid("--store", expected="one @, before the host", received="more", fix="In a password write %40.")
        if url.query:
            raise invalid("--store", expected=EXPECTED, received="options behind a ?", fix="Leave them out.")
        if name == "sqlite" and (not url.database or ":memory:" in url.database or url.host):
            raise invalid("--store", expected="sqlite:///FILE", received="no file, which would keep nothing")
        self.url, self._text = url.set(drivername=f"{name}+{DRIVERS[name]}"), text
        self._file = Path(url.database or "") if name == "sqlite" else None

    def __str__(self) -> str:
        return f"sqlite:///{self.url.database}" if self._file else self.url.render_as_string()

    def redacted(self, arguments: Iterable[str]) -> list[str]:
        """A command's arguments, without the password of this URL."""
        return [argument.replace(self._text, str(self)) for argument in arguments]

    def prepare(self) -> None:
        """Creates the table if it is missing. A user without the right to create one can use an existing one."""
        if self._file:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SuiteError(f"Cannot make the folder of {self}: {error.strerror or error}.") from error
        with contextlib.suppress(SuiteError), self._begin() as connection:  # another process may create it meanwhile
            columns = "run TEXT PRIMARY KEY, light TEXT NOT NULL, body TEXT NOT NULL"
            connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})")
        with self._begin() as connection:  # fails if it is read-only
            connection.exec_driver_sql(f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE 1 = 0")

    def push_all(self, folder: Path) -> list[str]:
        """Pushes every finished run of a folder that the database lacks, and returns a line of text for each.

        Other runs are skipped, as are those that still write their report. SuiteError, with these lines, if a run's
        file is damaged; the others are pushed all the same.
        """
        self.prepare()
        known, report, wrong = self.runs(), [], []
        for path in run_files(folder):
            if path.stem in known or going_on(path):
                continue
            try:
                lines = whole_lines(path)
                finished = bool(lines) and parse_run(lines, path).end  # nothing is pushed that cannot be read back
            except SuiteError as error:
                wrong.append(str(error))
                continue
            if finished and self.push(path.stem, lines):
                report.append(f"pushed to {self}: {len(lines)} records of the run {path.stem}")
        if wrong:
            raise SuiteError("\n".join([*wrong, *report]))
        return report

    def push(self, run: str, lines: Iterable[bytes]) -> bool:
        """Adds a run, whole or not at all; False if the database has it."""
        texts = [line.decode() for line in lines]
        light = "\n".join(text for text in texts if not text.startswith(HEAVY))
        insert = sa.text(f"INSERT INTO {TABLE} VALUES (:run, :light, :body) ON CONFLICT DO NOTHING")
        with self._begin() as connection:
            return connection.execute(insert, {"run": run, "light": light, "body": "\n".join(texts)}).rowcount > 0

    def runs(self) -> list[str]:
        """The ids of its runs, in order of their start. It creates nothing."""
        if self._file and not self._file.is_file():
            raise SuiteError(f"There is no database {self}.")
        with self._begin() as connection:
            return sorted(connection.exec_driver_sql(f"SELECT run FROM {TABLE}").scalars())

    def light(self) -> Iterator[tuple[str, list[bytes]]]:
        """Each run in order of its start: its id, and the lines of its file without trials and claims."""
        for run in self.runs():
            yield run, self._column("light", run).split(b"\n")

    def read(self, run: str | None = None) -> tuple[str, bytes]:
        """The id and the file's content of a run, by default of the newest one. SuiteError if there is none."""
        known = self.runs()
        if not known:
            raise SuiteError(f"No run is recorded in {self}.")
        if run is not None and run not in known:
            raise invalid("run", expected=f"one in {self}", received=repr(run[:80]), fix=nearest(run, known))
        run = run or known[-1]
        return run, self._column("body", run) + b"\n"

    def _column(self, name: str, run: str) -> bytes:
        select = sa.text(f"SELECT {name} FROM {TABLE} WHERE run = :run")
        with self._begin() as connection:
            return str(connection.execute(select, {"run": run}).scalar_one()).encode()

    @functools.cached_property
    def _engine(self) -> sa.Engine:
        limits = f"-c lock_timeout={PATIENCE}s -c statement_timeout={6 * PATIENCE}s"
        arguments: dict[str, Any] = (
            {"timeout": PATIENCE}
            if self._file
            else {"connect_timeout": PATIENCE, "tcp_user_timeout": 1000 * PATIENCE, "options": limits}
        )
        return sa.create_engine(self.url, connect_args=arguments, hide_parameters=True, poolclass=sa.NullPool)

    @contextlib.contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A transaction. SuiteError, in one sentence."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            text = str(cause)
            password = str(self.url.password or "")
            for spelt in filter(None, (password, quote(password), quote(password, safe=""))):
                text = text.replace(spelt, "***")
            text = " ".join(text.split())[:300].rstrip(".")
            raise SuiteError(f"The database {self} cannot be used: {text or type(cause).__name__}.") from None
