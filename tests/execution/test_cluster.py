"""Clusters: a scheduler that works, one that does not answer, and workers with other code or versions."""

from __future__ import annotations

import logging
import shutil
import socket
import time
from importlib import metadata

import dask
import pytest
from distributed import LocalCluster

from harness.errors import SuiteError
from harness.execution import cluster
from harness.execution.cluster import Cluster
from harness.execution.surroundings import PACKAGES, code, surroundings
from harness.execution.task import Done, Failed, Refused, Reported, RunAgain
from tests.dask_programs import ROOT, Programs, kill
from tests.execution.work import WORK, Job


@pytest.fixture(scope="module")
def somewhere():
    """A cluster with Dask's own settings: it runs a task again if its worker died."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 3}):
        running = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            silence_logs=logging.CRITICAL,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        )
    with running:
        yield running.scheduler_address


@pytest.fixture
def programs(tmp_path):
    with Programs(tmp_path) as started:
        yield started


@pytest.fixture
def messages():
    return []


@pytest.fixture
def connected(somewhere, messages):
    place = Cluster(WORK, messages.append, somewhere)
    yield place
    place.close()


def test_a_cluster_runs_tasks_and_streams_their_events(connected, messages):
    for name in ("a", "b", "c"):
        connected.submit(Job(name, (("report", 1), ("return", name))))
    connected.wait()
    for name in ("a", "b", "c"):
        assert [one for one in messages if one.name == name] == [Reported(name, 1), Done(name, name)]


def test_a_cluster_that_runs_a_task_again_by_itself_gives_nothing_twice(connected, messages, tmp_path):
    connected.submit(Job("dies", (("report", 1), ("die once", str(tmp_path / "died")), ("report", 2))))
    connected.wait()
    assert messages == [Reported("dies", 1), RunAgain("dies"), Reported("dies", 2), Done("dies", None)]


@pytest.mark.slow
def test_a_task_that_kills_its_workers_is_given_up_on_a_cluster_too(connected, messages):
    connected.submit(Job("killer", (("report", 1), ("die",))))
    connected.wait()
    assert messages[:2] == [Reported("killer", 1), RunAgain("killer")]
    assert isinstance(messages[-1], Failed)
    assert len(messages) == 3


@pytest.mark.parametrize("what", ["Python", "keras", "the course", "the project's code"])
def test_a_worker_that_would_compute_something_else_is_refused(somewhere, monkeypatch, what):
    ours = surroundings()
    monkeypatch.setattr(cluster, "surroundings", lambda packages: {**ours, what: "another"})
    with pytest.raises(SuiteError, match=rf"The worker tcp://\S+ has {what} {ours[what]} instead of another\."):
        Cluster(WORK, print, somewhere)


def test_the_backend_must_be_the_same_too(somewhere, monkeypatch):
    theirs = metadata.version("jax")
    monkeypatch.setattr(cluster, "surroundings", lambda packages: {**surroundings(packages), "jax": "0.0.1"})
    with pytest.raises(SuiteError, match=rf"has jax {theirs} instead of 0\.0\.1\."):
        Cluster(WORK, print, somewhere, ("jax",))


@pytest.mark.slow
def test_a_worker_that_joins_later_with_other_code_is_sent_away(programs, messages, tmp_path):
    """Its checkout has one line more. The task that it took is run by the other worker."""
    other = tmp_path / "checkout"
    for name in (*PACKAGES, "cases"):
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.npz"))
    shutil.copytree(ROOT / "tests" / "execution", other / "tests" / "execution")
    (other / "tests" / "__init__.py").touch()
    (other / "harness" / "more.py").write_text("x = 1\n")
    address = programs.scheduler()
    programs.worker(address)
    place = Cluster(WORK, messages.append, address)
    try:
        place.submit(Job("busy", (("report", 1), ("sleep", 6))))
        late = programs.worker(address, cwd=other)
        place.submit(Job("taken", (("return", 5),)))
        place.wait()
    finally:
        place.close()
    [refused] = [one for one in messages if isinstance(one, Refused)]
    assert refused.name == "taken"
    assert "has the project's code" in refused.reason
    ends = {one.name: one.result for one in messages if isinstance(one, Done)}
    assert ends == {"busy": None, "taken": 5}
    late.wait(20)


@pytest.mark.slow
def test_a_task_goes_to_a_worker_with_a_gpu_where_there_is_one(programs, messages):
    address = programs.scheduler()
    programs.worker(address, "--name", "plain")
    programs.worker(address, "--name", "with-gpu", "--resources", "GPU=1", "--nthreads", "2")
    place = Cluster(WORK, messages.append, address)
    try:
        for name in "abcd":
            place.submit(Job(name, (("worker",),)))
        place.wait()
    finally:
        place.close()
    assert {one.result for one in messages if isinstance(one, Done)} == {"with-gpu"}


@pytest.mark.slow
def test_a_cluster_that_has_lost_all_workers_ends_the_run(programs, messages, monkeypatch):
    monkeypatch.setattr(cluster, "LONELY", 1.0)
    address = programs.scheduler()
    worker = programs.worker(address)
    place = Cluster(WORK, messages.append, address)
    try:
        place.submit(Job("long", (("report", 1), ("sleep", 60))))
        while not messages:
            place.poll()
            time.sleep(0.05)
        kill(worker)
        with pytest.raises(SuiteError, match=r"has had no worker for 1 s\. Start some, and go on with --resume\."):
            place.wait()
    finally:
        place.close()


def test_one_changed_line_of_code_is_other_code(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "cases").mkdir()
    (tmp_path / "harness" / "a.py").write_text("x = 1\n")
    before = code(tmp_path, tmp_path / "cases")
    assert code(tmp_path, tmp_path / "cases") == before
    (tmp_path / "cases" / "a.py").write_text("x = 1\n")
    after = code(tmp_path, tmp_path / "cases")
    (tmp_path / "harness" / "a.py").write_text("x = 2\n")
    assert len({before, after, code(tmp_path, tmp_path / "cases")}) == 3


def test_a_port_where_nothing_listens(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SuiteError, match=f"No Dask scheduler answers at tcp://127.0.0.1:{port} within 1 s"):
        Cluster(WORK, print, f"tcp://127.0.0.1:{port}")


def test_a_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SuiteError, match=f"No Dask scheduler answers at {address}"):
            Cluster(WORK, print, address)


@pytest.mark.parametrize("address", ["", "tcp://", "nowhere://1", "tcp://127.0.0.1:port", "10.0.0.1:99999"])
def test_an_invalid_address_is_refused(monkeypatch, address):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with pytest.raises(SuiteError) as refused:
        Cluster(WORK, print, address)
    assert "--cluster" in str(refused.value)


def test_a_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    kwargs = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", silence_logs=logging.CRITICAL, scheduler_kwargs=kwargs) as empty,
        pytest.raises(SuiteError, match="has no worker"),
    ):
        Cluster(WORK, print, empty.scheduler_address)


@pytest.mark.slow
def test_a_scheduler_that_ends_ends_the_run(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 3.0)
    kwargs = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    ending = LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", silence_logs=logging.CRITICAL, scheduler_kwargs=kwargs
    )
    place = Cluster(WORK, print, ending.scheduler_address)
    place.submit(Job("long", (("sleep", 60),)))
    ending.close()
    with pytest.raises(SuiteError, match="connection to the Dask scheduler is lost"):
        place.wait()
    place.close()
