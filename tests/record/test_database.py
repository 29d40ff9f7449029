"""A team's database: it holds every finished run once. Databases that cannot be used are reported."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.record import database as module
from harness.record.database import TABLE, Database
from harness.record.run import whole_lines
from harness.record.run_file import locked
from tests.make import self_check
from tests.postgresql import PASSWORD, Server
from tests.record.made import END, HEADER, done, finished, written
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT

ID = HEADER.id


def in_file(file: Path) -> Database:
    return Database(f"sqlite:///{file}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database."""
    if request.param == "sqlite":
        return in_file(tmp_path / "team" / "store.sqlite")
    return Database(request.getfixturevalue("postgresql").new())


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def connected(database: Database) -> Iterator[sa.Connection]:
    """A connection that does not belong to the suite. Its changes are committed."""
    engine = sa.create_engine(database.url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def pushed_line(count: int, run: str, database: Database) -> str:
    return f"pushed to {database}: {count} records of the run {run}"


@pytest.mark.parametrize(
    "text",
    [
        "store.sqlite", "", "sqlite://", "sqlite:///:memory:", "sqlite:///x?cache=geheim", "mysql://u:geheim@h/d",
        "postgresql+psycopg2://u:geheim@h/d", "postgresql://u:geh@eim@h/d", "postgresql://h:geheim/d", "geheim://",
        "postgresql://u@h/d?password=geheim", "://geheim", "sqlite://geheim/file",
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(SuiteError, match=r"^Invalid --store[.:]") as refused:
        Database(text)
    assert "geh" not in str(refused.value).replace("geheim://", "")


def test_a_password_is_shown_nowhere() -> None:
    text, shown = "postgresql://me:ge%40heim@host/claims", "postgresql+psycopg://me:***@host/claims"
    database = Database(text)
    assert (database.url.password, str(database)) == ("ge@heim", shown)
    assert database.redacted(["--store", text, f"--store={text}", "suite/"]) == [
        "--store", shown, f"--store={shown}", "suite/",
    ]  # fmt: skip


def test_finished_runs_are_pushed_once_and_read_back_byte_for_byte(database: Database, runs: Path) -> None:
    path = finished(runs)
    later = finished(runs, 10, id="2026-12")
    written(runs, done(0), id="2027-unfinished")
    lock = locked(later)  # it still writes its report
    assert database.push_all(runs) == [pushed_line(5, ID, database)]
    lock.release()
    (runs / ".2026-12.lock").touch()  # a killed process left it
    assert database.push_all(runs) == [pushed_line(12, "2026-12", database)]
    assert database.push_all(runs) == []
    assert database.read() == ("2026-12", later.read_bytes())
    assert database.read(ID) == (ID, path.read_bytes())
    light = {run: [line for line in whole_lines(runs / f"{run}.jsonl") if b'"trial"' not in line[:16]]
             for run in (ID, "2026-12")}  # fmt: skip
    assert dict(database.light()) == light
    with pytest.raises(SuiteError, match=r"Received: '2026-13'. Did you mean '2026-12'"):
        database.read("2026-13")


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, database: Database, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("runs")
    name = f"{threading.get_ident()}-{folder.name}"
    path = written(folder, self_check("any", "".join(["\0", "\u2028", "적절", "'; --", *texts])), END, id=name)
    database.push_all(folder)
    assert database.read(name) == (name, path.read_bytes())


def test_damaged_files_are_reported_and_the_others_pushed(database: Database, runs: Path) -> None:
    finished(runs)
    damaged = finished(runs, id="2026-12")
    damaged.write_bytes(damaged.read_bytes().replace(b'"trial"', b'"trail"', 1))
    torn = finished(runs, id="2026-13")
    torn.write_bytes(torn.read_bytes()[:-5])
    (runs / "2026-14.jsonl").write_bytes(b"")
    with pytest.raises(SuiteError, match=r"(?s)Invalid line \d of .*2026-12.*pushed to") as refused:
        database.push_all(runs)
    assert "2026-13" not in str(refused.value)
    assert database.runs() == [ID]
    assert database.read() == (ID, (runs / f"{ID}.jsonl").read_bytes())


def test_two_pushes_at_once(database: Database, runs: Path) -> None:
    """Six threads push the same runs to a new database at once. No push fails, and every run is stored once."""
    paths = [finished(runs, 40, id=f"2026-0{number}") for number in range(1, 5)]
    barrier = threading.Barrier(6)

    def push(_: int) -> list[str]:
        barrier.wait()
        return database.push_all(runs)

    with ThreadPoolExecutor(6) as pool:
        printed = [line for each in pool.map(push, range(6)) for line in each]
    assert sorted(printed) == [pushed_line(42, path.stem, database) for path in paths]
    assert [database.read(path.stem)[1] for path in paths] == [path.read_bytes() for path in paths]


def test_a_locked_database_is_waited_for_a_while(
    database: Database, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1)
    finished(runs)
    database.prepare()
    file = database.url.database if database.url.get_backend_name() == "sqlite" else None
    with connected(database) as connection:
        if not file:
            connection.exec_driver_sql(f"LOCK TABLE {TABLE}")
        other = sqlite3.connect(file) if file else None
        if other:
            other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SuiteError, match=r"cannot be used: .*(locked|lock timeout)"):
            database.push_all(runs)
        if other:
            other.close()
    assert database.push_all(runs) == [pushed_line(5, ID, database)]


def test_what_is_no_database_is_reported_and_kept(tmp_path: Path, runs: Path) -> None:
    finished(runs)
    (tmp_path / "notes.txt").write_bytes(b"this is no database" * 400)
    (tmp_path / "folder.sqlite").mkdir()
    for name, reason in (
        ("notes.txt", "file is not a database"),
        ("folder.sqlite", "unable to open database file"),
        ("notes.txt/deep/store.sqlite", "Cannot make the folder of sqlite:///.+: Not a directory"),
    ):
        with pytest.raises(SuiteError, match=reason):
            in_file(tmp_path / name).push_all(runs)
    with pytest.raises(SuiteError, match="There is no database"):
        in_file(tmp_path / "none").read()
    assert (tmp_path / "notes.txt").read_bytes() == b"this is no database" * 400
    in_file(tmp_path / "empty").prepare()
    with pytest.raises(SuiteError, match="No run is recorded in"):
        in_file(tmp_path / "empty").read()


PUSH = """
import sys
from pathlib import Path
from harness.errors import SuiteError
from harness.record.database import Database
database, runs = Database(sys.argv[1]), Path(sys.argv[2])
for use in (lambda: database.push_all(runs), lambda: database.read()[0]):
    try:
        print(use())
    except SuiteError as error:
        print(error)
"""


@NEEDS_WEAK
def test_a_read_only_file_can_be_read_and_not_pushed_to(tmp_path: Path, runs: Path) -> None:
    store = tmp_path / "team" / "store.sqlite"
    finished(runs)
    in_file(store).push_all(runs)
    store.chmod(0o444)
    store.parent.chmod(0o555)
    command = [*AS_ANYBODY, sys.executable, "-c", PUSH, f"sqlite:///{store}", str(runs)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    store.parent.chmod(0o755)
    assert "cannot be used: attempt to write a readonly database" in printed[0]
    assert printed[1:] == [ID]


def test_a_user_who_may_not_create_tables_uses_existing_ones(own_server: Server, runs: Path) -> None:
    url = own_server.new()
    Database(url).prepare()
    with connected(Database(url)) as connection:
        connection.exec_driver_sql("CREATE ROLE member LOGIN PASSWORD 'member'")
        connection.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        connection.exec_driver_sql(f"GRANT SELECT, INSERT ON {TABLE} TO member")
        connection.exec_driver_sql(f"GRANT SELECT ON {TABLE} TO reader")
    host = url.rpartition("@")[2]
    path = finished(runs)
    member = Database(f"postgresql://member:member@{host}")
    assert member.push_all(runs) == [pushed_line(5, ID, member)]
    reader = Database(f"postgresql://reader:reader@{host}")
    assert reader.read() == (ID, path.read_bytes())
    with pytest.raises(SuiteError, match=f"permission denied for table {TABLE}"):
        reader.push_all(runs)


def test_an_unreachable_server_is_reported_and_a_later_push_succeeds(own_server: Server, runs: Path) -> None:
    database = Database(own_server.new())
    path = finished(runs)
    database.prepare()
    own_server.stop()
    for use in (lambda: database.push_all(runs), lambda: database.push(ID, whole_lines(path))):
        with pytest.raises(SuiteError) as refused:
            use()
        assert "***@127.0.0.1" in str(refused.value)
        assert "heim" not in str(refused.value)
    own_server.start()
    assert database.push_all(runs) == [pushed_line(5, ID, database)]
    assert database.read() == (ID, path.read_bytes())


def test_the_refusal_of_a_server_is_one_sentence_without_a_password(own_server: Server, runs: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    wrong = {
        "password authentication failed": own_server.url("postgres", "wrong " + PASSWORD),
        'database "missing" does not exist': own_server.url("missing"),
        "connection refused": own_server.url("postgres", port=nobody),
        "resolve host": own_server.url("postgres").replace("127.0.0.1", "nowhere.invalid"),
    }
    for reason, url in wrong.items():
        with pytest.raises(SuiteError, match=r"^The database postgresql\+psycopg://claims:\*\*\*@") as refused:
            Database(url).push_all(runs)
        message = str(refused.value)
        assert reason in message.lower().replace("name or service not known", "resolve host")
        assert not {"\n", "heim", "wort"} & {word for word in ("\n", "heim", "wort") if word in message}
