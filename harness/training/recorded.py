"""Recorded metrics: what an experiment records of its model, in addition to losses and accuracies."""

from __future__ import annotations

from typing import Any

from harness.training.setup import TrainingSetup


def record_metrics(setup: TrainingSetup, model: Any, history: dict[str, list[float]], prefix: str = "") -> None:
    """Appends the experiment's recorded metrics (``observe``) of ``model`` to the curves of ``history``.

    The names of the curves begin with ``prefix``.
    """
    assert setup.experiment.observe is not None
    for name, value in setup.experiment.observe(model, setup.data).items():
        history.setdefault(prefix + name, []).append(float(value))
