"""A clock that was set back: the newest run is the one that ran last, and no time is negative."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.record.run_file import latest_run
from tests.robustness.conftest import LATER
from tests.suite.command import ROOT, Finished, environment

OF_DAY = re.compile(r"\btime\.time\(|\btime\.time_ns\(|\bdate(time)?\.(now|utcnow|today)\(|CLOCK_REALTIME")


@pytest.mark.slow
def test_the_run_that_ran_last_is_the_latest(hostile: Finished) -> None:
    runs = hostile.folder / "report" / "runs"
    names = {path.stem for path in runs.glob("*.jsonl")}
    assert len(names) == 2
    (ours,) = names - {LATER}
    assert latest_run(runs).stem == ours
    assert hostile.report["run"]["id"] == ours
    began = datetime.datetime.fromisoformat(hostile.record.header.started)
    assert began.year < 2099  # the id is pushed forward, what is told is not


@pytest.mark.slow
def test_python_m_reports_takes_it(hostile: Finished) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reports", "--out", str(hostile.folder / "report")],
        cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert hostile.record.path.name in done.stdout
    assert LATER not in done.stdout


@pytest.mark.slow
def test_no_time_is_negative(hostile: Finished) -> None:
    record = hostile.record
    assert record.end is not None
    assert record.end.seconds is not None
    assert record.end.seconds > 0
    assert min(value for one in record.trainings.values() for value in msgspec.structs.astuple(one.seconds)) >= 0
    assert min(claim.seconds or 0.0 for claim in record.claims.values()) >= 0


def test_what_is_measured_is_measured_on_a_clock_that_nobody_sets() -> None:
    """The time of day only says when: in the id of a run and its start, and in a baseline's date."""
    places = [
        path
        for name in ("baselines", "cases", "harness", "reports", "suite")
        for path in Path(ROOT, name).rglob("*.py")
    ]
    found = [path.relative_to(ROOT).as_posix() for path in places for _ in OF_DAY.findall(path.read_text("utf-8"))]
    assert sorted(found) == ["harness/check/stored.py", "suite/session/start.py", "suite/session/timing.py"]
