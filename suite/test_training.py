"""Trains each variant with all its seeds, timed by pytest-benchmark, and compares it with its stored baseline."""

from __future__ import annotations

import pytest

from suite.catalogue import TRAININGS, training_name
from suite.outcome import plain_errors, timed
from suite.run import SuiteRun

pytestmark = pytest.mark.training

REPORTED = ("engine", "backend", "device", "metric", "mean", "std", "n", "diverged", "reused")
"""What pytest-benchmark's JSON and --junitxml carry beside the state of the baseline."""


@pytest.mark.parametrize(("experiment", "variant"), TRAININGS, ids=[training_name(*pair) for pair in TRAININGS])
def test_training(experiment: str, variant: str, suite_run: SuiteRun, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        extra = timed(request, experiment, suite_run.train, experiment, variant)
        record = suite_run.compare(experiment, variant)
    said = {name: record[name] for name in REPORTED} | {"baseline": record["baseline"]["state"]}
    extra.update(said)
    request.node.user_properties += [(name, str(value)) for name, value in said.items() if value is not None]
    if record["red"]:
        pytest.fail(record["message"], pytrace=False)
