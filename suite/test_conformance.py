"""Holds the machinery to references of its own: see ``suite.conformance``."""

from __future__ import annotations

import pytest

from suite.conformance import CHECKS
from suite.conformance.checking import conform
from suite.outcome import plain_errors
from suite.run import SuiteRun

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("name", CHECKS)
def test_conformance(name: str, suite_run: SuiteRun) -> None:
    with plain_errors():
        wrong = conform(suite_run, name)
    if wrong:
        pytest.fail("\n  ".join([f"conformance of {name}:", *wrong]), pytrace=False)
