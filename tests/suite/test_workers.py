"""``--workers 2``: the same trials and verdicts as one process, each trained once; a kill loses no finished trial.

And Ctrl-C and kill -9 of a run, of one process and of several.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.record.run import read_run
from reports import __main__ as reports
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
PLACE = ("workers", "threads")
"""Fields of a header with the place of the trainings."""
SEEDS = 20
LONG = ("--backend", "jax", "--seeds", str(SEEDS), "-k", TINY)
WHOLE = {"raw": list(range(SEEDS)), "min-max": list(range(SEEDS))}


@pytest.fixture(scope="module")
def shared(two_workers: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The run ``first`` with two workers, and with a JUnit file."""
    folder = tmp_path_factory.mktemp("shared")
    return suite(folder, *JAX, *TWO, "-k", TINY, "--junitxml", str(folder / "junit.xml"))


def test_workers_give_the_same_trials_states_and_report(shared: Finished, first: Finished) -> None:
    assert shared.code == first.code == 0, shared.output
    assert shared.verdicts == first.verdicts
    assert shared.states == first.states
    assert trials(shared.record) == trials(first.record)
    assert timeless(shared.report, *PLACE) == timeless(first.report, *PLACE)
    assert seeds_of(shared.record) == {variant: [0, 1, 2, 3, 4] for variant in ("raw", "min-max")}
    assert kinds(shared.record).count("training") == 2
    assert (shared.record.header.workers, shared.record.header.fingerprint["threads"]) == (2, 1)


def test_the_run_ends_as_one(shared: Finished) -> None:
    """What needs no training comes first, and claims last."""
    modules = re.findall(r"^suite/test_(\w+)\.py", shared.output, re.MULTILINE)
    assert list(dict.fromkeys(modules)) == ["exact", "training", "claims"]
    assert len(re.findall(r"^5 cases: ", shared.output, re.MULTILINE)) == 1
    assert f"report: {shared.folder / 'report' / 'REPORT.md'}" in shared.output
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


def test_a_killed_worker_loses_nothing_and_trains_nothing_twice(tmp_path: Path) -> None:
    with begun(tmp_path, *LONG, *TWO, SLOW="0.3") as process:
        wait_for_trials(tmp_path, process, 3)
        first, second = filter(is_worker, family(process))
        first.kill()
        run = finished(process, tmp_path)
    assert run.code == 0, run.output
    assert "the worker process died. What is left is trained again in another." in run.output
    assert seeds_of(run.record) == WHOLE
    assert "Traceback" not in run.output
    assert alive([first, second], 1) == []


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


@pytest.fixture(scope="module", params=[1, 2])
def interrupted(
    request: pytest.FixtureRequest, two_workers: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Finished, list[psutil.Process]]:
    """A run that got Ctrl-C while it trained its second variant, its number of processes, and those that are left.

    A terminal sends Ctrl-C to every process.
    """
    folder = tmp_path_factory.mktemp("interrupted")
    with begun(folder, *LONG, "--workers", str(request.param), SLOW="0.2") as process:
        wait_for_trials(folder, process, 23 if request.param == 1 else 5)
        started = family(process)
        os.killpg(process.pid, signal.SIGINT)
        run = finished(process, folder, 60)
        left = alive(started, 2)
    assert len(started) >= 2 or request.param == 1
    return request.param, run, left


def test_ctrl_c_leaves_no_process_and_the_record_whole(interrupted: tuple[int, Finished, list[psutil.Process]]) -> None:
    """What can be decided is decided."""
    processes, run, left = interrupted
    assert run.code == 2, run.output
    assert left == []
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
    assert "partial" in (run.folder / "report" / "REPORT.md").read_text("utf-8").lower()


def test_an_interrupted_run_goes_on_and_trains_only_what_is_missing(
    interrupted: tuple[int, Finished, list[psutil.Process]],
) -> None:
    processes, run, _ = interrupted
    before = seeds_of(run.record)
    resumed = suite(run.folder, *LONG, "--workers", str(processes), "--resume", plugins=ACTING)
    assert resumed.code == 0, resumed.output
    assert seeds_of(resumed.record) == WHOLE != before
    assert resumed.record.header.id != run.record.header.id
    assert not resumed.report["partial"]


@pytest.mark.parametrize("processes", [1, 2])
def test_kill_9_of_the_run_leaves_no_process_and_the_finished_trials(processes: int, tmp_path: Path) -> None:
    with begun(tmp_path, *LONG, "--workers", str(processes), SLOW="0.2") as process:
        wait_for_trials(tmp_path, process, 3)
        started = family(process)
        process.kill()
        process.wait()
        assert len(started) >= 2 or processes == 1
        assert alive(started, 10) == []
    (path,) = (tmp_path / "report" / "runs").glob("*.jsonl")
    run = read_run(path)
    assert run.end is None
    assert sum(map(len, run.trials.values())) >= 3
    assert reports.main(["--out", str(tmp_path / "report")]) == 0
    assert "partial" in (tmp_path / "report" / "REPORT.md").read_text("utf-8").lower()
