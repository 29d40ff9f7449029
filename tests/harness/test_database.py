"""The store: every line of every run file, once, whatever is copied again; and what it says of bad ones."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from harness.store import RunLog
from harness.store.follower import Follower, ForkedError, catch_up, whole_lines
from harness.store.opening import open_store

from harness.errors import SuiteError
from harness.record.address import Address, sqlite_address
from harness.record.database import RECORDS, SCHEMA, Database, StoreError
from tests.harness.stored import NOW, record, run, same


@pytest.fixture
def file(tmp_path: Path) -> Address:
    return sqlite_address(tmp_path / "store.sqlite")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> Address:
    """Of an empty database."""
    if request.param == "sqlite":
        return request.getfixturevalue("file")
    return Address(request.getfixturevalue("postgresql").new())


@pytest.fixture
def database(address: Address, tmp_path: Path) -> Iterator[Database]:
    opened, said = open_store(address, tmp_path / "runs", NOW)
    assert said == []
    yield opened
    opened.close()


def test_a_line_is_in_the_store_at_once(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "2026-01.jsonl"
    log = RunLog(path.parent, {"id": path.stem}, Follower(database, path, print))
    assert same(database, path)
    log.append("trial", record(1))
    assert same(database, path)
    other = RunLog.join(path, Follower(database, path, print))  # of a worker
    other.append("trial", record(2))
    log.append("claim", {"key": "x"})
    assert same(database, path)
    other.close()
    log.close()


def test_a_trial_has_columns_of_its_own(database: Database, tmp_path: Path) -> None:
    Follower(database, run(tmp_path, 1), print)()
    with database._engine.begin() as connection:
        first, trial = connection.execute(sa.select(RECORDS).order_by(RECORDS.c.position)).all()
    assert (first.kind, first.experiment, first.seed) == ("run", None, None)
    assert (trial.kind, trial.experiment, trial.variant, trial.seed, trial.definition) == ("trial", "e", "적절", 0, "d")
    assert json.loads(trial.body)["variant"] == "적절"


def test_a_torn_line_waits_until_it_is_whole(database: Database, tmp_path: Path) -> None:
    path = run(tmp_path)
    whole = path.read_bytes()
    follower = Follower(database, path, print)
    path.write_bytes(whole[:-5])
    follower()
    assert len(database.lines(path.stem)) == 3
    path.write_bytes(whole)
    follower()
    assert same(database, path)


def test_copying_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = run(tmp_path)
    for _ in range(2):
        Follower(database, path, print)()
        database.add(path.stem, 0, whole_lines(path))
        assert same(database, path)


def test_earlier_runs_are_caught_up_with(database: Database, tmp_path: Path) -> None:
    paths = [run(tmp_path, name=name) for name in ("2026-01", "2026-02", "2026-03")]
    Follower(database, paths[1], print)()
    folder = tmp_path / "runs"
    (folder / "2026-04.jsonl").write_bytes(b"\xff\n")
    (folder / "2026-05.jsonl").write_bytes(b"")
    (folder / "2026-06.jsonl").write_bytes(b'{"kind": "trial"}\n')
    (folder / "2026-07.jsonl").write_bytes(b'{"kind": "run"}\n[]\n')
    (folder / "2026-08.jsonl").write_bytes(b'{"kind": "run"}\n{"kind": "trial", "seed": [1]}\n')
    (said,) = catch_up(database, folder)
    assert said == "store: caught up with 10 records of 3 earlier runs"
    assert list(database.copied()) == ["2026-01", "2026-02", "2026-03", "2026-08"]
    assert all(same(database, path) for path in paths)
    assert catch_up(database, folder) == []


def test_a_run_that_went_on_elsewhere_is_told(database: Database, tmp_path: Path) -> None:
    path = run(tmp_path)
    database.add(path.stem, 0, [*whole_lines(path)[:2], b'{"kind": "end"}'])
    before = database.lines(path.stem)
    with pytest.raises(ForkedError, match="it went on elsewhere"):
        Follower(database, path, print).copy()
    assert "another course of the run 2026-01" in catch_up(database, path.parent)[0]
    assert database.lines(path.stem) == before


def test_a_store_that_is_away_is_told_once_and_catches_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run(tmp_path, 0)
    told: list[str] = []
    follower = Follower(database, path, told.append)
    log = RunLog.join(path, follower)
    log.append("trial", record(0))
    real, asked = database.add, []

    def away(*arguments: object) -> None:
        asked.append(arguments)
        raise StoreError("The store cannot be used: gone.")

    monkeypatch.setattr(database, "add", away)
    for seed in range(1, 50):
        log.append("trial", record(seed))
    assert len(told) == 1
    assert told[0].startswith("store: The store cannot be used: gone. The run goes on")
    assert len(asked) < 10
    assert follower.settle() == "The store cannot be used: gone."
    monkeypatch.setattr(database, "add", real)
    assert follower.settle() == ""
    assert told[1:] == [f"store: {database.address} is back, and has what it missed"]
    assert same(database, path)
    log.close()


def test_a_store_that_somebody_deleted_is_made_again(file: Address, tmp_path: Path) -> None:
    path = run(tmp_path)
    database, _ = open_store(file, path.parent, NOW)
    told: list[str] = []
    follower = Follower(database, path, told.append)
    for left in tmp_path.glob("store.sqlite*"):
        left.unlink()
    RunLog.join(path, follower).append("trial", record(3))
    assert follower.settle() == ""
    database.close()
    fresh = Database(file)
    assert same(fresh, path)
    fresh.close()


def test_a_run_file_that_vanishes_stops_no_run(database: Database, tmp_path: Path) -> None:
    path, told = run(tmp_path), list[str]()
    follower = Follower(database, path, told.append)
    path.unlink()
    assert "No such file" in follower.settle()
    assert len(told) == 1


def test_a_locked_file_is_away_for_a_while(
    database: Database, address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.record.database.PATIENCE", 1)
    path = run(tmp_path)
    ours = Database(address)
    told: list[str] = []
    follower = Follower(ours, path, told.append)
    with database._engine.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE" if address.file else "LOCK claims_records")
        assert "lock" in follower.settle()
        other.rollback()
    assert follower.settle() == ""
    assert same(database, path)
    ours.close()


def test_a_newer_schema_is_refused(database: Database, address: Address, tmp_path: Path) -> None:
    with database._engine.begin() as connection:
        connection.execute(sa.update(SCHEMA).values(version=2))
    with pytest.raises(SuiteError, match=r"has a schema of version 2; this suite reads and writes version 1\. Use"):
        open_store(address, tmp_path / "runs", NOW)
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize("damage", ["garbage", "truncated", "page"])
def test_a_damaged_file_is_kept_and_a_new_one_is_complete(damage: str, file: Address, tmp_path: Path) -> None:
    path = run(tmp_path, 200)
    opened, _ = open_store(file, path.parent, NOW)
    opened.close()
    store = tmp_path / "store.sqlite"
    content = store.read_bytes()
    for number in ("", "-2"):
        spoilt = {
            "garbage": b"no database" * 999,
            "truncated": content[: len(content) // 2],
            "page": content[:4096] + b"x" * 8192 + content[12288:],
        }[damage]
        store.write_bytes(spoilt)
        again, said = open_store(file, path.parent, NOW)
        assert same(again, path)
        again.close()
        assert f"It is kept as store.sqlite.damaged-2026-11-25T01-02-03{number}, and a new one was begun" in said[0]
        assert said[1] == "store: caught up with 201 records of 1 earlier run"
        assert (tmp_path / f"store.sqlite.damaged-2026-11-25T01-02-03{number}").read_bytes() == spoilt
    assert (tmp_path / "store.sqlite.damaged-2026-11-25T01-02-03").read_bytes() == spoilt


def test_a_file_that_nobody_meant_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("my notes")
    with pytest.raises(SuiteError, match="is no SQLite database, and was left as it is"):
        open_store(sqlite_address(file), tmp_path, NOW)
    assert file.read_text() == "my notes"


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(SuiteError, match="cannot be used: unable to open database file"):
        open_store(sqlite_address(tmp_path / "folder.sqlite"), tmp_path, NOW)
    (tmp_path / "file").touch()
    with pytest.raises(SuiteError, match="Cannot make the folder of the store"):
        open_store(sqlite_address(tmp_path / "file" / "store.sqlite"), tmp_path, NOW)


def test_two_runs_share_a_store(database: Database, address: Address, tmp_path: Path) -> None:
    """Each opens it as if it were the first, and all write at once."""
    paths = [run(tmp_path, 40, name) for name in ("2026-01", "2026-02", "2026-03", "2026-04")]

    def copy(path: Path) -> None:
        own, _ = open_store(address, tmp_path / "none", NOW)
        follower = Follower(own, path, print)
        for _ in range(3):
            follower()
        own.close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(copy, paths * 2))
    assert all(same(database, path) for path in paths)


def test_a_run_belongs_to_one_process(database: Database, address: Address) -> None:
    """On a server; of a file, to whoever has the lock beside it."""
    other = Database(address)
    assert database.claim("2026-01")
    assert database.claim("2026-01")
    assert other.claim("2026-01") is bool(address.file)
    assert other.claim("2026-02")
    database.close()
    until = time.monotonic() + 10  # a server's process gives its locks up a moment after its connection is closed
    while not other.claim("2026-01"):
        assert time.monotonic() < until
        time.sleep(0.05)
    other.close()
