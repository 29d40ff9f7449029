"""Runs each erratum: the slide's code, which today fails or gives another result, and its replacement."""

from __future__ import annotations

import pytest

from suite.catalogue import ERRATA
from suite.session.messages import erratum_message, erratum_properties, plain_errors
from suite.session.session import Session

pytestmark = pytest.mark.errata


@pytest.mark.parametrize("name", ERRATA)
def test_errata(name: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        finding = suite_run.erratum(ERRATA[name])
    request.node.user_properties += erratum_properties(finding)
    if finding.red:
        pytest.fail(erratum_message(finding, ERRATA[name].statement), pytrace=False)
