"""Holds the machinery to references of its own: see ``suite.conformance``."""

from __future__ import annotations

import pytest

from harness.training.engines import ENGINES
from suite.conformance import CHECKS, ENGINE_OF
from suite.conformance.checking import conform
from suite.session.messages import plain_errors
from suite.session.session import Session

pytestmark = pytest.mark.exact


@pytest.mark.parametrize("name", CHECKS)
def test_conformance(name: str, suite_run: Session) -> None:
    backend, engine = suite_run.options.backend, ENGINE_OF.get(name)
    if engine is not None and backend not in ENGINES[engine].backends:
        pytest.skip(f"engine {engine!r} runs on {' and '.join(ENGINES[engine].backends)}, not on {backend}")
    with plain_errors():
        wrong = conform(suite_run, name)
    if wrong:
        pytest.fail("\n  ".join([f"conformance of {name}:", *wrong]), pytrace=False)
