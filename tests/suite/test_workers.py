"""``-n 2`` (pytest-xdist): the same trials and verdicts as one process, each trial trained once, one record."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import BaseFileLock
from harness.store import RunLog
from hypothesis import given
from hypothesis import strategies as st
from suite.crashed import Crashed
from suite.exchange import Exchange

from harness.domain.trial import Trial
from harness.errors import SuiteError
from suite import workers
from tests.suite.command import ROOT, TINY, Finished, arguments, environment, suite, trials
from tests.suite.conftest import JAX

pytestmark = pytest.mark.slow
XDIST = ("-p", "no:randomly", "-p", "no:timeout", "-p", "no:cacheprovider", "-p", "xdist")
TWO = ("-n", "2")


@pytest.fixture(scope="module")
def shared(first: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """What ``first`` runs in one process, by two workers, with a JUnit file."""
    folder = tmp_path_factory.mktemp("shared")
    return suite(folder, *JAX, *TWO, "-k", TINY, "--junitxml", str(folder / "junit.xml"), plugins=XDIST)


def test_workers_come_to_the_same_trials_and_verdicts(shared: Finished, first: Finished) -> None:
    assert shared.code == first.code == 0
    assert shared.verdicts == first.verdicts
    assert trials(shared.record) == trials(first.record)


def test_each_trial_is_trained_once(shared: Finished) -> None:
    assert all(
        [trial.seed for trial in trained] == [0, 1, 2, 3, 4] for trained in shared.record.trials.values()
    )  # fmt: skip
    assert Counter(record["experiment"] for record in shared.record.trainings) == {"example-2": 2}
    assert list(shared.record.experiments) == ["example-2"]


def test_the_cores_are_divided(shared: Finished) -> None:
    assert shared.record.header["workers"] == 2
    if hasattr(os, "sched_getaffinity"):
        assert shared.record.header["fingerprint"]["threads"] == max(len(os.sched_getaffinity(0)) // 2, 1)


def test_the_run_ends_as_one(shared: Finished) -> None:
    assert shared.record.end is not None
    assert shared.record.end["exit_status"] == 0
    assert len(re.findall(r"^5 claims: ", shared.output, re.MULTILINE)) == 1
    assert f"report: {shared.folder / 'report' / 'REPORT.md'}" in shared.output
    assert shared.report["run"]["partial"] is False


def test_no_storm_of_warnings(shared: Finished) -> None:
    assert "warning" not in shared.output.lower()
    assert "benchmark '" not in shared.output
    assert not (shared.folder / "report" / "benchmark.json").exists()


def test_junit_carries_what_was_found(shared: Finished) -> None:
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


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Workers that cannot begin: no GPU."""
    folder = tmp_path_factory.mktemp("refused")
    return suite(
        folder, *JAX, *TWO, "-k", TINY, "--require-gpu", plugins=XDIST, env={"JAX_PLATFORMS": "cpu"}
    )  # fmt: skip


def test_workers_that_cannot_begin_say_so_once(refused: Finished) -> None:
    assert refused.code == 4
    assert refused.output.count("\n--require-gpu: jax computes on the CPU") == 1
    assert not list((refused.folder / "report" / "runs").glob("*"))


def test_a_killed_worker_loses_no_trial(tmp_path: Path) -> None:
    """kill -9 in the middle of a training: another worker goes on with it, and trains no trial twice."""
    options = (*JAX[:2], "--seeds", "12", *TWO, "-k", "tips-softmax")
    command = arguments(tmp_path, *options, plugins=XDIST)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            path = wait_for_trials(tmp_path, process)
            kill_a_worker(process.pid)
            output, _ = process.communicate(timeout=240)
        finally:
            process.kill()
    run = Finished(process.returncode, output, tmp_path)
    assert "their worker died, and they were run again: example-4-softmax/" in output
    assert run.code == 0
    assert run.record.path == path
    assert {key: sorted(t.seed for t in done) for key, done in run.record.trials.items()} == {
        ("example-4-softmax", "as printed"): list(range(12)),
        ("example-4-softmax", "rate 1e-4"): list(range(12)),
    }
    assert "tips-softmax" in run.verdicts


def wait_for_trials(folder: Path, process: subprocess.Popen[str]) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended by itself"
        for path in (folder / "report" / "runs").glob("*.jsonl"):
            if path.read_text("utf-8").count('"kind": "trial"') >= 3:
                return path
        time.sleep(0.05)
    raise AssertionError("no trial was finished in two minutes")


def kill_a_worker(controller: int) -> None:
    children = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)


@given(st.integers(1, 64), st.integers(1, 80))
def test_every_core_belongs_to_one_worker(cores: int, count: int) -> None:
    shares = [workers.share(list(range(cores)), index, count) for index in range(count)]
    assert all(shares)
    if count <= cores:
        assert sorted(core for share in shares for core in share) == list(range(cores))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def config(**given: Any) -> Any:
    """As much of pytest's configuration as ``workers`` looks at."""
    return SimpleNamespace(
        getoption=lambda name, default=None: given.get(name, default), option=SimpleNamespace(markexpr="")
    )


def test_workers_are_counted() -> None:
    assert workers.count(config()) == 1
    assert workers.count(config(dist="load", tx=["popen", "popen"])) == 2
    assert workers.count(config(dist="load", tx=["3*popen"])) == 3
    workers.check(config(dist="load", tx=["3*popen//python=python3"]))
    with pytest.raises(SuiteError, match="--tx"):
        workers.check(config(dist="load", tx=["popen", "socket=there:8888"]))


def test_an_exchange_reads_on_and_leaves_a_line_that_is_being_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path, {"id": "run"})
    exchange = Exchange(log.path, tmp_path)
    record = {"experiment": "e", "definition": "d", **Trial("v", 0).to_json()}
    log.append("experiment", {"id": "e"})
    log.append("trial", record)
    exchange.refresh()
    assert exchange.begun == {"e"}
    assert [trial.seed for trial in exchange.trials["e", "v"]] == [0]
    with log.path.open("ab") as file:
        file.write(b'{"kind": "trained", "experiment": "e", "vari')
    exchange.refresh()
    assert exchange.trained == {}
    with log.path.open("ab") as file:
        file.write(b'ant": "v", "error": null}\n')
    exchange.refresh()
    assert exchange.trained == {("e", "v"): None}
    assert len(exchange.trials["e", "v"]) == 1


def test_a_lock_is_freed_when_its_holder_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib; from suite.exchange import Exchange\n"
        "lock = Exchange(pathlib.Path('x'), pathlib.Path(sys.argv[1])).lock('a/b').acquire()\n"
        "print('held', flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        ours = Exchange(tmp_path / "x", tmp_path).lock("a/b")
        assert isinstance(ours, BaseFileLock)
        with pytest.raises(Exception, match="could not be acquired"):
            ours.acquire(timeout=0.2)
        holder.kill()
        holder.wait()
        with ours.acquire(timeout=5):
            pass


def test_the_trial_that_two_workers_died_of_is_not_tried_again(tmp_path: Path) -> None:
    for seed in (0, 0, 1):  # a mark that nobody took away is that of a dead worker
        Exchange(tmp_path / "run", tmp_path).begin("e/v", seed)
    ours = Exchange(tmp_path / "run", tmp_path)
    with pytest.raises(SuiteError, match=r"^2 workers died .* seed 0\. If memory ran out, .* go on with --resume\.$"):
        ours.begin("e/v", 0)
    ours.begin("e/v", 1)
    ours.begin("e/w", 0)
    ours.end("e/v")
    ours.begin("e/v", 0)


def test_an_item_is_run_again_twice() -> None:
    crashed, pending = Crashed(), list[str]()
    scheduler = SimpleNamespace(mark_test_pending=pending.append)

    def die() -> str:
        report = SimpleNamespace(outcome="failed")
        crashed.pytest_handlecrashitem("a.py::t[e/v]", report, scheduler)
        return report.outcome

    assert [die(), die()] == ["skipped", "skipped"]
    assert pending == ["a.py::t[e/v]"] * 2
    crashed.pytest_runtest_logreport(SimpleNamespace(nodeid="a.py::t[e/v]", when="call", passed=True))
    assert list(crashed.lines()) == ["their worker died, and they were run again: e/v"]
    assert die() == "failed"
    assert len(pending) == 2
    assert list(crashed.lines()) == ["ERROR: their worker died, and they have no result: e/v"]


def test_no_worker_is_left(shared: Finished) -> None:
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not re.search(re.escape(str(shared.folder)), running)
