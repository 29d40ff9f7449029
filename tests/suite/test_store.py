"""`--store`: finished runs are pushed at the end; an unreachable database loses nothing; no password is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.database import Database
from reports import __main__ as reports
from tests.postgresql import PASSWORD, Server
from tests.suite.command import JAX, Finished, suite

SPELLINGS = (PASSWORD, "ge%40heim", "ge@heim", "%25wort")
ONE = (*JAX, "-k", "minmax-table")


def stored(url: str, run: str) -> bytes:
    """The file of a run as the database stores it."""
    database = Database(url)
    return database.read(run)[1] if run in database.runs() else b""


def prepared(path: Path) -> str:
    """Makes a new database in this file, and returns its URL."""
    Database(f"sqlite:///{path}").prepare()
    return f"sqlite:///{path}"


def told(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What `python -m reports` prints on either stream."""
    status = reports.main(list(options))
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
    assert f"claims:***@127.0.0.1:{Database(url).url.port}" in served.output
    assert f": {count} records of the run {path.stem}" in served.output


def test_a_password_is_nowhere(served: Finished) -> None:
    """In the output, nor in any file."""
    texts = {path.name: path.read_bytes().decode("utf-8", "replace") for path in served.folder.rglob("*.*")}
    assert texts.keys() >= {"junit.xml", "html.html", "REPORT.md"}
    texts["output"] = served.output
    assert not {name for name, text in texts.items() for spelling in SPELLINGS if spelling in text}
    assert "claims:***@127.0.0.1" in served.record.header.command
    assert "store: postgresql+psycopg://claims:***@127.0.0.1" in served.output


def test_a_report_from_the_store(
    served: Finished, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, out = served.record.path.stem, ("--out", str(tmp_path))
    done = told(capsys, "--store", url, *out)
    assert done.startswith(f"Report of {name}: ")
    assert (tmp_path / "REPORT.md").read_bytes() == (served.folder / "report" / "REPORT.md").read_bytes()
    assert not (tmp_path / "runs").exists()
    assert told(capsys, "--store", url, "--run", name, *out) == done
    assert f"Did you mean '{name}'?" in told(capsys, "--store", url, "--run", f"{name}x", *out)
    none = told(capsys, "--store", f"sqlite:///{tmp_path}/none.sqlite", *out)
    assert none.startswith("reports: There is no database sqlite:///")
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


def test_a_locked_database_loses_nothing_and_what_was_not_pushed_is_pushed_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed run is not pushed, because it is not finished."""
    (tmp_path / "locking.py").write_text(LOCKING)
    store = prepared(tmp_path / "store.sqlite")
    env = {"PYTHONPATH": str(tmp_path), "LOCKED": str(tmp_path / "store.sqlite")}
    run = suite(tmp_path, *ONE, "--store", store, "-p", "locking", env=env)
    path = run.record.path
    assert run.code == 3
    assert run.verdicts == {"minmax-table": "SUPPORTED"}
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR: not pushed: ")]
    assert "database is locked" in error
    assert error.endswith(f"python -m reports --push --store URL --out {tmp_path / 'report'}")
    assert f"report: {tmp_path / 'report' / 'REPORT.md'}" in run.output
    assert stored(store, path.stem) == b""
    unfinished = path.with_name("2026-01-unfinished.jsonl")
    unfinished.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    printed = told(capsys, "--push", "--store", store, "--out", str(tmp_path / "report"))
    assert f"records of the run {path.stem}" in printed
    assert "unfinished" not in printed
    assert stored(store, path.stem) == path.read_bytes()
