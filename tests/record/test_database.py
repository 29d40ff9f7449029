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
from harness.record.address import Address
from harness.record.database import RUNS, Database, StoreError, opened, push_all, stored_run
from harness.record.run import whole_lines
from tests.make import self_check
from tests.postgresql import PASSWORD, Server
from tests.record.made import END, HEADER, done, finished, written
from tests.robustness.weak import AS_ANYBODY, NEEDS_WEAK
from tests.suite.command import ROOT

ID = HEADER.id


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


def content(address: Address, run: str = ID) -> bytes:
    with contextlib.closing(Database(address)) as database:
        return database.content(run)


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


def test_finished_runs_are_pushed_once_and_read_back_byte_for_byte(address: Address, runs: Path) -> None:
    path = finished(runs)
    later = finished(runs, 10, id="2026-12")
    written(runs, done(0), id="2027-unfinished")
    assert push_all(address, runs) == [pushed_line(5, ID, address), pushed_line(12, "2026-12", address)]
    assert push_all(address, runs) == []
    assert content(address) == path.read_bytes()
    assert stored_run(address, None) == ("2026-12", later.read_bytes())
    assert stored_run(address, ID) == (ID, path.read_bytes())
    assert content(address, "unknown") == b""
    with contextlib.closing(Database(address)) as database:
        light = {run: [line for line in whole_lines(runs / f"{run}.jsonl") if b'"trial"' not in line[:16]]
                 for run in (ID, "2026-12")}  # fmt: skip
        assert dict(database.light()) == light
    with pytest.raises(SuiteError, match=r"Received: '2026-13'. Did you mean '2026-12'"):
        stored_run(address, "2026-13")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, address: Address, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("runs")
    name = f"{threading.get_ident()}-{folder.name}"
    path = written(folder, self_check("any", "".join(["\0", "\u2028", "적절", "'; --", *texts])), END, id=name)
    push_all(address, folder)
    assert content(address, name) == path.read_bytes()


def test_damaged_files_are_reported_and_the_others_pushed(address: Address, runs: Path) -> None:
    finished(runs)
    damaged = finished(runs, id="2026-12")
    damaged.write_bytes(damaged.read_bytes().replace(b'"trial"', b'"trail"', 1))
    torn = finished(runs, id="2026-13")
    torn.write_bytes(torn.read_bytes()[:-5])
    (runs / "2026-14.jsonl").write_bytes(b"")
    with pytest.raises(SuiteError, match=r"(?s)Invalid line \d of .*2026-12.*pushed to") as refused:
        push_all(address, runs)
    assert "2026-13" not in str(refused.value)
    assert content(address) == (runs / f"{ID}.jsonl").read_bytes()
    assert content(address, "2026-12") == content(address, "2026-13") == b""


def test_two_pushes_at_once(address: Address, runs: Path) -> None:
    """Six threads push the same runs to a new database at once. No push fails, and every run is stored once."""
    paths = [finished(runs, 40, id=f"2026-0{number}") for number in range(1, 5)]
    barrier = threading.Barrier(6)

    def push(_: int) -> list[str]:
        barrier.wait()
        return push_all(address, runs)

    with ThreadPoolExecutor(6) as pool:
        printed = [line for each in pool.map(push, range(6)) for line in each]
    assert sorted(printed) == [pushed_line(42, path.stem, address) for path in paths]
    assert all(content(address, path.stem) == path.read_bytes() for path in paths)


def test_a_locked_database_is_waited_for_a_while(address: Address, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1)
    finished(runs)
    with opened(address):
        pass
    lock = "BEGIN EXCLUSIVE" if address.file else f"LOCK TABLE {RUNS.name}"
    with connected(address) as connection:
        if not address.file:
            connection.exec_driver_sql(lock)
        other = sqlite3.connect(address.file) if address.file else None
        if other:
            other.execute(lock)
        with pytest.raises(StoreError, match=r"cannot be used: .*(locked|lock timeout)"):
            push_all(address, runs)
        if other:
            other.close()
    assert push_all(address, runs) == [pushed_line(5, ID, address)]


def test_what_is_no_database_is_reported_and_kept(tmp_path: Path, runs: Path) -> None:
    finished(runs)
    (tmp_path / "notes.txt").write_bytes(b"this is no database" * 400)
    (tmp_path / "folder.sqlite").mkdir()
    for name, reason in (
        ("notes.txt", "file is not a database"),
        ("folder.sqlite", "unable to open database file"),
        ("notes.txt/deep/store.sqlite", "Cannot make the folder of sqlite:///.+: Not a directory"),
    ):
        with pytest.raises(StoreError, match=reason):
            push_all(sqlite_address(tmp_path / name), runs)
    with pytest.raises(SuiteError, match="There is no database"):
        stored_run(sqlite_address(tmp_path / "none"), None)
    assert (tmp_path / "notes.txt").read_bytes() == b"this is no database" * 400
    with opened(sqlite_address(tmp_path / "empty")):
        pass
    with pytest.raises(SuiteError, match="No run is recorded in"):
        stored_run(sqlite_address(tmp_path / "empty"), None)


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
        connection.exec_driver_sql(f"GRANT SELECT, INSERT ON {RUNS.name} TO member")
        connection.exec_driver_sql(f"GRANT SELECT ON {RUNS.name} TO reader")
    host = url.rpartition("@")[2]
    path = finished(runs)
    member = Address(f"postgresql://member:member@{host}")
    assert push_all(member, runs) == [pushed_line(5, ID, member)]
    reader = Address(f"postgresql://reader:reader@{host}")
    assert stored_run(reader, None) == (ID, path.read_bytes())
    with pytest.raises(StoreError, match=f"permission denied for table {RUNS.name}"):
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
    assert content(address) == path.read_bytes()


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
        with pytest.raises(StoreError, match=r"^The database postgresql\+psycopg://claims:\*\*\*@") as refused:
            push_all(Address(url), runs)
        message = str(refused.value)
        assert reason in message.lower().replace("name or service not known", "resolve host")
        assert not {"\n", "heim", "wort"} & {word for word in ("\n", "heim", "wort") if word in message}
