"""Records what each self-check finds, and shows a red one without a traceback."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from suite.options import RUN
from suite.outcome import plain_errors
from suite.run import SuiteRun, not_run


@pytest.fixture(scope="session")
def engine(suite_run: SuiteRun) -> str:
    """The engine that trains the larger networks of this run, as ``--engine`` has it."""
    return str(suite_run.fingerprint["engine"])


@pytest.fixture(autouse=True)
def noted(suite_run: SuiteRun, request: pytest.FixtureRequest) -> None:
    """Shows which self-check runs."""
    suite_run.progress.note(name_of(request.node))


def name_of(item: pytest.Item) -> str:
    """Its name in the record, such as "test_trainings.py::test_network[relu-adam]"."""
    return item.nodeid.rpartition("/")[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """AssertionError: Keras has moved. Any other exception: the self-check could not be made, and nothing has moved."""
    wrong, moved = "", False
    try:
        yield
    except AssertionError as error:
        wrong, moved = str(error), True
    except Exception as error:
        wrong = f"It could not be checked: {not_run(error).reason}"
    run, name = item.config.stash[RUN], name_of(item)
    lines = wrong.splitlines()
    run.moved |= moved
    run.conformance[name] = lines
    with plain_errors():
        run.log.append("conformance", {"name": name, "wrong": lines, "moved": moved})
    if lines:
        pytest.fail("\n  ".join([f"self-check {name}:", *lines]), pytrace=False)
