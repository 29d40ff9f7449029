"""What an experiment observes of its model beside losses and accuracies."""

from __future__ import annotations

from typing import Any

from harness.training.task import Task


def observed(task: Task, model: Any, history: dict[str, list[float]], prefix: str = "") -> None:
    """Appends what the experiment observes of ``model`` to the curves of ``history``, ``prefix`` before their names."""
    assert task.experiment.observe is not None
    for name, value in task.experiment.observe(model, task.data).items():
        history.setdefault(prefix + name, []).append(float(value))
