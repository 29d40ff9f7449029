"""`--store`: every line of a run in a database, on a server too; a password nowhere; a store that is away."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from harness.store import latest_run
from harness.store.follower import whole_lines
from suite.recording import FILE

from harness.record.address import Address, sqlite_address
from harness.record.database import SCHEMA, Database
from reports import __main__ as reports
from tests.postgresql import PASSWORD, Server
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import PLAIN, ROOT, TINY, Finished, arguments, environment, suite, trials
from tests.suite.conftest import JAX
from tests.suite.test_resume import kinds
from tests.suite.timeless import timeless

SPELLINGS = (PASSWORD, "ge%40heim", "ge@heim", "%25wort")


def everything(run: Finished) -> dict[str, str]:
    """All that a run says and leaves, by name."""
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    return {"output": run.output, **{str(path): path.read_bytes().decode("utf-8", "replace") for path in files}}


def stored_lines(url: str, run: str) -> list[bytes]:
    database = Database(Address(url))
    try:
        return [line.encode() for line in database.lines(run)]
    finally:
        database.close()


@pytest.fixture(scope="module")
def url(postgresql: Server) -> str:
    return postgresql.new()


@pytest.fixture(scope="module")
def served(url: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run whose store is a server, with everything that may tell what was typed."""
    folder = tmp_path_factory.mktemp("served")
    loud = ("--junitxml", str(folder / "junit.xml"), "--html", str(folder / "html.html"), "-vv", "--showlocals")
    return suite(folder, *JAX, "-k", TINY, "--store", url, *loud)


def test_a_server_has_every_line(served: Finished, url: str) -> None:
    assert served.code == 0
    path = served.record.path
    assert stored_lines(url, path.stem) == whole_lines(path)
    assert not (served.folder / "report" / FILE).exists()


def test_a_password_is_nowhere(served: Finished) -> None:
    said = everything(served)
    assert any(name.endswith("junit.xml") for name in said)
    assert any(name.endswith("html.html") for name in said)
    assert not {name for name, text in said.items() for spelling in SPELLINGS if spelling in text}
    assert "claims:***@127.0.0.1" in served.record.header["command"]
    assert "store: postgresql+psycopg://claims:***@127.0.0.1" in served.output


@pytest.mark.slow
def test_an_interrupted_run_goes_on_on_another_machine(served: Finished, postgresql: Server, tmp_path: Path) -> None:
    """Its file is made from the store, which has it up to the third trial of the second variant."""
    path = served.record.path
    at = [number for number, kind in enumerate(kinds(path)) if kind == "trial"][7]
    another = postgresql.new()
    database = Database(Address(another))
    database.prepare()
    database.add(path.stem, 0, whole_lines(path)[: at + 1])
    database.close()
    unnamed = suite(tmp_path, *JAX, "-k", TINY, "--store", another, "--resume")
    assert unnamed.code == 4
    assert f"The store has one of another folder: --resume={path.stem}" in unnamed.output
    resumed = suite(tmp_path, *JAX, "-k", TINY, "--store", another, f"--resume={path.stem}")
    assert resumed.code == 0
    assert trials(resumed.record) == trials(served.record)
    assert timeless(resumed.report) == timeless(served.report)
    assert stored_lines(another, path.stem) == whole_lines(resumed.record.path)


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
    assert report(f"sqlite:///{tmp_path}/none.sqlite").startswith("reports: There is no store sqlite:///")
    assert not (tmp_path / "none.sqlite").exists()


def test_a_refusing_server_is_wrong_use(postgresql: Server, tmp_path: Path) -> None:
    if not isinstance(postgresql, Server):
        pytest.skip("its passwords are not this test's to get wrong")
    refused = suite(tmp_path, *JAX, "-k", "minmax-table", "--store", postgresql.url("postgres", "not " + PASSWORD))
    assert refused.code == 4
    (error,) = [line for line in refused.output.splitlines() if line.startswith("ERROR: ")]
    assert "password authentication failed" in error
    assert not {name for name, text in everything(refused).items() for spelling in SPELLINGS if spelling in text}


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, int]:
    """A run whose store is locked by somebody from its first item on; and how many lines the store has of it."""
    folder = tmp_path_factory.mktemp("away")
    run = suite(folder, *JAX, "-k", TINY, plugins=(*PLAIN, "-p", "tests.suite.locking"))
    return run, len(stored_lines(f"sqlite:///{folder}/report/{FILE}", run.record.path.stem))


def test_a_store_that_is_away_loses_nothing_and_is_told(away: tuple[Finished, int], first: Finished) -> None:
    run, stored = away
    assert run.code == 3
    assert run.verdicts == first.verdicts
    assert run.record.end is not None
    assert run.record.end["exit_status"] == 3
    assert run.output.count("The run goes on, and keeps its results in") == 1
    assert run.output.count("ERROR: store: ") == 1
    assert "database is locked" in run.output
    assert f"report: {run.folder / 'report' / 'REPORT.md'}" in run.output
    assert 0 < stored < len(whole_lines(run.record.path))


@pytest.mark.slow
def test_the_next_run_brings_it_up_to_date(away: tuple[Finished, int]) -> None:
    run, _ = away
    path = run.record.path
    after = suite(run.folder, *JAX, "-k", "minmax-table")
    assert after.code == 0
    assert "records of 1 earlier run" in after.output
    for each in (path, latest_run(path.parent)):
        assert stored_lines(f"sqlite:///{run.folder}/report/{FILE}", each.stem) == whole_lines(each)


@pytest.mark.slow
def test_a_damaged_store_is_told_and_kept(tmp_path: Path) -> None:
    store = tmp_path / "report" / FILE
    store.parent.mkdir()
    store.write_bytes(b"this is no database" * 400)
    done = suite(tmp_path, *JAX, "-k", "minmax-table", "-q")
    assert done.code == 0
    (kept,) = store.parent.glob(f"{FILE}.damaged-*")
    assert kept.read_bytes() == b"this is no database" * 400
    assert f"file is not a database. It is kept as {kept.name}, and a new one was begun" in done.output
    assert stored_lines(f"sqlite:///{store}", done.record.path.stem) == whole_lines(done.record.path)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    import sqlalchemy as sa

    store = tmp_path / "newer.sqlite"
    database = Database(sqlite_address(store))
    database.prepare()
    with database._engine.begin() as connection:
        connection.execute(sa.update(SCHEMA).values(version=7))
    database.close()
    refused = suite(tmp_path, *JAX, "-k", "minmax-table", "--store", f"sqlite:///{store}")
    assert refused.code == 4
    assert "has a schema of version 7; this suite reads and writes version 1" in refused.output
    assert not list((tmp_path / "report" / "runs").iterdir())


@NEEDS_WEAK
def test_a_read_only_store_is_wrong_use(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    database = Database(sqlite_address(store))
    database.prepare()
    database.close()
    store.chmod(0o444)
    command = [*AS_ANYBODY, *arguments(tmp_path, *JAX, "-k", "minmax-table", "--store", f"sqlite:///{store}")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("ERROR: ")]
    assert "attempt to write a readonly database" in error
    assert not list((tmp_path / "report" / "runs").iterdir())


@pytest.mark.slow
def test_two_runs_at_once_share_a_store(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/both.sqlite"
    started = [
        subprocess.Popen(
            arguments(tmp_path / name, *JAX, "-k", TINY, "--store", store),
            cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            encoding="utf-8",
        )
        for name in ("a", "b")
    ]  # fmt: skip
    runs = []
    for name, process in zip(("a", "b"), started, strict=True):
        output, _ = process.communicate(timeout=300)
        runs.append(Finished(process.returncode, output, tmp_path / name))
    assert [run.code for run in runs] == [0, 0]
    for run in runs:
        assert stored_lines(store, run.record.path.stem) == whole_lines(run.record.path)
    assert json.loads(stored_lines(store, runs[0].record.path.stem)[-1])["kind"] == "end"
