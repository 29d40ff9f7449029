"""The store: every line of every run file, once, whatever is copied again; and what it says of bad ones."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness.errors import SuiteError
from harness.store import RunLog
from harness.store.address import Address, sqlite_address
from harness.store.database import RECORDS, SCHEMA, Database, StoreError
from harness.store.follower import Follower, ForkedError, catch_up, whole_lines
from harness.store.opening import open_store

NOW = datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC)


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return sqlite_address(tmp_path / "store.sqlite")


@pytest.fixture
def database(address: Address, tmp_path: Path) -> Iterator[Database]:
    opened, said = open_store(address, tmp_path / "runs", NOW)
    assert said == []
    yield opened
    opened.close()


def record(seed: int, **changes: object) -> dict[str, object]:
    return {"experiment": "e", "definition": "d", "variant": "적절", "seed": seed, **changes}


def run(tmp_path: Path, seeds: int = 3, name: str = "2026-01") -> Path:
    log = RunLog(tmp_path / "runs", {"id": name})
    for seed in range(seeds):
        log.append("trial", record(seed))
    log.close()
    return log.path


def same(database: Database, path: Path) -> bool:
    return [line.encode() for line in database.lines(path.stem)] == whole_lines(path)


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
    assert said == "store: 10 records of 3 earlier runs were missing and are there now"
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


def test_a_locked_file_is_away_for_a_while(
    database: Database, address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.store.database.PATIENCE", 0.05)
    path = run(tmp_path)
    ours = Database(address)
    told: list[str] = []
    follower = Follower(ours, path, told.append)
    other = sqlite3.connect(address.file)
    other.execute("BEGIN EXCLUSIVE")
    assert "database is locked" in follower.settle()
    other.rollback()
    other.close()
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
def test_a_damaged_file_is_kept_and_a_new_one_is_complete(damage: str, address: Address, tmp_path: Path) -> None:
    path = run(tmp_path, 200)
    opened, _ = open_store(address, path.parent, NOW)
    opened.close()
    file = tmp_path / "store.sqlite"
    content = file.read_bytes()
    for number in ("", "-2"):
        spoilt = {
            "garbage": b"no database" * 999,
            "truncated": content[: len(content) // 2],
            "page": content[:4096] + b"x" * 8192 + content[12288:],
        }[damage]
        file.write_bytes(spoilt)
        again, said = open_store(address, path.parent, NOW)
        assert same(again, path)
        again.close()
        assert f"It is kept as store.sqlite.damaged-2026-11-25T01-02-03{number}, and a new one was begun" in said[0]
        assert "201 records of 1 earlier run" in said[1]
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


@pytest.mark.parametrize(
    "text",
    [
        "store.sqlite", "", "sqlite://", "sqlite:///:memory:", "sqlite:///x?cache=geheim", "mysql://u:geheim@h/d",
        "postgresql+psycopg2://u:geheim@h/d", "postgresql://u:geh@eim@h/d", "postgresql://h:geheim/d", "geheim://",
        "postgresql://u:geheim@h/d?password=geheim", "://geheim", "sqlite://geheim/file",
    ],
)  # fmt: skip
def test_a_wrong_url_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(SuiteError, match=r"^Invalid --store[.:]") as refused:
        Address(text)
    assert "geh" not in str(refused.value).replace("geheim://", "")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:ge%40heim@host/claims",
        "postgresql+psycopg://me@host/claims?password=ge%40heim",
        "postgresql+psycopg://me@host/claims?password=ge@heim",
    ],
)
def test_a_password_is_shown_nowhere(text: str) -> None:
    address = Address(text)
    assert address.url.password == "ge@heim"
    assert str(address) == repr(address) == address.shown == "postgresql+psycopg://me:***@host/claims"
    assert address.clean("no ge@heim, no ge%40heim") == "no ***, no ***"
    assert address.redacted(["--store", text, f"--store={text}", "suite/"]) == [
        "--store", str(address), f"--store={address}", "suite/",
    ]  # fmt: skip
