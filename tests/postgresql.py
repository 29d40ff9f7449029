"""A PostgreSQL server for the tests, in a temporary folder and on a free port.

If SUITE_TEST_POSTGRESQL is set, the tests use that database instead; it is a URL, and the tests make schemas there.
Without a server a test is skipped; with SUITE_NEED_POSTGRESQL set, as in .ci/run, it fails.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

GIVEN, NEEDED = "SUITE_TEST_POSTGRESQL", "SUITE_NEED_POSTGRESQL"
PASSWORD = "ge@heim:/ %wort"
"""Of the kind that has to be quoted in a URL."""
ADVICE = (
    "no PostgreSQL server: install the programs (Debian, Ubuntu: apt-get install postgresql), or set "
    f"{GIVEN} to a URL, postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
)


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest of several; None where they are not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(3))
    on_path = shutil.which("initdb")
    found = [path for path in installed if (path / "initdb").exists()]
    return found[-1] if found else Path(on_path).resolve().parent if on_path else None


class Server:
    """A server of its own; ``stop`` and ``start`` as often as a test wants to."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._names = (f"claims_{number}" for number in itertools.count())
        # Not below pytest's own folder, which is closed to other users: the server will not run as root.
        self.folder = Path(tempfile.mkdtemp(prefix="claims-postgresql-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
        self._data = self.folder / "data"
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o644)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run(
            "initdb", "-A", "scram-sha-256", "-U", "claims", f"--pwfile={self.folder / 'password'}", "-N", "-E", "UTF8"
        )
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, as a server does that loses its power."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, password: str = PASSWORD, port: int | None = None) -> str:
        return f"postgresql+psycopg://claims:{quote(password, safe='')}@127.0.0.1:{port or self.port}/{database}"

    def new(self) -> str:
        """The URL of a new database."""
        name = next(self._names)
        with _connected(self.url("postgres")) as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._where / program), "-D", str(self._data), *arguments],
            check=True, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=120, **self._as,
        )  # fmt: skip


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Any]:
    import sqlalchemy as sa

    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


class Given:
    """The server of SUITE_TEST_POSTGRESQL: each database is a schema of its own, removed in the end."""

    def __init__(self, url: str) -> None:
        self._url, self._made = url, list[str]()

    def new(self) -> str:
        name = f"claims_test_{os.getpid()}_{len(self._made)}"
        with _connected(self._url) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        self._made.append(name)
        return f"{self._url}{'&' if '?' in self._url else '?'}options=-csearch_path%3D{name}"

    def remove(self) -> None:
        for name in self._made:
            with _connected(self._url) as connection:
                connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")


def given() -> Given | None:
    """What SUITE_TEST_POSTGRESQL names; None where it is not set."""
    url = os.environ.get(GIVEN)
    return Given(url) if url else None


def absent() -> None:
    """Ends a test for which there is no server; one that wants to stop its server cannot use a given one."""
    if os.environ.get(NEEDED) and not os.environ.get(GIVEN):
        pytest.fail(ADVICE)
    pytest.skip(ADVICE)
