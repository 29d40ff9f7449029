"""A team's database: it holds every line of every finished run once. Databases that cannot be used are reported."""

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
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record import database as module
from harness.record.address import Address
from harness.record.database import SCHEMA, Database, StoreError, opened, push_all, stored_run
from harness.record.run import RunResumed, encode, whole_lines
from tests.make import self_check
from tests.postgresql import PASSWORD, Server
from tests.record.made import END, HEADER, done, finished, written
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT

ID, OTHER = HEADER.id, "2026-11-25T10-15-00-000000-7"
RESUMED = encode(RunResumed(started="2026-11-26T00:00:00+00:00", command="pytest suite/ --resume", commit=None)) + b"\n"


def sqlite_address(file: Path) -> Address:
    return Address(f"sqlite:///{file}")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """The address of an empty database."""
    if request.param == "sqlite":
        return sqlite_address(tmp_path / "team" / "store.sqlite")
    return Address(request.getfixturevalue("postgresql").new())


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def lines(address: Address, run: str = ID) -> list[bytes]:
    with contextlib.closing(Database(address)) as database:
        return [line.encode() for line in database.lines(run)]


@contextlib.contextmanager
def connected(address: Address) -> Iterator[sa.Connection]:
    """A connection that does not belong to the suite. Its changes are committed."""
    engine = sa.create_engine(address.url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def pushed_line(count: int, run: str, address: Address) -> str:
    return f"pushed to {address}: {count} records of the run {run}"


def test_a_finished_run_is_pushed_and_read_back_byte_for_byte(address: Address, runs: Path) -> None:
    path = finished(runs)
    assert push_all(address, runs) == [pushed_line(5, ID, address)]
    assert lines(address) == whole_lines(path)
    for asked in (None, ID):
        assert stored_run(address, asked) == (ID, path.read_bytes())


def test_headers_and_the_lines_without_trials_and_claims(address: Address, runs: Path) -> None:
    path, other = finished(runs), finished(runs, id=OTHER)
    push_all(address, runs)
    with contextlib.closing(Database(address)) as database:
        assert database.headers() == {one.stem: whole_lines(one)[0] for one in (path, other)}
        found = dict(database.light())
    assert list(found) == [ID, OTHER]
    assert found[ID] == [line for line in whole_lines(path) if b'"kind":"trial"' not in line[:20]]
    assert 0 < len(found[ID]) < len(whole_lines(path))


def test_an_index_has_the_lines_without_trials_and_claims(tmp_path: Path) -> None:
    address = sqlite_address(tmp_path / "store.sqlite")
    with opened(address) as database, connected(address) as connection:
        statement = sa.select(module.RECORDS.c.body).where(module.LIGHT).order_by(*module.RECORDS.primary_key)
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        assert list(database.light()) == []
    assert "claims_light" in str(plan)


def test_a_second_push_changes_nothing(address: Address, runs: Path) -> None:
    path = finished(runs)
    push_all(address, runs)
    assert push_all(address, runs) == []
    with opened(address) as database:
        assert database.push(ID, whole_lines(path)) == 0
        assert database.sizes() == {ID: 5}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, address: Address, texts: list[str]) -> None:
    """PostgreSQL cannot store NUL and lone surrogates in texts. The lines of a run have neither."""
    folder = tmp_path_factory.mktemp("runs")
    name = f"run-{folder.name}"
    awkward = ["\0", "\ud800", "\u2028", "적절", "'; DROP TABLE claims_records; --", *texts]
    path = written(folder, self_check("any", "".join(awkward)), END, id=name)
    assert push_all(address, folder) == [pushed_line(3, name, address)]
    assert stored_run(address, name) == (name, path.read_bytes())


def test_a_longer_file_adds_its_lines(address: Address, runs: Path) -> None:
    """An interrupted run is pushed; then it is resumed and pushed again."""
    path = written(runs, done(0), replace(END, interrupted=True))
    assert push_all(address, runs) == [pushed_line(3, ID, address)]
    interrupted = path.read_bytes()
    path.write_bytes(interrupted + RESUMED)
    assert push_all(address, runs) == []  # it goes on just now, or was killed
    assert lines(address) == interrupted.splitlines()
    path.write_bytes(path.read_bytes() + encode(done(1)) + b"\n" + encode(END) + b"\n")
    assert push_all(address, runs) == [pushed_line(3, ID, address)]
    assert lines(address) == whole_lines(path)


def test_a_run_that_has_not_ended_is_not_pushed(address: Address, runs: Path) -> None:
    path = written(runs, done(0))
    assert push_all(address, runs) == []
    path.write_bytes(path.read_bytes() + encode(END))  # torn: without its line's end
    assert push_all(address, runs) == []
    with opened(address) as database:
        assert database.sizes() == {}
    with pytest.raises(SuiteError, match="No run is recorded in"):
        stored_run(address, None)


def test_a_torn_line_behind_the_end_is_not_pushed(address: Address, runs: Path) -> None:
    path = finished(runs)
    path.write_bytes(path.read_bytes() + RESUMED[:20])
    assert push_all(address, runs) == [pushed_line(5, ID, address)]
    assert lines(address) == finished(runs).read_bytes().splitlines()


def test_only_finished_runs_are_pushed_and_damaged_files_are_reported(address: Address, runs: Path) -> None:
    end = encode(END) + b"\n"
    left_alone = {
        "2026-01": b"", "2026-02": b"\xff\xfe\n", "2026-03": b'{"kind": "run", "schema": 1}\n{"kind": "end"}\n',
        "2026-04": b"[]\n", "2026-05": b"\0\0\0\n",
    }  # fmt: skip
    head = encode(HEADER) + b"\n"
    damaged = {"2026-06": end, "2026-07": head + b"[]\n" + end, "2026-08": head + b"\xff\n" + end}
    for name, content in (left_alone | damaged).items():
        (runs / f"{name}.jsonl").write_bytes(content)
    (runs / "2026-09.jsonl").mkdir()
    finished(runs, id=OTHER)
    printed = push_all(address, runs)
    for name, line in zip((*damaged, "2026-09"), printed, strict=False):
        assert line.startswith("not pushed: ")
        assert f"{name}.jsonl" in line
    assert printed[4:] == [pushed_line(5, OTHER, address)]
    with opened(address) as database:
        assert list(database.sizes()) == [OTHER]


def test_a_different_file_of_a_pushed_run_is_refused(address: Address, runs: Path) -> None:
    """The file has another last line, or is shorter. The other runs are still pushed."""
    path = finished(runs)
    push_all(address, runs)
    before = lines(address)
    finished(runs, 1, id=OTHER)
    others = {
        "shorter": written(runs, done(0), END).read_bytes(),
        "longer": written(runs, done(0), done(1), done(2), replace(END, seconds=2.5), END).read_bytes(),
    }
    for content in others.values():
        path.write_bytes(content)
        pushed = push_all(address, runs)
        assert f"{address} has another course of the run {ID} than its file here: it was resumed elsewhere" in pushed[0]
        assert lines(address) == before
    assert lines(address, OTHER) == whole_lines(runs / f"{OTHER}.jsonl")


def test_a_push_is_all_or_nothing(address: Address, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of the four statements of a push fails."""
    path = finished(runs, 10)
    monkeypatch.setattr(module, "BATCH", 3)
    with opened(address) as database:
        calls: list[str] = []

        def failing(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if statement.startswith("INSERT INTO claims_records"):
                calls.append(statement)
                if len(calls) == 2:
                    raise sa.exc.OperationalError("the line was cut", None, Exception("the line was cut"))

        sa.event.listen(database._engine, "before_cursor_execute", failing)
        with pytest.raises(StoreError, match="cannot be used: the line was cut"):
            database.push(ID, whole_lines(path))
        assert database.lines(ID) == []
        assert database.push(ID, whole_lines(path)) == 12
    assert lines(address) == whole_lines(path)


def test_two_pushes_at_once(address: Address, runs: Path) -> None:
    """Six threads push the same runs to a new database at once. No push fails, and every line is stored once."""
    paths = [finished(runs, 40, id=f"2026-0{number}") for number in range(1, 5)]
    barrier = threading.Barrier(6)

    def push(_: int) -> list[str]:
        barrier.wait()
        return push_all(address, runs)

    with ThreadPoolExecutor(6) as pool:
        printed = [line for each in pool.map(push, range(6)) for line in each]
    counts = [int(line.split(": ")[1].split()[0]) for line in printed]
    assert sum(counts) == 4 * 42
    assert set(counts) <= {0, 42}
    assert all(lines(address, path.stem) == whole_lines(path) for path in paths)


def test_a_run_is_found_by_its_id_or_is_the_newest(address: Address, runs: Path) -> None:
    for name in (OTHER, ID, "2026-11-24T10-15-00-000000-7-8"):
        finished(runs, id=name)
    push_all(address, runs)
    assert stored_run(address, None)[0] == OTHER
    assert stored_run(address, ID)[1] == (runs / f"{ID}.jsonl").read_bytes()
    with pytest.raises(SuiteError, match=rf"Invalid run\. .+ Did you mean '{OTHER}'"):
        stored_run(address, f"{OTHER}x")


@pytest.mark.parametrize("version", [1, 3])
def test_a_database_of_another_version_is_reported_and_kept(address: Address, runs: Path, version: int) -> None:
    """Version 1 had another table of records. The push changes neither that table nor that of a newer version."""
    finished(runs)
    if address.file:
        address.file.parent.mkdir()
    with connected(address) as connection:
        SCHEMA.create(connection)
        connection.execute(sa.insert(SCHEMA).values(id=1, version=version))
        connection.exec_driver_sql("CREATE TABLE claims_records (run TEXT, position INTEGER, kind TEXT, body TEXT)")
        connection.exec_driver_sql("INSERT INTO claims_records VALUES ('2025-01', 0, 'run', '{}')")
    for use in (lambda: push_all(address, runs), lambda: stored_run(address, None)):
        with pytest.raises(
            SuiteError, match=rf"has a schema of version {version}; this suite reads and .+ version 2\."
        ):
            use()
    with connected(address) as connection:
        assert connection.exec_driver_sql("SELECT * FROM claims_records").all() == [("2025-01", 0, "run", "{}")]
        assert connection.execute(sa.select(SCHEMA.c.version)).scalars().all() == [version]


def test_a_locked_database_is_waited_for_a_while(address: Address, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = finished(runs)
    with opened(address):
        pass
    monkeypatch.setattr(module, "PATIENCE", 1)
    with connected(address) as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE" if address.file else "LOCK claims_records")
        with pytest.raises(StoreError, match="lock"):
            push_all(address, runs)
    assert push_all(address, runs) == [pushed_line(5, ID, address)]
    assert lines(address) == whole_lines(path)


def test_other_tables_of_a_database_are_left_alone(address: Address, runs: Path) -> None:
    if address.file:
        address.file.parent.mkdir()
    with connected(address) as connection:
        connection.exec_driver_sql("CREATE TABLE mine (x INTEGER)")
        connection.exec_driver_sql("INSERT INTO mine VALUES (7)")
    finished(runs)
    assert len(push_all(address, runs)) == 1
    with connected(address) as connection:
        assert connection.exec_driver_sql("SELECT x FROM mine").scalar() == 7


@pytest.mark.parametrize("damage", ["garbage", "truncated", "page", "text"])
def test_a_damaged_file_is_reported_and_kept(damage: str, tmp_path: Path, runs: Path) -> None:
    store = tmp_path / "store.sqlite"
    address = sqlite_address(store)
    finished(runs, 200)
    push_all(address, runs)
    content = store.read_bytes()
    store.write_bytes({
        "garbage": b"no database" * 999, "truncated": content[: len(content) // 2],
        "page": content[:4096] + b"x" * 8192 + content[12288:], "text": b"my notes",
    }[damage])  # fmt: skip
    before = store.read_bytes()
    finished(runs, 200, id=OTHER)
    for use in (lambda: push_all(address, runs), lambda: stored_run(address, ID)):
        with pytest.raises(
            StoreError, match=r"^The database sqlite:///.+ cannot be used: .*(malformed|not a database)"
        ):
            use()
    assert store.read_bytes() == before


def test_a_database_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="There is no database sqlite:///"):
        stored_run(sqlite_address(tmp_path / "none.sqlite"), None)
    assert not list(tmp_path.iterdir())


def test_a_database_without_the_tables_of_the_suite_has_no_runs(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.sqlite").close()
    (tmp_path / "other.sqlite").touch()
    with pytest.raises(StoreError, match="cannot be used: no such table"):
        stored_run(sqlite_address(tmp_path / "other.sqlite"), None)


def test_a_file_that_cannot_be_opened(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(StoreError, match="cannot be used: unable to open database file"):
        push_all(sqlite_address(tmp_path / "folder.sqlite"), runs)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"Cannot make the folder of sqlite:///.+: Not a directory"):
        push_all(sqlite_address(tmp_path / "file" / "deep" / "store.sqlite"), runs)


PUSH = """
import sys
from pathlib import Path
from harness.errors import SuiteError
from harness.record.address import Address
from harness.record.database import push_all, stored_run
address, runs = Address(sys.argv[1]), Path(sys.argv[2])
for use in (lambda: push_all(address, runs), lambda: stored_run(address, None)[0]):
    try:
        print(use())
    except SuiteError as error:
        print(error)
"""


@NEEDS_WEAK
def test_a_read_only_file_can_be_read_and_not_pushed_to(tmp_path: Path, runs: Path) -> None:
    store = tmp_path / "team" / "store.sqlite"
    finished(runs)
    push_all(sqlite_address(store), runs)
    store.chmod(0o444)
    store.parent.chmod(0o555)
    command = [*AS_ANYBODY, sys.executable, "-c", PUSH, f"sqlite:///{store}", str(runs)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()
    store.parent.chmod(0o755)
    assert "cannot be used: attempt to write a readonly database" in printed[0]
    assert printed[1:] == [ID]


def test_a_user_who_may_not_create_tables_uses_existing_ones(own_server: Server, runs: Path) -> None:
    url = own_server.new()
    with opened(Address(url)):
        pass
    with connected(Address(url)) as connection:
        connection.exec_driver_sql("CREATE ROLE member LOGIN PASSWORD 'member'")
        connection.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        connection.exec_driver_sql("GRANT SELECT, INSERT ON claims_records TO member")
        connection.exec_driver_sql("GRANT SELECT ON claims_schema TO member, reader")
        connection.exec_driver_sql("GRANT SELECT ON claims_records TO reader")
    host = url.rpartition("@")[2]
    path = finished(runs)
    member = Address(f"postgresql://member:member@{host}")
    assert push_all(member, runs) == [pushed_line(5, ID, member)]
    reader = Address(f"postgresql://reader:reader@{host}")
    assert stored_run(reader, None) == (ID, path.read_bytes())
    with pytest.raises(StoreError, match="permission denied for table claims_records"):
        push_all(reader, runs)


def test_an_unreachable_server_is_reported_and_a_later_push_succeeds(own_server: Server, runs: Path) -> None:
    address = Address(own_server.new())
    path = finished(runs)
    with opened(address) as database:
        own_server.stop()
        for use in (lambda: push_all(address, runs), lambda: database.push(ID, whole_lines(path))):
            with pytest.raises(StoreError) as refused:
                use()
            assert "***@127.0.0.1" in str(refused.value)
            assert "heim" not in str(refused.value)
        own_server.start()
    assert push_all(address, runs) == [pushed_line(5, ID, address)]
    assert lines(address) == whole_lines(path)


def test_the_refusal_of_a_server_is_one_sentence_without_a_password(own_server: Server, runs: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = free.getsockname()[1]
    wrong = {
        "password authentication failed": own_server.url("postgres", "wrong " + PASSWORD),
        'database "missing" does not exist': own_server.url("missing"),
        "connection refused": own_server.url("postgres", port=nobody),
        "resolve host": own_server.url("postgres").replace("127.0.0.1", "nowhere.invalid"),
        "invalid connection option": own_server.url("postgres") + "?colour=red",
    }
    for reason, url in wrong.items():
        with pytest.raises(StoreError, match=r"^The database postgresql\+psycopg://claims:\*\*\*@") as refused:
            push_all(Address(url), runs)
        message = str(refused.value)
        assert reason in message.lower().replace("name or service not known", "resolve host")
        assert "\n" not in message
        assert "heim" not in message
        assert "wort" not in message
