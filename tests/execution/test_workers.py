"""Worker processes on this machine: real ones, and real kills."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import psutil
import pytest

from harness.errors import SuiteError
from harness.execution import pool, workers
from harness.execution.task import Done, Failed, Reported, RunAgain
from harness.execution.workers import Workers
from tests.execution.test_interrupt import alive
from tests.execution.work import WORK, Job

pytestmark = pytest.mark.filterwarnings("error")


BUSY = ("dask.sizeof", "distributed.scheduler", "distributed.comm.core", "tornado.ioloop")
"""Modules that draw random numbers."""


class Log:
    """The messages of one test, and the time of each."""

    def __init__(self):
        self.messages = []
        self.times = []

    def __call__(self, message):
        self.messages.append(message)
        self.times.append(time.monotonic())

    def of(self, name):
        return [message for message in self.messages if message.name == name]


@pytest.fixture(scope="module")
def shared():
    """The worker processes and the log of the whole module. To start workers takes seconds."""
    log = Log()
    shared = [Workers(WORK, log, 2), log]
    yield shared
    shared[0].close()


@pytest.fixture
def place(shared):
    """The shared place, once both workers run: a killed worker has been started again.

    Dask starts none for a worker that dies before Dask has heard of its start, as may happen on a busy machine.
    """
    try:
        shared[0]._client.wait_for_workers(2, timeout=60)
    except TimeoutError:
        shared[0].close()
        shared[0] = Workers(WORK, shared[1], 2)
    return shared[0]


@pytest.fixture
def log(shared):
    shared[1].__init__()
    return shared[1]


def test_results_come_as_they_are_ready(place, log):
    place.submit(Job("slow", (("sleep", 3),)))
    place.submit(Job("quick", (("return", 7),)))
    place.wait("slow", "quick")
    assert log.messages == [Done("quick", 7), Done("slow", None)]


def test_only_the_task_draws_from_pythons_generator(place, log):
    """Keras draws the seeds of initial weights from this generator. A draw by a thread of Dask would change them."""
    place.submit(Job("draws", (("draw", 30),)))
    place.wait("draws")
    assert log.messages[-1] == Done("draws", (random.Random(0).random(), []))
    assert not [name for name, one in sys.modules.items() if name in BUSY and vars(one).get("random") is random]


def test_an_event_comes_while_its_task_still_runs(place, log):
    place.submit(Job("streams", (("report", "epoch 1"), ("sleep", 1), ("report", "epoch 2"))))
    place.wait("streams")
    assert log.messages == [Reported("streams", "epoch 1"), Reported("streams", "epoch 2"), Done("streams", None)]
    assert log.times[1] - log.times[0] > 0.8


def test_all_events_come_in_order_before_the_end(place, log):
    for name in ("many 1", "many 2"):
        place.submit(Job(name, (("reports", 200), ("return", name))))
    place.wait("many 1", "many 2")
    for name in ("many 1", "many 2"):
        assert log.of(name) == [*(Reported(name, number) for number in range(200)), Done(name, name)]


def test_waiting_for_one_task_handles_the_messages_of_others(place, log):
    place.submit(Job("other", (("report", 1),)))
    place.submit(Job("waited for", (("sleep", 3),)))
    place.wait("waited for")
    assert log.messages == [Reported("other", 1), Done("other", None), Done("waited for", None)]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (("refuse", "Invalid seed. Expected: 1."), "Invalid seed. Expected: 1."),
        (("break", "by zero"), "ZeroDivisionError: by zero"),
        (("exit",), "SystemExit: 3"),
        (("unpicklable",), "result of this task cannot be sent to another process"),
    ],
)
def test_an_error_is_a_failure_and_is_not_tried_again(place, log, step, reason):
    name = f"fails {reason}"
    place.submit(Job(name, (("report", "tried"), step)))
    place.wait(name)
    tried, failed = log.messages
    assert tried == Reported(name, "tried")
    assert isinstance(failed, Failed)
    assert reason in failed.reason


def test_a_task_that_cannot_be_pickled_is_refused(place):
    with pytest.raises(SuiteError, match="cannot be sent to another process"):
        place.submit(Job("holds a function", (("report", lambda: None),)))
    place.wait()  # not for that one


def test_an_event_that_cannot_be_pickled_fails_its_task(place, log):
    place.submit(Job("reports a function", (("report function",),)))
    place.wait("reports a function")
    (failed,) = log.messages
    assert isinstance(failed, Failed)
    assert failed.reason.startswith("An event of this task cannot be sent to another process: ")


def test_the_workers_have_one_thread_on_one_core_each(place, log):
    before = dict(os.environ)
    for name in ("where 1", "where 2"):
        place.submit(Job(name, (("sleep", 0.3), ("surroundings",))))
    place.wait("where 1", "where 2")
    found = [message.result for message in log.messages]
    assert len({pid for pid, _, _ in found} | {os.getpid()}) == 3
    for _, _, variables in found:
        assert variables["OMP_NUM_THREADS"] == variables["TF_NUM_INTRAOP_THREADS"] == "1"
        assert "--xla_cpu_multi_thread_eigen=false" in variables["XLA_FLAGS"]
    if hasattr(os, "sched_getaffinity"):
        mine = os.sched_getaffinity(0)
        assert all(len(cores) == 1 and cores <= mine for _, cores, _ in found)
        assert len(set.union(*(cores for _, cores, _ in found))) == min(2, len(mine))
    assert dict(os.environ) == before


def test_nothing_listens_beyond_this_machine(place):
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [one.laddr.ip for process in processes for one in process.net_connections() if one.status == "LISTEN"]
    assert len(listening) >= 5  # the scheduler, and two workers with their nannies
    assert set(listening) == {"127.0.0.1"}


def test_a_killed_worker_loses_only_what_it_had_not_reported(place, log, tmp_path):
    steps = (("report", 1), ("report", 2), ("die once", str(tmp_path / "died")), ("report", 3), ("return", "end"))
    place.submit(Job("killed once", steps))
    place.wait("killed once")
    name = "killed once"
    reported = [Reported(name, 1), Reported(name, 2)]
    assert log.messages == [*reported, RunAgain(name), Reported(name, 3), Done(name, "end")]


def test_a_worker_killed_from_outside_is_noticed_at_once(place, log, tmp_path):
    place.submit(Job("victim", (("report pid once", str(tmp_path / "pid")), ("sleep", 0.5))))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    killed = time.monotonic()
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    place.wait("victim")
    again = log.messages.index(RunAgain("victim"))
    assert log.times[again] - killed < 5
    assert log.messages[-1] == Done("victim", None)


def test_a_task_whose_worker_died_after_its_last_event_is_done(place, log):
    place.submit(Job("complete", (("report and die", 1),)))
    place.wait("complete")
    assert log.messages == [Reported("complete", 1), Done("complete", None)]


def test_a_task_that_kills_its_workers_is_given_up_and_no_other(place, log):
    place.submit(Job("killer", (("report", 1), ("die",))))
    others = [f"innocent {number}" for number in range(10)]
    for name in others:
        place.submit(Job(name, (("sleep", 0.05), ("return", name))))
    place.wait("killer", *others)
    reported, again, failed = log.of("killer")
    assert (reported, again) == (Reported("killer", 1), RunAgain("killer"))
    for word in ("killer", "2 worker processes died", "memory", "--workers", "--resume"):
        assert word in failed.reason
    for name in others:
        assert log.of(name) == [Done(name, name)]


@pytest.mark.slow
def test_a_task_that_had_not_begun_when_its_worker_died_is_not_blamed():
    log = Log()
    place = Workers(WORK, log, 1)
    try:
        for name in ("killer 1", "killer 2", "killer 3"):
            place.submit(Job(name, (("die",),)))
        place.submit(Job("innocent", (("return", 1),)))
        place.wait()
    finally:
        place.close()
    for name in ("killer 1", "killer 2", "killer 3"):
        assert [type(message) for message in log.of(name)] == [RunAgain, Failed]
    assert log.of("innocent") == [Done("innocent", 1)]


def test_a_task_that_no_worker_can_begin_is_a_failure(place, log, monkeypatch):
    monkeypatch.setattr(pool, "attempt", cannot_begin)
    place.submit(Job("not begun"))
    place.wait("not begun")
    assert log.messages == [Failed("not begun", "No worker process can begin this task. ImportError: no such module.")]


def cannot_begin(*_):
    raise ImportError("no such module")


def sends_nothing(*_):
    return None


def test_a_lost_end_of_a_task_ends_the_run(place, log, monkeypatch):
    monkeypatch.setattr(pool, "attempt", sends_nothing)
    place.submit(Job("silent"))
    with pytest.raises(SuiteError, match="connection to the Dask scheduler is lost"):
        place.wait("silent")
    place.wait()  # not for that one


def test_two_tasks_cannot_have_one_name(place, log):
    place.submit(Job("named"))
    with pytest.raises(SuiteError, match="'named' was submitted before"):
        place.submit(Job("named"))
    with pytest.raises(SuiteError, match="'nobody': it was never submitted"):
        place.wait("nobody")
    place.wait()


def children():
    return [
        one for one in psutil.Process().children(recursive=True) if "resource_tracker" not in " ".join(one.cmdline())
    ]


def test_closing_delivers_reported_events_and_ends_every_process(place, tmp_path):
    before, log = set(children()), Log()
    place = Workers(WORK, log, 2)  # another one
    ours = [one for one in children() if one not in before]
    assert len(ours) == 2
    for name in ("a", "b"):
        place.submit(Job(name, (("report", name), ("report pid once", str(tmp_path / name)))))
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.messages == []
    start = time.monotonic()
    place.close()
    assert time.monotonic() - start < 4
    assert sorted(message.event for message in log.messages) == ["a", "b"]
    assert alive(ours, 1) == []
    assert set(children()) <= before
    place.close()


@pytest.mark.slow
def test_closing_while_a_worker_is_started_again_leaves_no_process(shared):
    before = set(children())
    place = Workers(WORK, Log(), 1)
    place.submit(Job("killer", (("die",),)))
    (worker,) = [one for one in children() if one not in before]
    assert alive([worker], 10) == []
    place.close()
    assert set(children()) <= before


@pytest.mark.slow
def test_a_run_without_workers_reports_it(monkeypatch):
    monkeypatch.setitem(workers.CONFIGURATION, "distributed.scheduler.no-workers-timeout", "1 s")
    place = Workers(WORK, Log(), 1)
    try:
        for nanny in place._cluster.workers.values():
            nanny.close_gracefully()  # a worker that dies is not replaced
        place.submit(Job("killer", (("die",),)))
        with pytest.raises(SuiteError, match="No worker process is left"):
            place.wait()
    finally:
        place.close()
