"""The number of workers, and the GPU of each."""

from __future__ import annotations

import os
import sys

import pytest

from harness.errors import SuiteError
from harness.execution import workers
from harness.execution.worker import Share
from tests.pretend_nvml import H100, failing, nvml


@pytest.fixture
def machine(monkeypatch):
    def of(cores, gigabytes):
        monkeypatch.setattr(workers, "cores", lambda: cores)
        monkeypatch.setattr(workers, "free_memory", lambda: gigabytes * 1e9)

    return of


@pytest.mark.parametrize(
    ("cores", "gigabytes", "asked", "tasks", "expected"),
    [
        (8, 100, None, 100, 8),  # cores
        (8, 100, None, 3, 3),  # tasks
        (8, 12, None, 100, 4),  # memory
        (64, 1000, None, 100, 16),  # enough
        (64, 1000, 20, 100, 20),  # more, where asked for
        (8, 100, 5, 100, 5),
        (8, 100, 5, 3, 3),
        (8, 1, None, 100, 1),
        (8, 1, 1, 100, 1),
        (8, 1, 4, 1, 1),  # one task needs no second worker
        (8, 100, None, 0, 1),
    ],
)
def test_as_many_as_cores_tasks_and_memory_allow(machine, cores, gigabytes, asked, tasks, expected):
    machine(cores, gigabytes)
    assert workers.count(asked, tasks) == expected


@pytest.mark.parametrize(
    ("cores", "gigabytes", "asked", "message"),
    [
        (8, 100, 9, "Expected: at most 8, the cores to use. Received: 9. Use --workers 8"),
        (8, 6, 3, "Expected: at most 2 with 6.0 GB free, at 2.5 GB each. Received: 3. Use --workers 2"),
        (8, 1, 2, "Use --workers 1"),
        (8, 100, 0, "Expected: at least 1. Received: 0"),
        (8, 100, -1, "Expected: at least 1. Received: -1"),
    ],
)
def test_a_number_that_does_not_fit_is_refused_with_one_that_does(machine, cores, gigabytes, asked, message):
    machine(cores, gigabytes)
    with pytest.raises(SuiteError) as refused:
        workers.count(asked, tasks=100)
    assert message in str(refused.value)


def test_free_memory_is_that_of_this_machine():
    assert 1e8 < workers.free_memory() < 1e14


@pytest.mark.parametrize(
    ("visible", "expected"), [("2,3", ("2", "3")), ("GPU-1f, GPU-2a", ("GPU-1f", "GPU-2a")), ("", ())]
)
def test_visible_gpus_are_those_of_the_variable(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert workers.visible_gpus() == expected


@pytest.mark.parametrize(
    ("driver", "expected"),
    [(nvml(H100, H100), ("0", "1")), (nvml(), ()), (failing("nvmlInit", "Driver Not Loaded"), ())],
    ids=["two", "none", "no driver"],
)
def test_without_the_variable_the_driver_counts_them(monkeypatch, driver, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert workers.visible_gpus() == expected


def test_each_worker_takes_one_gpu_of_those_given(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    taken = []
    for index in range(3):
        Share(gpus=("4", "7")).take(index)
        taken.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert taken == ["4", "7", "4"]
