"""Some faults of the table every day, others the next: each that is caught there is caught still."""

import datetime
import json
import subprocess
import sys

import pytest

from suite.options import ROOT
from tests.faults.__main__ import OUT
from tests.faults.report import ELSEWHERE

pytestmark = pytest.mark.slow
DAILY = 6


def todays(names: list[str], day: int) -> list[str]:
    """DAILY of the names: another part each day, until all have had their turn."""
    start = day * DAILY % len(names)
    return [(names * 2)[start + index] for index in range(min(DAILY, len(names)))]


def test_every_fault_has_its_turn():
    names = [str(number) for number in range(200)]
    assert {name for day in range(365) for name in todays(names, day)} == set(names)


def test_what_was_caught_is_caught(tmp_path):
    table = json.loads((OUT / "faults-jax.json").read_text("utf-8"))
    caught = [row["name"] for row in table["rows"] if row[ELSEWHERE]["caught"]]
    chosen = todays(caught, datetime.datetime.now(datetime.UTC).timetuple().tm_yday)
    print("faults of today:", "; ".join(chosen))
    only = [word for name in chosen for word in ("--only", name)]
    command = [sys.executable, "-m", "tests.faults", "--out", str(tmp_path), *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads((tmp_path / "faults-jax.json").read_text("utf-8"))["rows"]
    assert [row["name"] for row in rows if not row[ELSEWHERE]["caught"]] == []
    assert {row["name"] for row in rows} == set(chosen)
