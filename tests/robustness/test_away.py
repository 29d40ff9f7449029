"""The store goes away in the middle of a run, and comes back: the run goes on, and nothing is missing in the end."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from harness.store.follower import whole_lines
from suite.recording import FILE

from harness.record.address import Address
from harness.record.database import PATIENCE, Database
from tests.postgresql import Server
from tests.robustness.watched import Watched, record_of

pytestmark = pytest.mark.slow
SOME = 10
"""Records after which the store goes: the run is in the midst of its trainings."""


def check(run: Watched, url: str) -> None:
    """It ends as if nothing had been, but for two lines."""
    code, said = run.process.wait(300), (run.folder / "said").read_text("utf-8")
    assert code == 0, said
    assert said.count("The run goes on, and keeps its results in") == 1
    assert said.count("is back, and has what it missed") == 1
    path = record_of(run.folder)
    assert path is not None
    database = Database(Address(url))
    assert [line.encode() for line in database.lines(path.stem)] == whole_lines(path)
    database.close()


def test_sqlite_is_locked_for_a_while(tmp_path: Path) -> None:
    """By another process, for longer than the run waits for it."""
    store = tmp_path / "report" / FILE
    with Watched(tmp_path, workers=False) as run:
        assert run.wait(SOME)
        other = sqlite3.connect(store)
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(PATIENCE + 1)
        other.rollback()
        other.close()
        check(run, f"sqlite:///{store}")


def test_postgresql_is_stopped_and_started_again(own_server: Server, tmp_path: Path) -> None:
    url = own_server.new()
    with Watched(tmp_path, False, "--store", url) as run:
        assert run.wait(SOME)
        own_server.stop()
        while "The run goes on" not in (tmp_path / "said").read_text("utf-8"):
            assert run.process.poll() is None
            time.sleep(0.05)
        own_server.start()
        check(run, url)
