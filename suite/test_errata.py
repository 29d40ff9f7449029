"""Runs each erratum: the slide's code, which fails or does something else today, and what is to replace it."""

from __future__ import annotations

import pytest

from suite import errata
from suite.catalogue import ERRATA
from suite.outcome import plain_errors
from suite.run import SuiteRun

pytestmark = pytest.mark.errata


@pytest.mark.parametrize("name", ERRATA)
def test_errata(name: str, suite_run: SuiteRun, request: pytest.FixtureRequest) -> None:
    with plain_errors():
        finding = suite_run.examine(ERRATA[name])
    request.node.user_properties += errata.properties(finding)
    if finding.red:
        pytest.fail(errata.message(finding), pytrace=False)
