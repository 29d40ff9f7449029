"""Trains each variant with all its seeds, timed by pytest-benchmark, and compares it with its stored baseline."""

from __future__ import annotations

from typing import Any

import pytest

from suite.catalogue import TRAININGS, training_name
from suite.outcome import plain_errors, timed_by
from suite.run import SuiteRun

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("experiment", "variant"), TRAININGS, ids=[training_name(*pair) for pair in TRAININGS])
def test_training(experiment: str, variant: str, suite_run: SuiteRun, benchmark: Any) -> None:
    with plain_errors(), timed_by(benchmark):
        benchmark.group = experiment
        benchmark.pedantic(suite_run.train, args=(experiment, variant), rounds=1, iterations=1)
        record = suite_run.compare(experiment, variant)
    names = ("engine", "backend", "device", "metric", "mean", "std", "n")
    benchmark.extra_info.update({name: record[name] for name in names}, baseline=record["baseline"]["state"])
    if record["red"]:
        pytest.fail(record["message"], pytrace=False)
