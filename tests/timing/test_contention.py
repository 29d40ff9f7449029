"""How much other programs may have disturbed a measurement: with synthetic accounts, and with real programs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.timing.contention import Accounts, accounts, contention

STAT = """cpu  400 0 0 9 9 0 0 0 0 0
cpu0 100 10 20 900 5 3 2 7 1 0
cpu1 200 0 0 900 5 0 0 0 0 0
cpu2 7000 0 0 900 5 0 0 9 0 0
intr 5
"""


def at(wall: float, own: float, busy: float, stolen: float = 0.0, **waited: float) -> Accounts:
    return Accounts(wall, own, busy, stolen, waited or None)


ZERO = at(0.0, 0.0, 5.0, a=1.0, b=0.0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (at(10.0, 8.0, 14.0, a=9.0, b=3.0), 0.1),  # others ran for 1 s, our threads waited for each other too
        (at(10.0, 8.0, 25.0, a=1.5, b=0.5), 0.1),  # others ran for 12 s, on cores we had no use for
        (at(10.0, 8.0, 14.0, a=1.0, c=0.5), 0.05),  # a thread has ended, a new one has waited
        (at(10.0, 8.0, 14.0), 0.1),  # the kernel keeps no account of waiting
        (at(10.0, 8.0, 12.9, a=1.0, b=0.0), 0.0),  # clocks of different fineness
        (at(10.0, 8.0, 13.0, 0.5, a=1.0, b=0.0), 0.05),  # taken by the hypervisor
        (at(10.0, 2.0, 27.0, a=9.0, b=9.0), 1.7),
    ],
)
def test_the_smaller_of_two_bounds(after: Accounts, expected: float) -> None:
    assert contention(ZERO, after) == pytest.approx(expected)


def test_unknown_is_unknown() -> None:
    assert contention(None, ZERO) is None
    assert contention(ZERO, None) is None


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sysconf", lambda name: 100, raising=False)
    (tmp_path / "stat").write_text(STAT)
    for thread, line in (("1", "9 2000000000 3"), ("2", "9 500000000 3"), ("3", "")):
        (tmp_path / "self" / "task" / thread).mkdir(parents=True)
        (tmp_path / "self" / "task" / thread / "schedstat").write_text(line)
    return tmp_path


def test_only_the_cores_this_process_may_use_count(proc: Path) -> None:
    known = accounts(proc)
    assert known is not None
    assert (known.busy, known.stolen, known.waited) == (3.35, 0.07, {"1": 2.0, "2": 0.5})


@pytest.mark.parametrize("text", [None, "", "cpu0 0 0 0 0 0 0 0 0\n", "cpu0 1 2\n", "cpu0 a b c d e f g h\n"])
def test_a_system_without_accounts_is_no_error(proc: Path, text: str | None) -> None:
    (proc / "stat").unlink()
    if text is not None:
        (proc / "stat").write_text(text)
    assert accounts(proc) is None


def test_a_system_without_affinity_is_no_error(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert accounts(proc) is None


@pytest.mark.skipif(accounts() is None, reason="this system keeps no accounts")
def test_real_neighbours_are_seen() -> None:
    """Two programs for each core, so that one in three of our seconds is ours."""
    hog = [sys.executable, "-c", "import sys\nprint('ready', flush=True)\nwhile True: pass"]
    hogs = [subprocess.Popen(hog, stdout=subprocess.PIPE) for _ in range(2 * len(os.sched_getaffinity(0)))]
    try:
        for process in hogs:
            assert process.stdout is not None
            process.stdout.readline()
        before, begin = accounts(), time.perf_counter()
        while time.perf_counter() - begin < 1.0:
            pass
        known = contention(before, accounts())
    finally:
        for process in hogs:
            process.kill()
            process.communicate()
    assert known is not None
    assert known > 0.3
