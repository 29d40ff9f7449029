"""Ctrl-C and ``kill -9`` of a process with workers, from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.test_repository import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def started():
    """Starts a controller in a process group of its own, as a shell does. The group is killed after the test."""
    running = []

    def start(*actions: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.execution.controller", *actions]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a job in the background ignores
        )
        running.append(process)
        return process

    yield start
    for process in running:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        finally:
            process.communicate()


def read_until(process: subprocess.Popen[str], number: int, word: str) -> None:
    """Reads the output of a process up to the ``number``-th line with ``word``."""
    assert process.stdout is not None
    while number:
        line = process.stdout.readline()
        assert line, process.communicate()
        number -= word in line


def alive(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """The processes that still run after some seconds; it returns early if none does. A zombie counts as ended."""
    end = time.monotonic() + seconds
    while left := [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        if time.monotonic() > end:
            return left
        time.sleep(0.05)
    return []


def test_ctrl_c_ends_all_processes_without_a_traceback(started):
    controller = started("sleep 60", "sleep 60")
    read_until(controller, 2, "Reported")
    family = psutil.Process(controller.pid).children(recursive=True)
    assert len(family) >= 2
    os.killpg(controller.pid, signal.SIGINT)
    output, errors = controller.communicate(timeout=10)
    assert output.split("\n")[-3:] == ["interrupted", "closed", ""]
    assert errors == ""
    assert controller.returncode == 0
    assert alive(family, 1) == []


def test_ctrl_c_while_workers_start_leaves_no_process(started):
    controller = started("sleep 60", "sleep 60")
    read_until(controller, 1, "starting")
    while len(family := psutil.Process(controller.pid).children(recursive=True)) < 3:  # two, and the resource tracker
        time.sleep(0.01)
    time.sleep(0.5)  # they import
    os.killpg(controller.pid, signal.SIGINT)
    _, errors = controller.communicate(timeout=20)
    assert errors.count("Traceback") == 1  # the controller's own, which catches no interrupt there
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert alive(family, 1) == []


@pytest.mark.parametrize(
    "action", ["sleep 60", pytest.param("hold", marks=pytest.mark.skipif(sys.platform != "linux", reason="prctl"))]
)
def test_kill_9_of_the_controller_leaves_no_process(started, action):
    controller = started("sleep 60", action)
    read_until(controller, 2, "Reported")
    family = psutil.Process(controller.pid).children(recursive=True)
    assert len(family) >= 2
    controller.kill()
    assert alive(family, 10) == []
    _, errors = controller.communicate()
    assert "Traceback" not in errors
