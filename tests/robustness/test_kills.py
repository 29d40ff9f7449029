"""kill -9 of a run, again and again: nothing finished is lost, nothing is trained twice, the report is the same.

How many kills is KILLS, 6 where it is not set; the day of the year decides the moments, and the run of one process or
of two workers. ``python -m tests.robustness.measure_kills`` prints a table of fifty.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from tests.robustness.kills import WAYS, trained_twice
from tests.robustness.measure_kills import measure, problems

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers in Linux' /proc")


@pytest.mark.slow
def test_kills(tmp_path: Path) -> None:
    day, kills = datetime.datetime.now(datetime.UTC).timetuple().tm_yday, int(os.environ.get("KILLS", "6"))
    way = list(WAYS)[day % 2]
    print(f"day {day}: {kills} kills of {way}")
    found = measure(tmp_path, way, kills, day)
    assert sum(len(one.kills) for one in found) >= kills
    assert [problem for one in found for problem in problems(one)] == []


def test_a_second_training_is_seen() -> None:
    """What the table's zero rests on."""
    first, second = ("e", "v", 0), ("e", "v", 1)
    noted = [("begun", first), ("begun", second), ("kept", first), ("begun", second), ("kept", second)]
    assert trained_twice(noted) == set()
    assert trained_twice([*noted, ("begun", first)]) == {first}
