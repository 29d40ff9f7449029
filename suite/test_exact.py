"""Decides each exact claim: what Keras does against an independent reference."""

from __future__ import annotations

import pytest

from suite.catalogue import EXACT_CLAIMS
from suite.outcome import plain_errors
from suite.run import SuiteRun

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("key", EXACT_CLAIMS)
def test_exact(key: str, suite_run: SuiteRun, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        outcome = suite_run.decide_exact(EXACT_CLAIMS[key])
    request.node.user_properties += outcome.properties
    if outcome.red:
        pytest.fail(outcome.message, pytrace=False)
