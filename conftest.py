"""Declares the suite's options and fixture; ``suite/`` implements them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import SuiteError
from suite.cli import options

if TYPE_CHECKING:
    from suite.session.session import Session


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    options.add(parser)
    try:
        options.choose_course(pluginmanager.get_plugin("pytestconfig").invocation_params.args)  # type: ignore[union-attr]
    except SuiteError as error:
        raise options.usage(error) from None


@pytest.fixture(scope="session")
def suite_run(request: pytest.FixtureRequest) -> Session:
    """The run: it trains, decides, compares and records."""
    from suite.session.session import SESSION

    return request.config.stash[SESSION]
