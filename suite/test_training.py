"""Trains each variant, compares it with the evidence, and passes its times to pytest-benchmark."""

from __future__ import annotations

import pytest

from suite.catalogue import TRAININGS, training_name
from suite.session.messages import plain_errors
from suite.session.session import Session
from suite.session.timing import training_row

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("experiment", "variant"), TRAININGS, ids=[training_name(*pair) for pair in TRAININGS])
def test_training(experiment: str, variant: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        record = suite_run.training((experiment, variant))
    reported = {name: getattr(record, name) for name in ("engine", "backend", "device", "reused")}
    reported |= {name: getattr(record.summary, name) for name in ("metric", "mean", "std", "n")}
    diverged = sum(trial.divergence is not None for trial in suite_run.trials.done(record.key))
    reported |= {"diverged": diverged, "baseline": str(record.outcome.state)}
    training_row(request, suite_run, record, reported)
    request.node.user_properties += [(name, str(value)) for name, value in reported.items() if value is not None]
    if record.red:
        pytest.fail(f"{training_name(*record.key)} {record.outcome.state}: {record.outcome.reason}", pytrace=False)
