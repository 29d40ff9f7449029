"""The store on a PostgreSQL server that restarts, refuses, or belongs to somebody else."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from harness.store import RunLog
from harness.store.follower import Follower
from harness.store.opening import open_store

from harness.errors import SuiteError
from harness.record.address import Address
from harness.record.database import Database, StoreError
from tests.harness.stored import NOW, record, run, same
from tests.postgresql import PASSWORD, Server


def test_who_may_not_make_tables_uses_those_of_others(own_server: Server, tmp_path: Path) -> None:
    url = own_server.new()
    made, _ = open_store(Address(url), tmp_path, NOW)
    with made._engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE member LOGIN PASSWORD 'member'")
        connection.exec_driver_sql("GRANT SELECT, INSERT ON claims_records TO member")
        connection.exec_driver_sql("GRANT SELECT ON claims_schema TO member")
    made.close()
    host = url.rpartition("@")[2]
    path = run(tmp_path)
    theirs, _ = open_store(Address(f"postgresql://member:member@{host}"), path.parent, NOW)
    assert same(theirs, path)
    theirs.close()


def test_a_run_stays_claimed_when_the_server_restarts(own_server: Server) -> None:
    address = Address(own_server.new())
    ours, other = Database(address), Database(address)
    assert ours.claim("2026-01")
    own_server.stop()
    own_server.start()
    with contextlib.suppress(StoreError):
        ours.copied()  # connects again
    assert not other.claim("2026-01")
    ours.close()
    other.close()


def test_a_server_that_restarts_is_caught_up_with(own_server: Server, tmp_path: Path) -> None:
    path = run(tmp_path, 0)
    database, _ = open_store(Address(own_server.new()), path.parent, NOW)
    told: list[str] = []
    follower = Follower(database, path, told.append)
    log = RunLog.join(path, follower)
    log.append("trial", record(0))
    own_server.stop()
    for seed in range(1, 5):
        log.append("trial", record(seed))
    assert len(told) == 1
    assert PASSWORD not in told[0]
    assert "***@127.0.0.1" in told[0]
    assert follower.fault
    own_server.start()
    assert follower.settle() == ""
    assert "is back" in told[1]
    assert same(database, path)
    own_server.stop()
    own_server.start()
    log.append("trial", record(5))  # between two lines nobody notices
    assert len(told) == 2
    assert same(database, path)
    log.close()
    database.close()


def test_what_a_server_refuses_is_one_sentence(own_server: Server, tmp_path: Path) -> None:
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
        with pytest.raises(SuiteError, match=r"^The store postgresql\+psycopg://claims:\*\*\*@") as refused:
            open_store(Address(url), tmp_path, NOW)
        said = str(refused.value)
        assert reason in said.lower().replace("name or service not known", "resolve host")
        assert "\n" not in said
        assert "heim" not in said
        assert "wort" not in said
