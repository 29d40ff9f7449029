"""Decides each claim from the trials of its experiment; trains what has not been trained."""

from __future__ import annotations

import pytest

from suite.catalogue import TRAINING_CLAIMS
from suite.outcome import plain_errors
from suite.run import SuiteRun

pytestmark = pytest.mark.training


@pytest.mark.parametrize("key", TRAINING_CLAIMS)
def test_claims(key: str, suite_run: SuiteRun, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        outcome = suite_run.decide(TRAINING_CLAIMS[key])
    request.node.user_properties += outcome.properties
    if outcome.red:
        pytest.fail(outcome.message, pytrace=False)
