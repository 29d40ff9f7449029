"""Records the result of each self-check, and shows a red one without a traceback."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from suite.session.messages import plain_errors
from suite.session.session import SESSION, Session, reason_of


@pytest.fixture(scope="session")
def engine(suite_run: Session) -> str:
    """The engine that trains the larger networks of this run, chosen by ``--engine``."""
    return str(suite_run.header.fingerprint["engine"])


@pytest.fixture(autouse=True)
def noted(suite_run: Session, request: pytest.FixtureRequest) -> None:
    """Shows the name of the running self-check."""
    suite_run.note(name_of(request.node))


def name_of(item: pytest.Item) -> str:
    """A self-check's name in the record: "test_trainings.py::test_network[relu-adam]"."""
    return item.nodeid.rpartition("/")[2]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    try:
        yield
    except Exception as error:
        record(item, error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    try:
        yield
    except Exception as error:
        record(item, error)
    else:
        record(item, None)


def record(item: pytest.Item, error: Exception | None) -> None:
    """Records a self-check, and fails it if it ended with an error.

    An AssertionError means that Keras changed. Any other exception means that the self-check could not be made.
    """
    name, moved = name_of(item), isinstance(error, AssertionError)
    wrong: list[str] = []
    if moved:
        wrong = str(error).splitlines() or ["An assertion fails."]
    elif error is not None:
        wrong = f"It could not be checked: {reason_of(error)}".splitlines()
    with plain_errors():
        item.config.stash[SESSION].self_check(name, wrong, moved)
    if wrong:
        pytest.fail("\n  ".join([f"self-check {name}:", *wrong]), pytrace=False)
