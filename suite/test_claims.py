"""Decides each claim from the trials of its experiment, and trains those that are missing."""

from __future__ import annotations

import pytest

from suite.catalogue import TRAINING_CLAIMS
from suite.session.messages import message, plain_errors, properties
from suite.session.session import Session

pytestmark = pytest.mark.training


@pytest.mark.parametrize("key", TRAINING_CLAIMS)
def test_claims(key: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    claim = TRAINING_CLAIMS[key]
    with plain_errors():
        outcome = suite_run.claim(claim)
    request.node.user_properties += properties(outcome)
    if outcome.red:
        pytest.fail(message(outcome, claim.statement), pytrace=False)
