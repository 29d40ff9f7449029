"""Clusters: a scheduler that works, one that does not answer, and workers with other code or versions."""

from __future__ import annotations

import logging
import random
import shutil
import socket
import sys
import time
from concurrent.futures import CancelledError
from importlib import metadata

import dask
import pytest
from distributed import Client, KilledWorker, LocalCluster

from harness.errors import SuiteError
from harness.execution import cluster
from harness.execution.cluster import PACKAGES, Cluster, environment
from tests.dask_programs import ROOT, Programs, kill
from tests.execution.work import perform


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
def connected(somewhere):
    with Client(somewhere, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)  # an earlier test may have killed one
    with Cluster(somewhere) as executor:
        yield executor


BUSY = ("dask.sizeof", "distributed.scheduler", "distributed.comm.core", "tornado.ioloop")
"""Modules that draw random numbers."""


def test_a_cluster_runs_tasks_and_their_errors_are_failures(connected):
    assert connected.number == 2
    futures = [connected.submit(perform, "return", name) for name in "abc"]
    assert [future.result() for future in futures] == list("abc")
    with pytest.raises(SuiteError, match=r"^Invalid seed\.$"):
        connected.submit(perform, "refuse", "Invalid seed.").result()


def test_a_cluster_runs_the_task_of_a_dead_worker_again(connected, tmp_path):
    assert connected.submit(perform, "die once", str(tmp_path / "died")).result() == "again"


@pytest.mark.slow
def test_a_task_that_kills_its_workers_is_given_up_by_the_scheduler(connected):
    with pytest.raises(KilledWorker):
        connected.submit(perform, "die").result()


def test_only_the_task_draws_from_pythons_generator(connected):
    """Keras draws the seeds of initial weights from this generator. A draw by a thread of Dask would change them."""
    assert connected.submit(perform, "draw", 2).result() == (random.Random(0).random(), [])
    assert not [name for name, module in sys.modules.items() if name in BUSY and vars(module).get("random") is random]


@pytest.mark.parametrize("what", ["Python", "keras", "the course", "the project's code"])
def test_a_worker_that_would_compute_something_else_is_refused(somewhere, monkeypatch, what):
    ours = environment()
    monkeypatch.setattr(cluster, "environment", lambda *packages: {**ours, what: "another"})
    with pytest.raises(SuiteError, match=rf"The worker tcp://\S+ has {what} {ours[what]} instead of another\."):
        Cluster(somewhere)


def test_the_backend_must_be_the_same_too(somewhere, monkeypatch):
    theirs = metadata.version("jax")
    monkeypatch.setattr(cluster, "environment", lambda *packages: {**environment(*packages), "jax": "0.0.1"})
    with pytest.raises(SuiteError, match=rf"has jax {theirs} instead of 0\.0\.1\."):
        Cluster(somewhere, ("jax",))


@pytest.mark.slow
def test_a_worker_that_joins_later_with_other_code_is_sent_away(programs, tmp_path):
    """Its checkout has one line more. The task that it took is run by the other worker."""
    other = tmp_path / "checkout"
    for name in (*PACKAGES, "cases"):
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.npz"))
    shutil.copytree(ROOT / "tests" / "execution", other / "tests" / "execution")
    (other / "tests" / "__init__.py").touch()
    (other / "harness" / "more.py").write_text("x = 1\n")
    address = programs.scheduler()
    programs.worker(address)
    with Cluster(address) as executor:
        busy = executor.submit(perform, "sleep", 6)
        late = programs.worker(address, cwd=other)
        taken = executor.submit(perform, "return", 5)
        assert (busy.result(), taken.result()) == (None, 5)
    late.wait(20)


@pytest.mark.slow
def test_a_task_goes_to_a_worker_with_a_gpu_where_there_is_one(programs):
    address = programs.scheduler()
    programs.worker(address, "--name", "plain")
    programs.worker(address, "--name", "with-gpu", "--resources", "GPU=1", "--nthreads", "2")
    with Cluster(address) as executor:
        futures = [executor.submit(perform, "worker") for _ in "abcd"]
        assert {future.result() for future in futures} == {"with-gpu"}


@pytest.mark.slow
def test_a_cluster_that_has_lost_all_workers_ends_the_run(programs, monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "LONELY", 1.0)
    address = programs.scheduler()
    worker = programs.worker(address)
    with Cluster(address) as executor:
        future = executor.submit(perform, "begin and sleep", str(tmp_path / "begun"))
        while not (tmp_path / "begun").exists():
            time.sleep(0.05)
        kill(worker)
        with pytest.raises(CancelledError):
            future.result(60)
        assert executor.lost == "The cluster has had no worker for 1 s. Start some, and go on with --resume."


@pytest.mark.parametrize("listens", [False, True])
def test_a_scheduler_that_does_not_answer(monkeypatch, listens):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        if not listens:
            server.close()
        with pytest.raises(SuiteError, match=f"No Dask scheduler answers at {address} within 1 s"):
            Cluster(address)


@pytest.mark.parametrize("address", ["", "tcp://", "nowhere://1", "tcp://127.0.0.1:port", "10.0.0.1:99999"])
def test_an_invalid_address_is_refused(monkeypatch, address):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    with pytest.raises(SuiteError) as refused:
        Cluster(address)
    assert "--cluster" in str(refused.value)


def test_a_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    kwargs = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", silence_logs=logging.CRITICAL, scheduler_kwargs=kwargs) as empty,
        pytest.raises(SuiteError, match="has no worker"),
    ):
        Cluster(empty.scheduler_address)
