"""``--cluster``: a scheduler and workers that are programs of their own. A lost program loses no finished trial."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dask_programs import Programs, kill
from tests.processes import begun, finished, seeds_of, wait_for_trials
from tests.suite.command import JAX, TINY, Finished, suite, trials
from tests.suite.test_workers import LONG, SEEDS, WHOLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("two_workers"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    """Programs whose trainings take as long as the variable SLOW says."""
    monkeypatch.setenv("SLOW", "0.3")
    with Programs(tmp_path) as started:
        yield started


def test_the_trials_and_verdicts_are_those_of_one_process(programs: Programs, first: Finished, tmp_path: Path) -> None:
    address = programs.scheduler()
    for _ in range(2):
        programs.worker(address)
    run = suite(tmp_path, *JAX, "--cluster", address, "-k", TINY)
    assert run.code == 0, run.output
    assert run.verdicts == first.verdicts
    assert trials(run.record) == trials(first.record)
    assert run.record.header.workers == 2


def test_a_node_that_goes_away_loses_nothing(programs: Programs, tmp_path: Path) -> None:
    address = programs.scheduler()
    node, _ = (programs.worker(address, "--preload", "tests.suite.acting") for _ in range(2))
    with begun(tmp_path, *LONG, "--cluster", address) as process:
        wait_for_trials(tmp_path, process, 3)
        kill(node)
        run = finished(process, tmp_path)
    assert run.code == 0, run.output
    assert seeds_of(run.record) == WHOLE


def test_a_scheduler_that_is_restarted(programs: Programs, tmp_path: Path) -> None:
    """The run ends, says so, and goes on with --resume. Nothing is trained twice."""
    address = programs.scheduler()
    scheduler = programs.started[0]
    programs.worker(address, "--preload", "tests.suite.acting")
    with begun(tmp_path, *LONG, "--cluster", address) as process:
        wait_for_trials(tmp_path, process, 3)
        kill(scheduler)
        run = finished(process, tmp_path)
    assert run.code == 3, run.output
    assert "The connection to the Dask scheduler is lost. Go on with --resume." in run.output
    known = sum(map(len, seeds_of(run.record).values()))
    assert 3 <= known < 2 * SEEDS
    programs.scheduler(int(address.rpartition(":")[2]))
    programs.worker(address)
    again = suite(tmp_path, *LONG, "--cluster", address, "--resume")
    assert again.code == 0, again.output
    assert seeds_of(again.record) == WHOLE


def test_a_controller_that_is_killed(programs: Programs, tmp_path: Path) -> None:
    """``--resume`` goes on, with the same workers. Nothing is trained twice."""
    address = programs.scheduler()
    programs.worker(address, "--preload", "tests.suite.acting")
    with begun(tmp_path, *LONG, "--cluster", address) as process:
        wait_for_trials(tmp_path, process, 3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    again = suite(tmp_path, *LONG, "--cluster", address, "--resume")
    assert again.code == 0, again.output
    assert seeds_of(again.record) == WHOLE
