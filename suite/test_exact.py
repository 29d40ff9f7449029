"""Decides each exact claim: compares Keras with an independent reference."""

from __future__ import annotations

import pytest

from suite.catalogue import EXACT_CLAIMS
from suite.session.messages import message, plain_errors, properties
from suite.session.session import Session

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("key", EXACT_CLAIMS)
def test_exact(key: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    claim = EXACT_CLAIMS[key]
    with plain_errors():
        outcome = suite_run.exact(claim)
    request.node.user_properties += properties(outcome)
    if outcome.red:
        pytest.fail(message(outcome, claim.statement), pytrace=False)
