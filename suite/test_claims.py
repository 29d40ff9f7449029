"""Decides each claim from the trials of its experiment."""

from __future__ import annotations

import pytest

from suite.catalogue import TRAINING_CLAIMS
from suite.session.messages import tell
from suite.session.session import Session

pytestmark = pytest.mark.training


@pytest.mark.parametrize("key", TRAINING_CLAIMS)
def test_claims(key: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    claim = TRAINING_CLAIMS[key]
    tell(request, claim.statement, lambda: suite_run.claim(claim))
