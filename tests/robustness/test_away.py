"""The database goes away before a run ends: the run is unaffected, and is pushed when the database is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.database import Database
from tests.postgresql import PASSWORD, Server
from tests.robustness.watched import Watched, record_of

pytestmark = pytest.mark.slow
SOME = 10
"""Records after which the database goes: the run is in the midst of its trainings."""


def ended(run: Watched, expected: int = 0) -> str:
    """What a run has said that ended as if nothing had been."""
    code, said = run.process.wait(300), (run.folder / "said").read_text("utf-8")
    assert code == expected, said
    assert (run.folder / "report" / "REPORT.md").exists()
    return said


def check_pushed(folder: Path, url: str) -> None:
    path = record_of(folder)
    assert path is not None
    assert Database(url).read() == (path.stem, path.read_bytes())


def test_postgresql_that_is_stopped_costs_nothing_and_is_made_up_for(own_server: Server, tmp_path: Path) -> None:
    url = own_server.new()
    with Watched(tmp_path, 1, "--store", url) as run:
        assert run.wait(SOME)
        own_server.stop()
        said = ended(run, 3)
    (error,) = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    assert error.startswith("ERROR: not pushed: The database postgresql+psycopg://claims:***@127.0.0.1")
    assert "Push it later: python -m reports --push --store URL --out " in error
    assert PASSWORD not in said
    own_server.start()
    path = record_of(tmp_path)
    assert path is not None
    assert len(Database(url).push_all(path.parent)) == 1
    check_pushed(tmp_path, url)


def test_a_database_that_is_away_from_the_start_is_said_at_once(own_server: Server, tmp_path: Path) -> None:
    """And if it is there when the run ends, the run is pushed."""
    url = own_server.new()
    own_server.stop()
    with Watched(tmp_path, 1, "--store", url) as run:
        assert run.wait(SOME)
        assert "The run goes on, and is pushed when it has ended." in (tmp_path / "said").read_text("utf-8")
        own_server.start()
        assert "not pushed" not in ended(run)
    check_pushed(tmp_path, url)
