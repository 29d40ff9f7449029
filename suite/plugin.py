"""The suite's plugin: ``lecture_claims`` loads it where a command names the suite, a clone's ``conftest.py`` always.

It declares the suite's options, markers and fixture; ``suite/conftest.py`` implements them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import SuiteError
from suite import options

if TYPE_CHECKING:
    from suite.session.session import Session

OF_KERAS = "__array__ implementation doesn't accept a copy keyword"
"""A DeprecationWarning about Keras' own variables under NumPy 2; nothing here or in a case can change it."""
IGNORED = (
    # TensorFlow's AutoGraph on Python 3.13; nothing here can change it.
    "ignore:.*Support for arbitrary keyword arguments is deprecated:DeprecationWarning",
    # In a checkout that cannot be written nothing is lost but the order for --last-failed.
    "ignore:could not create cache path",
    f"ignore:{OF_KERAS}:DeprecationWarning:keras",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    if sys.flags.optimize > 1:
        raise options.usage(SuiteError("Python runs without docstrings, which libraries read. Unset PYTHONOPTIMIZE."))
    options.add(parser)
    config = pluginmanager.get_plugin("pytestconfig")
    assert isinstance(config, pytest.Config)
    try:
        options.choose_course(config.invocation_params.args)
    except SuiteError as error:
        raise options.usage(error) from None


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Makes pytest load ``suite/conftest.py`` at the start with ``--pyargs suite`` too, as with the folder's path."""
    known = early_config.known_args_namespace
    if known.pyargs and any(name.partition(".")[0] == "suite" for name in known.file_or_dir):
        known.file_or_dir.append(str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in options.MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    for line in IGNORED:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def suite_run(request: pytest.FixtureRequest) -> Session:
    """The run: it trains, decides, compares and records."""
    from suite.session.session import SESSION

    return request.config.stash[SESSION]
