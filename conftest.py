"""Options and fixtures of the suite; the work is done in ``suite/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from suite import options

if TYPE_CHECKING:
    from suite.run import SuiteRun


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


@pytest.fixture(scope="session")
def suite_run(request: pytest.FixtureRequest) -> SuiteRun:
    """The run of this process: trains, decides, compares and records."""
    broken = request.config.stash.get(options.BROKEN, None)
    if broken is not None:
        pytest.fail(broken, pytrace=False)
    return request.config.stash[options.RUN]
