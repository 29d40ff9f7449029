"""Runs each erratum: the slide's code, which today fails or gives another result, and its replacement."""

from __future__ import annotations

import pytest

from suite.catalogue import ERRATA
from suite.session.messages import tell
from suite.session.session import Session

pytestmark = pytest.mark.errata


@pytest.mark.parametrize("name", ERRATA)
def test_errata(name: str, suite_run: Session, request: pytest.FixtureRequest) -> None:
    erratum = ERRATA[name]
    tell(request, erratum.statement, lambda: suite_run.erratum(erratum))
