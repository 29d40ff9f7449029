"""`--store`: finished runs are pushed at the end; an unreachable database loses nothing; no password is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.address import Address
from harness.record.database import Database
from reports import __main__ as reports
from tests.postgresql import PASSWORD, Server
from tests.suite.command import JAX, Finished, suite
from tests.suite.test_known import killed

SPELLINGS = (PASSWORD, "ge%40heim", "ge@heim", "%25wort")
ONE = (*JAX, "-k", "minmax-table")


def everything(run: Finished) -> dict[str, str]:
    """The output of a run and the text of every file it wrote, by name."""
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    return {"output": run.output, **{str(path): path.read_bytes().decode("utf-8", "replace") for path in files}}


def stored(url: str, run: str) -> bytes:
    """The file of a run as the database stores it."""
    database = Database(Address(url))
    try:
        return database.content(run)
    finally:
        database.close()


def prepared(path: Path) -> str:
    """Makes a new database in this file, and returns its URL."""
    database = Database(Address(f"sqlite:///{path}"))
    database.prepare()
    database.close()
    return f"sqlite:///{path}"


def push(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Pushes the runs of a folder, and returns what that prints on either stream."""
    status = reports.main(["--push", "--store", url, "--out", str(folder / "report")])
    printed = capsys.readouterr()
    assert status == (2 if printed.err else 0)
    return printed.err or printed.out


@pytest.fixture(scope="module")
def url(postgresql: Server) -> str:
    return postgresql.new()


@pytest.fixture(scope="module")
def served(url: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run whose store is a server, with every output that could show the command line."""
    folder = tmp_path_factory.mktemp("served")
    loud = ("--junitxml", str(folder / "junit.xml"), "--html", str(folder / "html.html"), "-vv", "--showlocals")
    return suite(folder, *ONE, "--store", url, *loud)


def test_a_server_has_every_line_when_the_run_has_ended(served: Finished, url: str) -> None:
    assert served.code == 0
    path = served.record.path
    assert stored(url, path.stem) == path.read_bytes()
    count = path.read_bytes().count(b"\n")
    assert f"claims:***@127.0.0.1:{Address(url).url.port}" in served.output
    assert f": {count} records of the run {path.stem}" in served.output


def test_a_password_is_nowhere(served: Finished) -> None:
    texts = everything(served)
    assert any(name.endswith("junit.xml") for name in texts)
    assert any(name.endswith("html.html") for name in texts)
    assert not {name for name, text in texts.items() for spelling in SPELLINGS if spelling in text}
    assert "claims:***@127.0.0.1" in served.record.header.command
    assert "store: postgresql+psycopg://claims:***@127.0.0.1" in served.output


def test_a_report_from_the_store(
    served: Finished, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(*options: str) -> str:
        """Makes a report, and returns what that prints on either stream."""
        status = reports.main(["--store", *options, "--out", str(tmp_path)])
        printed = capsys.readouterr()
        assert status == (2 if printed.err else 0)
        return printed.err or printed.out

    name = served.record.path.stem
    done = report(url)
    assert done.startswith(f"Report of {name}: ")
    assert (tmp_path / "REPORT.md").read_bytes() == (served.folder / "report" / "REPORT.md").read_bytes()
    assert not (tmp_path / "runs").exists()
    assert report(url, "--run", name) == done
    assert f"Did you mean '{name}'?" in report(url, "--run", f"{name}x")
    assert report(f"sqlite:///{tmp_path}/none.sqlite").startswith("reports: There is no database sqlite:///")
    assert not (tmp_path / "none.sqlite").exists()


LOCKING = """
import os, sqlite3
from harness.record import database

database.PATIENCE = 0.1

class Locking:
    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.other = sqlite3.connect(os.environ["LOCKED"])
            self.other.execute("BEGIN EXCLUSIVE")

def pytest_configure(config):
    config.pluginmanager.register(Locking())
"""
"""A plugin: from the first finished item on, another connection locks the database."""


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, str, bytes]:
    """A run whose database is locked at its end, the URL of the database, and what it holds of the run then."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "locking.py").write_text(LOCKING)
    store = prepared(folder / "store.sqlite")
    env = {"PYTHONPATH": str(folder), "LOCKED": str(folder / "store.sqlite")}
    run = suite(folder, *ONE, "--store", store, "-p", "locking", env=env)
    return run, store, stored(store, run.record.path.stem)


def test_a_locked_database_loses_nothing_and_is_reported(away: tuple[Finished, str, bytes]) -> None:
    run, _, held = away
    assert run.code == 3
    assert run.verdicts == {"minmax-table": "SUPPORTED"}
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR: not pushed: ")]
    assert "database is locked" in error
    assert error.endswith(f"python -m reports --push --store URL --out {run.folder / 'report'}")
    assert f"report: {run.folder / 'report' / 'REPORT.md'}" in run.output
    assert held == b""


def test_what_was_not_pushed_is_pushed_later(
    away: tuple[Finished, str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A killed run is not pushed, because it is not finished."""
    run, store, _ = away
    path = run.record.path
    half = killed(run, tmp_path, 2)
    unfinished = path.with_name("2026-01-unfinished.jsonl")
    unfinished.write_bytes(half.read_bytes())
    printed = push(run.folder, store, capsys)
    unfinished.unlink()
    assert f"records of the run {path.stem}" in printed
    assert "unfinished" not in printed
    assert stored(store, path.stem) == path.read_bytes()
