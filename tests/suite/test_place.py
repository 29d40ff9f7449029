"""The place of a run's trainings: this process, or worker processes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.execution import local
from harness.training.backend import Device
from suite.session import place
from suite.session.place import TrainingPlace
from tests.suite.test_options import checked

TWO: Any = [("example-4", "softmax"), ("example-4", "2 relu")]
CPU, GPU = Device("cpu", "AMD EPYC", "float32"), Device("gpu", "NVIDIA H100", "float32")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has four cores and 8 GB of memory."""
    monkeypatch.setattr(local, "cores", lambda: 4)
    monkeypatch.setattr(local, "free_memory", lambda: 8e9)


@pytest.mark.parametrize(
    ("seconds", "device", "number"),
    [(1.4, CPU, 1), (1.6, CPU, 3), (100.0, CPU, 3), (100.0, GPU, 1), (None, CPU, 3)],
    ids=["short", "long", "longer", "on a GPU", "not known"],
)
def test_processes_are_started_where_they_pay(seconds: float | None, device: Device, number: int) -> None:
    """20 trials, and memory for three processes. A trial without stored seconds counts as three seconds."""
    stored: Any = SimpleNamespace(seconds=lambda *key: seconds)
    options = checked(seeds="10")
    assert place.requested(options, TWO) is None
    assert place.default(options, device, stored, TWO) == TrainingPlace(number)


def test_a_check_has_a_task_for_each_variant() -> None:
    stored: Any = SimpleNamespace(seconds=lambda *key: 60.0, variant=lambda *key: None)
    assert place.default(checked(full=False), CPU, stored, TWO) == TrainingPlace(2)


def test_the_workers_option_holds_for_short_runs_too() -> None:
    assert place.requested(checked(workers="2"), TWO) == TrainingPlace(2)
    assert place.requested(checked(workers="1"), TWO) == TrainingPlace(1)
    assert place.requested(checked(workers="2"), []) == TrainingPlace(1)
