"""Makes each self-check: compares Keras, the engines and the course's data with an independent reference."""

from __future__ import annotations

import pytest

from suite.catalogue import SELF_CHECKS
from suite.session.messages import tell
from suite.session.session import Session

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("key", SELF_CHECKS)
def test_self_check(key: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    check = SELF_CHECKS[key]
    if check.backends and suite_run.options.backend not in check.backends:
        pytest.skip(f"it is about {' and '.join(check.backends)}, not {suite_run.options.backend}")
    tell(request, check.statement, lambda: suite_run.self_check(check))
