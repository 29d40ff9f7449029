"""Locks between processes: a lock has one holder, its death releases the lock, and no file is left."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.record.files import Held
from tests.suite.command import ROOT

HOLD = """
import sys, time
from pathlib import Path
from harness.record.files import Held
lock = Held(Path(sys.argv[1]), "busy")
print("held", flush=True)
time.sleep(600)
"""
COUNT = """
import sys
from pathlib import Path
from harness.record.files import Held
counter = Path(sys.argv[2])
for _ in range(30):
    with Held(Path(sys.argv[1]), "busy", 60):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".x.lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts a process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_has_one_holder(path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(SuiteError, match=r"^busy here$"):
        Held(path, "busy here")
    assert path.exists()


def test_patience_is_the_time_to_wait_for_a_lock(path: Path, holder: subprocess.Popen[str]) -> None:
    began = time.monotonic()
    with pytest.raises(SuiteError), Held(path, "busy", 0.3):
        raise AssertionError("never held")
    assert 0.3 <= time.monotonic() - began < 30
    threading.Timer(0.2, holder.kill).start()
    with Held(path, "busy", 60):
        assert holder.wait() != 0


def test_a_killed_holder_blocks_nobody(path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    assert path.exists()
    lock = Held(path, "busy")
    lock.release()
    lock.release()
    assert not path.exists()


def test_nothing_is_left_whatever_happens_meanwhile(path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), Held(path, "busy", 0.0):
        assert path.exists()
        raise ZeroDivisionError
    assert not path.exists()


def test_several_processes_hold_it_one_after_the_other(path: Path) -> None:
    """Each holder removes the file that the other processes wait for."""
    counter = path.with_name("counter")
    counter.write_text("0")
    command = [sys.executable, "-c", COUNT, str(path), str(counter)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert counter.read_text() == "120"
    assert not path.exists()


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SuiteError, match=r"Cannot make the lock .+/file/\.x\.lock: .+\. Make its folder writable\."):
        Held(tmp_path / "file" / ".x.lock", "busy")
