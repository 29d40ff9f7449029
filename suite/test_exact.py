"""Decides each exact claim: compares Keras with an independent reference."""

from __future__ import annotations

import pytest

from suite.catalogue import EXACT_CLAIMS
from suite.session.messages import tell
from suite.session.session import Session

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("key", EXACT_CLAIMS)
def test_exact(key: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    claim = EXACT_CLAIMS[key]
    tell(request, claim.statement, lambda: suite_run.exact(claim))
