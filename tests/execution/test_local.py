"""Worker processes on this machine, with real kills."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness import working_folder
from harness.errors import SuiteError
from harness.execution import local
from harness.execution.local import Workers
from tests.execution.work import perform
from tests.pretend_nvml import H100, failing, nvml
from tests.processes import alive, wait_until
from tests.test_repository import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(scope="module")
def died():
    return []


@pytest.fixture(scope="module")
def workers(died):
    with Workers(2, lambda *args: died.append(args)) as running:
        yield running


def children(of=None):
    found = psutil.Process(of).children(recursive=True)
    return {each for each in found if "resource_tracker" not in " ".join(each.cmdline())}


def until(folder, number):
    """Waits until so many tasks have begun."""
    assert wait_until(lambda: sum(path.stat().st_size > 0 for path in folder.iterdir()) >= number, 60)


def test_results_come_as_they_are_ready(workers):
    slow, quick = workers.submit(perform, "sleep", 2), workers.submit(perform, "return", 7)
    assert quick.result() == 7
    assert not slow.done()
    assert slow.result() is None


@pytest.mark.parametrize(
    ("action", "value", "reason"),
    [
        ("refuse", "Invalid seed. Expected: 1.", "^Invalid seed. Expected: 1.$"),
        ("break", "by zero", "^ZeroDivisionError: by zero$"),
        ("exit", None, "^SystemExit: 3$"),
        ("unpicklable", None, "local object"),
    ],
)
def test_an_error_is_a_failure_and_is_not_tried_again(workers, died, action, value, reason):
    before = len(died)
    with pytest.raises(SuiteError, match=reason):
        workers.submit(perform, action, value).result()
    assert len(died) == before


def test_the_workers_have_one_thread_on_one_core_each(workers):
    before = dict(os.environ)
    told = [each.result() for each in [workers.submit(perform, "environment") for _ in range(2)]]
    assert len({pid for pid, *_ in told} | {os.getpid()}) == 3
    for _, _, variables, numpy in told:
        assert not numpy, "it reads the number of threads when it is imported"
        assert variables["OMP_NUM_THREADS"] == variables["TF_NUM_INTRAOP_THREADS"] == "1"
        assert "--xla_cpu_multi_thread_eigen=false" in variables["XLA_FLAGS"]
    mine = os.sched_getaffinity(0)
    assert all(len(cores) == 1 and cores <= mine for _, cores, *_ in told)
    assert len(set.union(*(cores for _, cores, *_ in told))) == min(2, len(mine))
    assert dict(os.environ) == before


def test_nothing_listens(workers):
    workers.submit(perform, "return", 1).result()
    listening = [each for child in children() for each in child.net_connections() if each.status == "LISTEN"]
    assert listening == []


def test_the_task_of_a_killed_worker_runs_again(workers, died, tmp_path):
    path = tmp_path / "pid"
    future = workers.submit(perform, "sleep once", str(path))
    until(tmp_path, 1)
    os.kill(int(path.read_text()), signal.SIGKILL)
    assert future.result(30) is None
    assert died[-1] == ("sleep once", str(path))


def test_a_task_that_kills_its_workers_is_given_up_and_no_other(workers, died):
    before = len(died)
    killer = workers.submit(perform, "die")
    others = [workers.submit(perform, "return", number) for number in range(10)]
    with pytest.raises(SuiteError, match=r"2 worker processes died .* memory. Use fewer --workers .* --resume"):
        killer.result()
    assert [each.result() for each in others] == list(range(10))
    assert died[before:] == [("die",)]


def test_no_worker_starts_in_a_folder_that_is_gone_a_moment_later(tmp_path):
    """An erratum runs in a folder of its own; a process that starts then would begin there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    deaths = []
    with Workers(1, lambda *args: deaths.append(args)) as running:
        with working_folder.LOCK, contextlib.chdir(gone):
            task = running.submit(perform, "return", 7)
            time.sleep(0.5)
        gone.rmdir()
        assert task.result(60) == 7
    assert deaths == []


def test_shutdown_cancels_tasks_and_leaves_no_process(tmp_path):
    before = children()
    executor = Workers(2)
    running = [executor.submit(perform, "begin and sleep", str(tmp_path / name)) for name in "ab"]
    queued = executor.submit(perform, "return", 1)
    until(tmp_path, 2)
    started = children() - before
    assert len(started) == 2
    executor.shutdown()
    executor.shutdown()
    assert alive(started, 1) == []
    assert queued.cancelled()
    assert all(each.exception() is not None for each in running)


@pytest.fixture
def controller(tmp_path):
    """Starts a controller in a process group of its own, as a shell does. The group is killed after the test."""
    running = []

    def start(action):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.execution.controller", action, str(tmp_path)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a job in the background ignores
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_ctrl_c_ends_all_processes_without_a_traceback(controller, tmp_path):
    process = controller("begin and sleep")
    until(tmp_path, 2)
    family = children(process.pid)
    assert len(family) == 2
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert output.split() == ["starting", "interrupted", "closed"]
    assert (errors, process.returncode) == ("", 0)
    assert alive(family, 1) == []


def test_ctrl_c_while_workers_start_leaves_no_process(controller):
    process = controller("begin and sleep")
    while len(family := children(process.pid)) < 2:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (output.split()[-1], errors) == ("closed", "")
    assert alive(family, 1) == []


@pytest.mark.parametrize("action", ["begin and sleep", "hold"])
def test_kill_9_of_the_controller_leaves_no_process(controller, tmp_path, action):
    process = controller(action)
    until(tmp_path, 2)
    family = children(process.pid)
    assert len(family) == 2
    process.kill()
    assert alive(family, 10) == []
    assert "Traceback" not in process.communicate()[1]


@pytest.mark.parametrize(
    ("cores", "gigabytes", "asked", "tasks", "expected"),
    [
        (8, 100, None, 100, 8),  # cores
        (8, 100, None, 3, 3),  # tasks
        (8, 12, None, 100, 4),  # memory
        (64, 1000, None, 100, 16),  # enough
        (64, 1000, 20, 100, 20),  # more, where asked for
        (8, 100, 5, 3, 3),
        (8, 1, None, 100, 1),
        (8, 1, 4, 1, 1),  # one task needs no second worker
        (8, 100, None, 0, 1),
        (8, 100, 9, 100, "Expected: at most 8, the cores to use. Received: 9. Use --workers 8"),
        (8, 6, 3, 100, "Expected: at most 2 with 6.0 GB free, at 2.5 GB each. Received: 3. Use --workers 2"),
        (8, 100, 0, 100, "Expected: at least 1. Received: 0"),
    ],
)
def test_as_many_as_cores_tasks_and_memory_allow(monkeypatch, cores, gigabytes, asked, tasks, expected):
    monkeypatch.setattr(local, "cores", lambda: tuple(range(cores)))
    monkeypatch.setattr(local, "free_memory", lambda: gigabytes * 1e9)
    if isinstance(expected, int):
        assert local.count(asked, tasks) == expected
        return
    with pytest.raises(SuiteError) as refused:
        local.count(asked, tasks)
    assert expected in str(refused.value)


def test_free_memory_is_that_of_this_machine_and_container(monkeypatch, tmp_path):
    assert 1e8 < local.free_memory() < 1e14
    (tmp_path / "limit").write_text("1000\n")
    monkeypatch.setattr(local, "LIMITS", (str(tmp_path / "none"), str(tmp_path / "limit")))
    assert local.free_memory() == 1000


@pytest.mark.parametrize(
    ("variable", "driver", "expected"),
    [
        ("2,3", None, ("2", "3")),
        ("GPU-1f, GPU-2a", None, ("GPU-1f", "GPU-2a")),
        ("", None, ()),
        (None, nvml(H100, H100), ("0", "1")),
        (None, nvml(), ()),
        (None, failing("nvmlInit", "Driver Not Loaded"), ()),
    ],
)
def test_visible_gpus(monkeypatch, variable, driver, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    if driver is not None:
        monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert local.visible_gpus() == expected
    assert [local._share(expected, index) for index in range(3)] == [
        expected[index % len(expected)] if expected else None for index in range(3)
    ]
