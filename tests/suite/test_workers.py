"""Runs whose trainings other processes do: two workers, or a Dask scheduler and workers that are programs of their own.

They have the trials and verdicts of one process, each trained once; a kill loses no finished trial. And Ctrl-C and
kill -9 of a run, of one process and of several.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.record.run import read_run
from reports import __main__ as reports
from tests.dask_programs import Programs, kill
from tests.processes import ACTING, alive, begun, family, finished, is_worker, seeds_of, wait_for_trials
from tests.suite.command import JAX, TINY, Finished, kinds, suite, trials
from tests.suite.test_first_run import properties
from tests.suite.timeless import timeless

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("two_workers"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]
TWO = ("--workers", "2")
SEEDS = 20
LONG = ("--backend", "jax", "--seeds", str(SEEDS), "-k", TINY)
WHOLE = {"raw": list(range(SEEDS)), "min-max": list(range(SEEDS))}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    """Programs whose trainings take as long as the variable SLOW says."""
    monkeypatch.setenv("SLOW", "0.3")
    with Programs(tmp_path) as started:
        yield started


def joined(programs: Programs, address: str) -> subprocess.Popen[bytes]:
    """A worker that joins a cluster."""
    return programs.worker(address, "--preload", "tests.suite.acting")


@pytest.fixture(params=["workers", "cluster"])
def two(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options of a run by two processes."""
    if request.param == "workers":
        return TWO
    programs = request.getfixturevalue("programs")
    address = programs.scheduler()
    for _ in range(2):
        joined(programs, address)
    return "--cluster", address


@pytest.fixture(scope="module")
def shared(two_workers: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The run ``first`` with two workers, and with a JUnit file."""
    folder = tmp_path_factory.mktemp("shared")
    return suite(folder, *JAX, *TWO, "-k", TINY, "--junitxml", str(folder / "junit.xml"))


def test_workers_give_the_same_trials_states_and_report(shared: Finished, first: Finished) -> None:
    """What needs no training comes first, and claims last; and the run ends as one."""
    assert shared.code == first.code == 0, shared.output
    assert (shared.verdicts, shared.states) == (first.verdicts, first.states)
    assert trials(shared.record) == trials(first.record)
    place = ("workers", "threads")  # fields of a header with the place of the trainings
    assert timeless(shared.report, *place) == timeless(first.report, *place)
    assert kinds(shared.record).count("training") == 2
    assert (shared.record.header.workers, shared.record.header.fingerprint["threads"]) == (2, 1)
    modules = re.findall(r"^suite/test_(\w+)\.py", shared.output, re.MULTILINE)
    assert list(dict.fromkeys(modules)) == ["exact", "training", "claims"]
    assert len(re.findall(r"^5 claims: ", shared.output, re.MULTILINE)) == 1
    assert "warning" not in shared.output.lower()
    assert len(re.findall(r"^example-2/\S+ +epoch +\S+ (?:s|ms|µs) +5$", shared.output, re.MULTILINE)) == 2
    assert not [path for path in (shared.folder / "report" / "runs").iterdir() if path.suffix != ".jsonl"]


def test_junit_has_the_findings(shared: Finished) -> None:
    cases = properties(shared.folder / "junit.xml")
    claim, training = cases["test_claims[raw-data-diverges]"], cases["test_training[example-2/raw]"]
    assert (claim["verdict"], claim["baseline_state"]) == ("SUPPORTED", "new")
    assert (claim["effect_1_estimate"], claim["effect_1_n"]) == ("1.0", "5")
    assert cases["test_exact[minmax-table]"]["verdict"] == "SUPPORTED"
    assert (training["baseline"], training["n"], training["diverged"]) == ("new", "5", "5")


def test_a_check_by_workers_is_identical(copied: Callable[[str], Path]) -> None:
    """A claim with damaged evidence is red by name, as in one process. The others are checked."""
    folder = copied("checked")
    (folder / "baselines" / "jax-cpu" / "scale-gap.json").write_text("{", "utf-8")
    run = suite(folder, "check", "--backend", "jax", *TWO, "-k", "raw-data or minmax-fixes or scale-gap-hurts")
    assert run.code == 3, run.output
    assert run.states["example-2/raw"] == run.states["example-2/min-max"] == "identical"
    assert run.red == {"scale-gap/raw", "scale-gap/min-max", "scale-gap-hurts"}
    assert run.record.header.workers == 2


def test_workers_that_cannot_begin_are_reported_once(tmp_path: Path) -> None:
    run = suite(tmp_path, *JAX, *TWO, "-k", TINY, "--require-gpu", env={"JAX_PLATFORMS": "cpu"})
    assert run.code == 4
    assert run.output.count("--require-gpu: jax computes on the CPU") == 1
    assert not list((tmp_path / "report" / "runs").glob("*"))


def test_a_worker_or_a_node_that_is_killed_loses_nothing_and_trains_nothing_twice(
    two: tuple[str, ...], first: Finished, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The trials are those of one process."""
    with begun(tmp_path, *LONG, *two, SLOW="0.3") as process:
        wait_for_trials(tmp_path, process, 3)
        workers = list(filter(is_worker, family(process)))
        if workers:
            workers[0].kill()
        else:
            kill(request.getfixturevalue("programs").started[1])
        run = finished(process, tmp_path)
    assert run.code == 0, run.output
    said = "the worker process died. What is left is trained again in another." in run.output
    assert said == bool(workers)
    assert seeds_of(run.record) == WHOLE
    assert run.record.header.workers == 2
    assert {name: done[:5] for name, done in trials(run.record).items()} == trials(first.record)
    assert "Traceback" not in run.output
    assert alive(workers, 1) == []


def test_a_scheduler_that_is_restarted(programs: Programs, tmp_path: Path) -> None:
    """The run ends, says so, and goes on with --resume. Nothing is trained twice."""
    address = programs.scheduler()
    scheduler = programs.started[0]
    joined(programs, address)
    with begun(tmp_path, *LONG, "--cluster", address) as process:
        wait_for_trials(tmp_path, process, 3)
        kill(scheduler)
        run = finished(process, tmp_path)
    assert run.code == 3, run.output
    assert "The connection to the Dask scheduler is lost. Go on with --resume." in run.output
    assert 3 <= sum(map(len, seeds_of(run.record).values())) < 2 * SEEDS
    programs.scheduler(int(address.rpartition(":")[2]))
    programs.worker(address)
    again = suite(tmp_path, *LONG, "--cluster", address, "--resume")
    assert again.code == 0, again.output
    assert seeds_of(again.record) == WHOLE


def test_a_training_that_kills_its_workers_is_given_up_by_name(tmp_path: Path) -> None:
    """The other trainings finish. The exit code reports that a training could not be run. --resume goes on."""
    needy = {"raw-data-diverges", "minmax-fixes-divergence"}
    options = (*JAX, *TWO, "-k", "minmax-fixes or raw-data or scale-gap-hurts or minmax-table")
    with begun(tmp_path, *options, DEADLY="example-2/raw") as process:
        run = finished(process, tmp_path)
    assert run.code == 3, run.output
    assert run.red == {"example-2/raw", *needy}
    assert run.verdicts.keys() == {*needy, "scale-gap-hurts", "minmax-table"}
    assert {key for key, verdict in run.verdicts.items() if verdict == "NOT_RUN"} == needy
    assert run.states == {"example-2/min-max": "new", "scale-gap/raw": "new", "scale-gap/min-max": "new"}
    assert re.search(r"example-2/raw could not be trained: 2 worker processes died while they ran", run.output)
    assert "go on with --resume" in run.output
    assert "Traceback" not in run.output
    resumed = suite(tmp_path, *options, "--resume")
    assert resumed.code == 0
    assert resumed.verdicts.keys() == run.verdicts.keys()
    assert "NOT_RUN" not in resumed.verdicts.values()


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_leaves_no_process_and_the_record_whole_and_the_run_goes_on(processes: int, tmp_path: Path) -> None:
    """While it trains its second variant. A terminal sends Ctrl-C to every process. What can be decided is decided."""
    place = ("--workers", str(processes))
    with begun(tmp_path, *LONG, *place, SLOW="0.2") as process:
        wait_for_trials(tmp_path, process, 23 if processes == 1 else 5)
        started = family(process)
        os.killpg(process.pid, signal.SIGINT)
        run = finished(process, tmp_path, 60)
        assert alive(started, 2) == []
    assert len(started) >= 2 or processes == 1
    assert run.code == 2, run.output
    assert "Traceback" not in run.output
    assert run.record.end
    assert (run.record.end.interrupted, run.record.end.exit_status, run.report["partial"]) == (True, 2, True)
    assert 5 <= kinds(run.record).count("trial") < 2 * SEEDS
    if processes == 1:
        assert "⚪ Interrupted, " in run.output
        assert run.verdicts["raw-data-diverges"] == "SUPPORTED"
    assert run.output.splitlines()[-2:] == [
        f"every finished trial is in {run.record.path}",
        "to go on: the same command with --resume",
    ]
    assert "partial" in (tmp_path / "report" / "REPORT.md").read_text("utf-8").lower()
    resumed = suite(tmp_path, *LONG, *place, "--resume", plugins=ACTING)
    assert resumed.code == 0, resumed.output
    assert seeds_of(resumed.record) == WHOLE
    assert not resumed.report["partial"]


@pytest.mark.parametrize("where", ["one", "workers", "cluster"])
def test_kill_9_of_the_run_leaves_no_process_and_the_finished_trials(
    where: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """--resume goes on, with the same workers. Nothing is trained twice."""
    place: tuple[str, ...] = ("--workers", "1" if where == "one" else "2")
    if where == "cluster":
        programs = request.getfixturevalue("programs")
        place = ("--cluster", programs.scheduler())
        joined(programs, place[1])
    with begun(tmp_path, *LONG, *place, SLOW="0.2") as process:
        wait_for_trials(tmp_path, process, 3)
        started = family(process)
        assert len(list(filter(is_worker, started))) >= (2 if where == "workers" else 0)
        process.kill()
        process.wait()
        assert alive(started, 10) == []
    (path,) = (tmp_path / "report" / "runs").glob("*.jsonl")
    run = read_run(path)
    assert run.end is None
    assert sum(map(len, run.trials.values())) >= 3
    assert reports.main(["--out", str(tmp_path / "report")]) == 0
    assert "partial" in (tmp_path / "report" / "REPORT.md").read_text("utf-8").lower()
    again = suite(tmp_path, *LONG, *place, "--resume")
    assert again.code == 0, again.output
    assert seeds_of(again.record) == WHOLE
