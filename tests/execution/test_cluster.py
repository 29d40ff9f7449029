"""Clusters: a scheduler that works, one that does not answer, and workers with other code or versions."""

from __future__ import annotations

import logging
import socket

import dask
import pytest
from distributed import LocalCluster

from harness.errors import SuiteError
from harness.execution import cluster
from harness.execution.cluster import Cluster, surroundings
from harness.execution.task import Done, Failed, Reported, RunAgain
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


@pytest.mark.parametrize("what", ["Python", "Keras", "code"])
def test_a_worker_that_would_compute_something_else_is_refused(somewhere, monkeypatch, what):
    ours = surroundings()
    monkeypatch.setattr(cluster, "version" if what == "Keras" else "code", lambda *_: "another")
    if what == "Python":
        monkeypatch.undo()
        monkeypatch.setattr("platform.python_version", lambda: "another")
    theirs = ours[what]
    with pytest.raises(SuiteError, match=rf"The worker tcp://\S+ has {what} {theirs}, and this process has another\."):
        Cluster(WORK, print, somewhere)


def test_one_changed_line_of_code_is_other_code(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "cases").mkdir()
    (tmp_path / "harness" / "a.py").write_text("x = 1\n")
    before = cluster.code(tmp_path)
    assert cluster.code(tmp_path) == before
    (tmp_path / "cases" / "a.py").write_text("x = 1\n")
    after = cluster.code(tmp_path)
    (tmp_path / "harness" / "a.py").write_text("x = 2\n")
    assert len({before, after, cluster.code(tmp_path)}) == 3


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
