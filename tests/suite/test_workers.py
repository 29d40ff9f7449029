"""``--workers 2``: the same trials and verdicts as one process, each trained once; a kill loses no finished trial."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.record.run import Run, read_run
from tests.suite.command import PLAIN, ROOT, TINY, Finished, arguments, environment, kinds, lines, suite, trials
from tests.suite.conftest import JAX
from tests.suite.timeless import timeless

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("two_workers"),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]
TWO = ("--workers", "2")
PLACE = ("workers", "threads")
"""Fields of a header with the place of the trainings."""


def anywhere(value: Any) -> Any:
    """A timeless report without the place of its trainings."""
    if isinstance(value, dict):
        return {key: anywhere(item) for key, item in value.items() if key not in PLACE}
    return [anywhere(item) for item in value] if isinstance(value, list) else value


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
    assert anywhere(timeless(shared.report)) == anywhere(timeless(first.report))


def test_each_trial_is_trained_once(shared: Finished) -> None:
    assert all(seeds == [0, 1, 2, 3, 4] for seeds in seeds_of(shared.record).values())
    assert kinds(shared.record).count("training") == 2
    assert kinds(shared.record).count("experiment") == 1


def test_workers_are_single_threaded_and_counted(shared: Finished) -> None:
    assert shared.record.header.workers == 2
    assert shared.record.header.fingerprint["threads"] == 1


def test_what_needs_no_training_comes_first_and_claims_last(shared: Finished) -> None:
    found = re.findall(r"^suite/test_(\w+)\.py", shared.output, re.MULTILINE)
    assert list(dict.fromkeys(found)) == ["exact", "training", "claims"]


def test_the_run_ends_as_one(shared: Finished) -> None:
    assert len(re.findall(r"^5 cases: ", shared.output, re.MULTILINE)) == 1
    assert f"report: {shared.folder / 'report' / 'REPORT.md'}" in shared.output
    assert "warning" not in shared.output.lower()
    assert len(re.findall(r"^example-2/\S+ +epoch +\S+ (?:s|ms|µs) +5$", shared.output, re.MULTILINE)) == 2
    assert not [path for path in (shared.folder / "report" / "runs").iterdir() if path.suffix != ".jsonl"]


def test_junit_has_the_findings(shared: Finished) -> None:
    root = ET.parse(shared.folder / "junit.xml").getroot()
    found = {
        case.get("name", ""): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in root.iter("testcase")
    }
    claim = found["test_claims[raw-data-diverges]"]
    assert claim["verdict"] == "SUPPORTED"
    assert claim["baseline_state"] == "new"
    assert (claim["effect_1_estimate"], claim["effect_1_n"]) == ("1.0", "5")
    assert found["test_exact[minmax-table]"]["verdict"] == "SUPPORTED"
    training = found["test_training[example-2/raw]"]
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


def test_workers_that_cannot_begin_are_reported_once(two_workers: None, tmp_path: Path) -> None:
    run = suite(tmp_path, *JAX, *TWO, "-k", TINY, "--require-gpu", env={"JAX_PLATFORMS": "cpu"})
    assert run.code == 4
    assert run.output.count("--require-gpu: jax computes on the CPU") == 1
    assert not list((tmp_path / "report" / "runs").glob("*"))


ACTING = (*PLAIN, "-p", "tests.suite.acting")
SEEDS = 20
SLOW = ("--backend", "jax", "--seeds", str(SEEDS), *TWO, "-k", TINY)
# A shell without job control starts its background jobs with SIGINT ignored, and children inherit that, as under CI.
HEARS_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


@contextlib.contextmanager
def begun(folder: Path, *options: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Starts a run in a process group of its own. The group is killed after the test."""
    command = [sys.executable, "-c", HEARS_CTRL_C, *arguments(folder, *options, plugins=ACTING)]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def finished(process: subprocess.Popen[str], folder: Path, seconds: float = 240) -> Finished:
    code = process.wait(timeout=seconds)
    return Finished(code, (folder / "output").read_text("utf-8"), folder)


def wait_for_trials(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "output").read_text("utf-8")
        for path in (folder / "report" / "runs").glob("*.jsonl"):
            if path.read_text("utf-8").count('"kind":"trial"') >= count:
                return
        time.sleep(0.05)
    raise AssertionError("too few trials were finished in two minutes")


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [child for child in family(process) if any("spawn_main" in word for word in child.cmdline())]


def left_of(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """The processes that still run after some seconds. A zombie counts as ended."""
    end = time.monotonic() + seconds
    while left := [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        if time.monotonic() > end:
            return left
        time.sleep(0.05)
    return []


def seeds_of(run: Run) -> dict[str, list[int]]:
    """The seeds of each line of a trial, by variant."""
    found: dict[str, list[int]] = {}
    for line in lines(run):
        if line["kind"] == "trial":
            found.setdefault(line["trial"]["variant"], []).append(line["trial"]["seed"])
    return {variant: sorted(seeds) for variant, seeds in found.items()}


WHOLE = {"raw": list(range(SEEDS)), "min-max": list(range(SEEDS))}


def test_a_killed_worker_loses_nothing_and_trains_nothing_twice(tmp_path: Path) -> None:
    with begun(tmp_path, *SLOW, SLOW="0.3") as process:
        wait_for_trials(tmp_path, process, 3)
        first, second = workers(process)
        first.kill()
        run = finished(process, tmp_path)
    assert run.code == 0, run.output
    assert "the worker process died. What is left is trained again in another." in run.output
    assert seeds_of(run.record) == WHOLE
    assert "Traceback" not in run.output
    assert left_of([first, second], 1) == []


def test_a_training_that_kills_its_workers_is_given_up_by_name(tmp_path: Path) -> None:
    """The other trainings finish. The exit code reports that a training could not be run."""
    options = (*JAX, *TWO, "-k", "minmax-fixes or raw-data or scale-gap-hurts or minmax-table")
    with begun(tmp_path, *options, DEADLY="example-2/raw") as process:
        run = finished(process, tmp_path)
    assert run.code == 3, run.output
    assert run.red == {"example-2/raw", "raw-data-diverges", "minmax-fixes-divergence"}
    assert {key for key, verdict in run.verdicts.items() if verdict == "NOT_RUN"} == {
        "raw-data-diverges", "minmax-fixes-divergence"
    }  # fmt: skip
    assert set(run.verdicts) == {"raw-data-diverges", "minmax-fixes-divergence", "scale-gap-hurts", "minmax-table"}
    assert run.states == {"example-2/min-max": "new", "scale-gap/raw": "new", "scale-gap/min-max": "new"}
    assert re.search(r"example-2/raw could not be trained: 2 worker processes died while they ran", run.output)
    assert "go on with --resume" in run.output
    assert "Traceback" not in run.output


@pytest.fixture(scope="module")
def interrupted(two_workers: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, list[psutil.Process]]:
    """A run that got Ctrl-C while both workers trained, and its workers. A terminal sends Ctrl-C to every process."""
    folder = tmp_path_factory.mktemp("interrupted")
    with begun(folder, *SLOW, SLOW="0.3") as process:
        wait_for_trials(folder, process, 5)
        started = family(process)
        os.killpg(process.pid, signal.SIGINT)
        run = finished(process, folder, 30)
        assert len(started) >= 2
        left = left_of(started, 2)
    return run, left


def test_ctrl_c_leaves_no_process_and_the_record_whole(interrupted: tuple[Finished, list[psutil.Process]]) -> None:
    run, left = interrupted
    assert run.code == 2, run.output
    assert left == []
    assert "Traceback" not in run.output
    assert run.record.end is not None
    assert run.record.end.interrupted
    assert run.report["partial"]
    assert 5 <= kinds(run.record).count("trial") < 2 * SEEDS
    assert "every finished trial is in" in run.output


def test_an_interrupted_run_goes_on_and_trains_only_what_is_missing(
    interrupted: tuple[Finished, list[psutil.Process]],
) -> None:
    run, _ = interrupted
    before = seeds_of(run.record)
    resumed = suite(run.folder, *SLOW, "--resume", plugins=ACTING)
    assert resumed.code == 0, resumed.output
    assert seeds_of(resumed.record) == WHOLE != before
    assert resumed.record.header.id != run.record.header.id
    assert not resumed.report["partial"]


def test_kill_9_of_the_run_leaves_no_process_and_the_finished_trials(tmp_path: Path) -> None:
    with begun(tmp_path, *SLOW, SLOW="0.3") as process:
        wait_for_trials(tmp_path, process, 3)
        started = family(process)
        process.kill()
        process.wait()
        assert len(started) >= 2
        assert left_of(started, 10) == []
    (path,) = (tmp_path / "report" / "runs").glob("*.jsonl")
    run = read_run(path)
    assert run.end is None
    assert sum(map(len, run.trials.values())) >= 3
