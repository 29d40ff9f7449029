"""`--store`: finished runs are pushed at a run's end; a database that is away costs nothing; a password is nowhere."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness.record.address import Address
from harness.record.database import SCHEMA, Database
from reports import __main__ as reports
from tests.postgresql import PASSWORD, Server
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT, Finished, arguments, environment, suite
from tests.suite.conftest import JAX
from tests.suite.test_resume import killed

SPELLINGS = (PASSWORD, "ge%40heim", "ge@heim", "%25wort")
ONE = (*JAX, "-k", "minmax-table")


def everything(run: Finished) -> dict[str, str]:
    """All that a run says and leaves, by name."""
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    return {"output": run.output, **{str(path): path.read_bytes().decode("utf-8", "replace") for path in files}}


def stored(url: str, run: str) -> bytes:
    """The file of a run as a database has it."""
    database = Database(Address(url))
    try:
        return "".join(f"{line}\n" for line in database.lines(run)).encode()
    finally:
        database.close()


def prepared(path: Path) -> str:
    """The URL of a new database in this file."""
    database = Database(Address(f"sqlite:///{path}"))
    database.prepare()
    database.close()
    return f"sqlite:///{path}"


def push(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What pushing says, on either stream."""
    status = reports.main(["--push", "--store", url, "--out", str(folder / "report")])
    said = capsys.readouterr()
    assert status == (2 if said.err else 0)
    return said.err or said.out


@pytest.fixture(scope="module")
def url(postgresql: Server) -> str:
    return postgresql.new()


@pytest.fixture(scope="module")
def served(url: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run whose store is a server, with everything that may tell what was typed."""
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
    said = everything(served)
    assert any(name.endswith("junit.xml") for name in said)
    assert any(name.endswith("html.html") for name in said)
    assert not {name for name, text in said.items() for spelling in SPELLINGS if spelling in text}
    assert "claims:***@127.0.0.1" in served.record.header.command
    assert "store: postgresql+psycopg://claims:***@127.0.0.1" in served.output


def test_pushed_twice_changes_nothing(served: Finished, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = stored(url, served.record.path.stem)
    assert push(served.folder, url, capsys).startswith("Nothing to push in ")
    assert stored(url, served.record.path.stem) == before


def test_a_report_from_the_store(
    served: Finished, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def report(*options: str) -> str:
        """What it says, on either stream."""
        status = reports.main(["--store", *options, "--out", str(tmp_path)])
        said = capsys.readouterr()
        assert status == (2 if said.err else 0)
        return said.err or said.out

    name = served.record.path.stem
    done = report(url)
    assert done.startswith(f"Report of {name}: ")
    assert (tmp_path / "REPORT.md").read_bytes() == (served.folder / "report" / "REPORT.md").read_bytes()
    assert not (tmp_path / "runs").exists()
    assert report(url, "--run", name) == done
    assert f"Did you mean '{name}'?" in report(url, "--run", f"{name}x")
    assert report(f"sqlite:///{tmp_path}/none.sqlite").startswith("reports: There is no database sqlite:///")
    assert not (tmp_path / "none.sqlite").exists()


def test_a_refusing_server_costs_nothing_and_its_password_is_nowhere(postgresql: Server, tmp_path: Path) -> None:
    if not isinstance(postgresql, Server):
        pytest.skip("its passwords are not this test's to get wrong")
    run = suite(tmp_path, *ONE, "--store", postgresql.url("postgres", "not " + PASSWORD))
    assert run.code == 0
    assert run.output.count("password authentication failed") == 2  # when it begins, and when it has ended
    assert "The run goes on, and is pushed when it has ended." in run.output
    assert "ERROR: not pushed: " in run.output
    assert not {name for name, text in everything(run).items() for spelling in SPELLINGS if spelling in text}


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
"""From the first finished item on another connection has the database for itself."""


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, str]:
    """A run whose database is locked by somebody when it ends, and the database."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "locking.py").write_text(LOCKING)
    store = prepared(folder / "store.sqlite")
    env = {"PYTHONPATH": str(folder), "LOCKED": str(folder / "store.sqlite")}
    return suite(folder, *ONE, "--store", store, "-p", "locking", env=env), store


def test_a_database_that_is_away_loses_nothing_and_is_told(away: tuple[Finished, str]) -> None:
    run, store = away
    assert run.code == 0
    assert run.verdicts == {"minmax-table": "SUPPORTED"}
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR: not pushed: ")]
    assert "database is locked" in error
    assert error.endswith(f"python -m reports --push --store URL --out {run.folder / 'report'}")
    assert f"report: {run.folder / 'report' / 'REPORT.md'}" in run.output
    assert stored(store, run.record.path.stem) == b""


def test_what_was_not_pushed_is_pushed_later(
    away: tuple[Finished, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Not what was killed: that is no finished run."""
    run, store = away
    path = run.record.path
    half = killed(run, tmp_path, 2)
    unfinished = path.with_name("2026-01-unfinished.jsonl")
    unfinished.write_bytes(half.read_bytes())
    said = push(run.folder, store, capsys)
    unfinished.unlink()
    assert f"records of the run {path.stem}" in said
    assert "unfinished" not in said
    assert stored(store, path.stem) == path.read_bytes()


def test_a_database_of_another_schema_is_left_alone(tmp_path: Path) -> None:
    store = prepared(tmp_path / "newer.sqlite")
    database = Database(Address(store))
    with database._engine.begin() as connection:
        connection.execute(sa.update(SCHEMA).values(version=7))
    database.close()
    refused = suite(tmp_path, *ONE, "--store", store)
    assert refused.code == 4
    assert "has a schema of version 7; this suite reads and writes version 2" in refused.output
    assert not list((tmp_path / "report" / "runs").iterdir())


def run_of(command: Sequence[str], folder: Path) -> Finished:
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        timeout=300, check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, folder)


@NEEDS_WEAK
def test_a_read_only_database_costs_nothing(tmp_path: Path) -> None:
    store = prepared(tmp_path / "store.sqlite")
    (tmp_path / "store.sqlite").chmod(0o444)
    run = run_of([*AS_ANYBODY, *arguments(tmp_path, *ONE, "--store", store)], tmp_path)
    assert run.code == 0
    (error,) = [line for line in run.output.splitlines() if line.startswith("ERROR: ")]
    assert "attempt to write a readonly database" in error
    assert stored(store, run.record.path.stem) == b""


def test_a_file_of_something_else_stays(
    away: tuple[Finished, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"this is no database" * 400)
    said = push(away[0].folder, f"sqlite:///{tmp_path}/notes.txt", capsys)
    assert said.startswith("reports: The database sqlite:///")
    assert "file is not a database" in said
    assert (tmp_path / "notes.txt").read_bytes() == b"this is no database" * 400


@pytest.mark.slow
def test_two_runs_at_once_share_a_database(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/both.sqlite"
    started = [
        subprocess.Popen(
            arguments(tmp_path / name, *ONE, "--store", store),
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            encoding="utf-8",
        )
        for name in ("a", "b")
    ]  # fmt: skip
    for name, process in zip(("a", "b"), started, strict=True):
        output, _ = process.communicate(timeout=300)
        run = Finished(process.returncode, output, tmp_path / name)
        assert run.code == 0
        assert stored(store, run.record.path.stem) == run.record.path.read_bytes()
