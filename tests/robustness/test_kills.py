"""Repeated kill -9 of a run: nothing finished is lost, nothing is trained twice, and the report is the same.

KILLS is the number of kills (default: 6). The day of the year determines the moments, whether the run has one process
or two workers, and whether it pushes to SQLite or PostgreSQL. ``python -m tests.robustness.kills`` prints a table.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import pytest

from tests.robustness.kills import measure, sqlite, trained_twice

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")


@pytest.mark.slow
def test_kills(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    day, kills = datetime.datetime.now(datetime.UTC).timetuple().tm_yday, int(os.environ.get("KILLS", "6"))
    workers, server = 1 + day % 2, day // 2 % 2
    stores = {"postgresql": lambda _: request.getfixturevalue("postgresql").new()} if server else {"sqlite": sqlite}
    print(f"day {day}: {kills} kills of {workers} workers, {', '.join(stores)}")
    chains = measure(tmp_path, workers, stores, kills, day)
    assert sum(len(each.kills) for each in chains) >= kills
    assert [problem for each in chains for problem in each.problems] == []


def test_a_second_training_is_seen() -> None:
    """What the table's zero rests on."""
    first, second = ("e", "v", 0), ("e", "v", 1)
    noted = [("begun", first), ("begun", second), ("kept", first), ("begun", second), ("kept", second)]
    assert trained_twice(noted) == set()
    assert trained_twice([*noted, ("begun", first)]) == {first}
