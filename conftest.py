"""Declares the suite's options and fixture; ``suite/`` implements them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suite.cli import options

if TYPE_CHECKING:
    from suite.session.session import Session


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


@pytest.fixture(scope="session")
def suite_run(request: pytest.FixtureRequest) -> Session:
    """The run: it trains, decides, compares and records."""
    from suite.session.session import SESSION

    return request.config.stash[SESSION]
